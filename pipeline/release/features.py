"""An Arrow schema as the `features` of a card's head, which `datasets` and the Hub's viewer read.

Written here and not by `datasets`, whose import takes longer than writing a small release; a test
holds the two against each other.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

_NAMES = {"float": "float32", "double": "float64"}  # where Arrow's name is another


def features(schema: pa.Schema) -> list[dict[str, Any]]:
    """Return one entry per column: its name and its type."""
    return [_feature(field.name, field.type) for field in schema]


def _feature(name: str, kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_struct(kind):
        return {"name": name, "struct": _parts(kind)}
    if not pa.types.is_list(kind):
        return {"name": name, "dtype": _name(kind)}
    inner = kind.value_type
    return {"name": name, "list": _parts(inner) if pa.types.is_struct(inner) else _name(inner)}


def _parts(kind: pa.StructType) -> list[dict[str, Any]]:
    return [_feature(field.name, field.type) for field in kind]


def _name(kind: pa.DataType) -> str:
    return _NAMES.get(str(kind), str(kind))
