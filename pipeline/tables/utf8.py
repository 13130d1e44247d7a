"""Texts of a Parquet file whose bytes are no UTF-8: read as far as they can be, and counted.

Parquet writers do not check, and half of a surrogate pair, written as three bytes, is what a cut
through an emoji leaves. Polars would take such bytes on trust.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa


def readable(column: pa.Array) -> tuple[pa.Array, int]:
    """Return the column with U+FFFD for bytes that are no UTF-8, and in how many texts it stands.

    Raises `pa.ArrowInvalid` where something else is wrong with the column.
    """
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        values = column.cast(_as_bytes(column.type)).to_pylist()
        num_not_utf8 = sum(map(_num_not_utf8, values))
        if not num_not_utf8:
            raise
        return pa.array(map(_decoded, values), _as_text(column.type)), num_not_utf8
    return column, 0


def _as_bytes(of: pa.DataType) -> pa.DataType:
    return _with_texts(of, pa.large_binary())


def _as_text(of: pa.DataType) -> pa.DataType:
    return _with_texts(of, pa.large_string())


def _with_texts(of: pa.DataType, text: pa.DataType) -> pa.DataType:
    """Return a type with another for its texts, inside lists and structs too."""
    if is_text(of):
        return text
    if pa.types.is_list(of) or pa.types.is_large_list(of):
        return pa.large_list(_with_texts(of.value_type, text))
    if pa.types.is_struct(of):
        return pa.struct([pa.field(one.name, _with_texts(one.type, text)) for one in of.fields])
    return of


def is_text(of: pa.DataType) -> bool:
    """Tell whether a column of this type holds texts, however they are stored."""
    if pa.types.is_dictionary(of):
        return is_text(of.value_type)
    stored = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(test(of) for test in stored)


def _decoded(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list):
        return [_decoded(one) for one in value]
    if isinstance(value, dict):
        return {name: _decoded(one) for name, one in value.items()}
    return value


def _num_not_utf8(value: Any) -> int:  # noqa: ANN401
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").encode() != value
    if isinstance(value, list | dict):
        return sum(map(_num_not_utf8, value.values() if isinstance(value, dict) else value))
    return 0
