"""A user's own table (csv, tsv, xlsx, JSON lines, Parquet), read by a field map in the recipe.

`settings` is what a recipe declares, `files` and `workbook` turn a file into rows by column name,
`keys` reads the answer key, `items` makes items. A fault of the whole file is a `ValueError` of
one line; a fault of one row is a `BadRow` that says which cell.
"""

from sources.table.items import Table, parse_table, read_table
from sources.table.settings import Fields, TableSettings, source_of

__all__ = ["Fields", "Table", "TableSettings", "parse_table", "read_table", "source_of"]
