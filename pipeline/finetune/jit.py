"""Compile loops over numbers where numba is installed; elsewhere run them as they are.

A compiled function and the plain one give the same bits: the loops work on Python integers and
int32 or int64 arrays, whose sums fit, and never on floating-point numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., object])

IS_COMPILED = find_spec("numba") is not None


def njit(function: Function) -> Function:
    """Return the function compiled, cached on disk and free of the interpreter's lock."""
    if not IS_COMPILED:
        return function
    import numba

    compiled: Any = numba.njit(cache=True, nogil=True)(function)
    return cast(Function, compiled)
