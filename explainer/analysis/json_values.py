"""Numbers as JSON knows them: without nan and infinity."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def or_none(value: float) -> float | None:
    """The number; None where it is nan or infinite."""
    return value if math.isfinite(value) else None


def without_nan(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields, with None for every float that is nan or infinite."""
    return {name: or_none(value) if isinstance(value, float) else value for name, value in fields.items()}
