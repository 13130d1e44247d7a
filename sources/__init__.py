"""One module per upstream set: a declared `SOURCE` and a `parse`. The registry is `registry.py`."""
