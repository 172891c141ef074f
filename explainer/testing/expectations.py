"""What the contracts expect, in words where it is not so."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.passes import Passes

BATCH_ROUNDING = 1e-5
"""Of the largest value: batches of another size may be summed in another order, in float32."""


def require_refused(
    what: str, call: Callable[[], object], kinds: tuple[type[Exception], ...] = (TypeError, ValueError)
) -> Exception:
    """The error that the call raises; AssertionError unless it is of one of these kinds, or when there is none."""
    names = " or ".join(kind.__name__ for kind in kinds)
    try:
        call()
    except kinds as error:
        return error
    except Exception as error:
        raise AssertionError(f"{what} must be a {names}, was a {type(error).__name__}: {error}") from error
    raise AssertionError(f"{what} must be a {names}, was taken")


def require_json(what: str, value: Any) -> Any:
    """The value as JSON gives it back; AssertionError unless that is equal to the value."""
    try:
        back = json.loads(json.dumps(value))
    except (TypeError, ValueError) as error:
        raise AssertionError(f"{what} must be JSON values, which a summary keeps: {error}; got {value!r}") from error
    assert back == value, f"{what} must come back from JSON as they were: give {back!r}, not {value!r}"
    return back


def require_passes(what: str, told: Passes, made: Passes) -> None:
    """AssertionError unless counts that are told as exact are those that were made."""
    counts = (told.forwards, told.backwards), (made.forwards, made.backwards)
    assert counts[0] == counts[1] or not told.is_exact, (
        f"{what} must be those that are made, got {counts[0]} and made {counts[1]} (forwards, backwards); an explainer "
        "declares them by traits=Traits(passes=...), a metric by a method `passes(case)`"
    )
    assert told.known <= told.forwards, f"{what}: {told.known} known of {told.forwards}"


def require_alike(what: str, found: Any, wanted: Any, tolerance: float = 0.0) -> None:
    """AssertionError unless both are alike: arrays, numbers, records and what holds them; nan is like nan.

    Args:
        what: why they should be.
        found: what was found.
        wanted: what was expected.
        tolerance: how far numbers may differ, as a part of the largest one of an array.
    """
    if is_dataclass(wanted) and not isinstance(wanted, type):
        assert type(found) is type(wanted), f"{what}: got a {type(found).__name__} for a {type(wanted).__name__}"
        for field in fields(wanted):
            name = f"{what}: {type(wanted).__name__}.{field.name}"
            require_alike(name, getattr(found, field.name), getattr(wanted, field.name), tolerance)
    elif isinstance(wanted, Mapping):
        assert isinstance(found, Mapping) and list(found) == list(wanted), f"{what}: got {found!r}, wanted {wanted!r}"
        for key in wanted:
            require_alike(f"{what}: {key!r}", found[key], wanted[key], tolerance)
    elif isinstance(wanted, Sequence) and not isinstance(wanted, str | bytes):
        assert isinstance(found, Sequence) and len(found) == len(wanted), f"{what}: got {found!r}, wanted {wanted!r}"
        for index, (one, other) in enumerate(zip(found, wanted, strict=True)):
            require_alike(f"{what}: [{index}]", one, other, tolerance)
    elif isinstance(wanted, np.ndarray | float | np.floating):
        _require_close(what, np.asarray(found), np.asarray(wanted), tolerance)
    else:
        assert found == wanted, f"{what}: got {found!r}, wanted {wanted!r}"


def is_alike(found: Any, wanted: Any) -> bool:
    """Whether `require_alike` would take them."""
    try:
        require_alike("both", found, wanted)
    except AssertionError:
        return False
    return True


def _require_close(what: str, found: NDArray[Any], wanted: NDArray[Any], tolerance: float) -> None:
    assert found.shape == wanted.shape, f"{what}: got shape {found.shape}, wanted {wanted.shape}"
    assert found.dtype == wanted.dtype, f"{what}: got dtype {found.dtype}, wanted {wanted.dtype}"
    finite = wanted[np.isfinite(wanted)] if wanted.dtype.kind == "f" else wanted
    largest = float(np.abs(finite, dtype=np.float64).max(initial=0.0))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * largest, err_msg=what)
