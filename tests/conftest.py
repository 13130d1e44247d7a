"""What the whole test suite shares: where the real upstream files are, if anywhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def raw_root() -> Path:
    """Return the folder of real upstream files; skip without one, fail if one is required."""
    location = os.environ.get("MMED_RAW", "")
    if location and Path(location).is_dir():
        return Path(location)
    if os.environ.get("MMED_REQUIRE_REAL") == "1":
        pytest.fail(f"MMED_RAW={location!r} is not a folder, and MMED_REQUIRE_REAL=1 demands one")
    pytest.skip("MMED_RAW names no folder of real upstream files")
