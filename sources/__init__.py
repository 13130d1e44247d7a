"""One module per upstream set: a declared `SOURCE` and a `parse`. The registry is `registry.py`."""

import os

# With lxml installed openpyxl reads formulas and furigana otherwise; a table must be read the same.
os.environ["OPENPYXL_LXML"] = "False"
