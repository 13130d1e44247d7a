"""Functions on text whose result depends on its language; each of them takes the language."""
