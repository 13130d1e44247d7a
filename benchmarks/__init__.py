"""Side-by-side measurements; each module but the shared ones is a command."""
