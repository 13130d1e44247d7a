"""Where the units of work run; each engine maps one function over tasks, in order."""
