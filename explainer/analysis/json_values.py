"""Numbers as JSON knows them: without nan and infinity."""

from __future__ import annotations

import math
from typing import Any


def or_none(value: float) -> float | None:
    """The number; None where it is nan or infinite."""
    return value if math.isfinite(value) else None


def finite(value: Any) -> Any:
    """The JSON value, with None for every float in it that is nan or infinite.

    >>> finite({"mean": math.nan, "bounds": [0, math.inf]})
    {'mean': None, 'bounds': [0, None]}
    """
    if isinstance(value, float):
        return or_none(value)
    if isinstance(value, dict):
        return {name: finite(entry) for name, entry in value.items()}
    return [finite(entry) for entry in value] if isinstance(value, list | tuple) else value
