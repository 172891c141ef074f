"""Validators for the public doors: each raises an error that says what, what it got, why it matters, what to do."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.errors import BadSampleError
from explainer.remote import Place

_CHANNELS = (1, 3, 4)
_SUM = 1e-3  # how far the sum of probabilities of classes that exclude one another may be from 1


def require_type(name: str, value: Any, kind: type | tuple[type, ...], what: str, do: str = "") -> None:
    """Raises TypeError unless `value` is of `kind`; `what` names the kind in words."""
    if not isinstance(value, kind):
        raise TypeError(f"`{name}` must be {what}, got {type(value).__name__}{_hint(do)}")


def require_flag(name: str, value: Any) -> bool:
    """The value; TypeError unless it is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"`{name}` must be True or False, got {value!r}")
    return value


def require_numbers(name: str, given: Any) -> NDArray[Any]:
    """The value as an array; TypeError unless it holds real numbers, or what is True or False."""
    numbers = _as_array(name, given)
    if numbers.dtype.kind not in "fiub":
        raise TypeError(f"`{name}` must hold numbers, got {type(given).__name__} of dtype {numbers.dtype}")
    return numbers


def require_integer(name: str, value: Any, at_least: int, at_most: int | None = None) -> int:
    """The value as int; TypeError unless it is a whole number, ValueError below `at_least` or above `at_most`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"`{name}` must be a whole number, got {type(value).__name__} {value!r}")
    if value < at_least:
        raise ValueError(f"`{name}` must be at least {at_least}, got {value}")
    if at_most is not None and value > at_most:
        raise ValueError(f"`{name}` must be at most {at_most}, got {value}")
    return int(value)


def require_pair(name: str, given: Any, at_least: int = 1) -> tuple[int, int]:
    """The value as (h, w), one whole number being both; TypeError unless whole, ValueError below `at_least`."""
    if not isinstance(given, tuple | list):
        return (require_integer(name, given, at_least),) * 2
    if len(given) != 2:
        raise ValueError(f"`{name}` must be one number or (h, w), got {given!r}")
    return require_integer(f"{name}[0]", given[0], at_least), require_integer(f"{name}[1]", given[1], at_least)


def require_number(name: str, value: Any, low: float, high: float) -> float:
    """The value as float; TypeError unless it is a number, ValueError outside [low, high]."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        raise TypeError(f"`{name}` must be a number, got {type(value).__name__} {value!r}")
    if not low <= float(value) <= high:
        raise ValueError(f"`{name}` must lie in [{low:g}, {high:g}], got {value}")
    return float(value)


def require_choice(name: str, value: Any, choices: Iterable[str]) -> None:
    """Raises ValueError, with the choices and the nearest one, unless `value` is among them."""
    known = list(choices)
    if value not in known:
        raise ValueError(f"`{name}` must be one of {', '.join(known)}, got {value!r}{did_you_mean(value, known)}")


def did_you_mean(value: Any, known: Iterable[str], most: int = 3) -> str:
    """A sentence with the nearest known names, however they are capitalised, or nothing when none is near."""
    names = {name.casefold(): name for name in known}
    near = [names[name] for name in difflib.get_close_matches(str(value).casefold(), names, n=most, cutoff=0.5)]
    return f"; did you mean {' or '.join(repr(name) for name in near)}?" if near else ""


def require_file(name: str, path: Place) -> None:
    """Raises ValueError, with files of nearly that name, unless there is such a file."""
    if path.is_dir():
        raise ValueError(f"{name} must be a file, got {path}, which is a folder; give one that is in it")
    if not path.is_file():
        raise ValueError(f"{name} must be a file, got {path}, which is not there{_nearby(path)}")


def require_folder(name: str, path: Place) -> None:
    """Raises ValueError, with folders of nearly that name, unless there is such a folder."""
    if path.is_file():
        raise ValueError(f"{name} must be a folder, got {path}, which is a file; give the folder that it is in")
    if not path.is_dir():
        raise ValueError(f"{name} must be a folder, got {path}, which is not there{_nearby(path)}")


def require_images(given: Any, axes: str = "NCHW") -> NDArray[np.float32]:
    """The images as float32 (N, C, H, W), or other axes; ValueError unless a non-empty batch of finite numbers."""
    inputs = _as_array("inputs", given)
    if inputs.dtype.kind not in "fiu":
        do = "convert it to float32" if isinstance(given, np.ndarray) else f"give an array of axes ({', '.join(axes)})"
        raise TypeError(f"`inputs` must hold numbers, got {_kind_of(given, inputs)}; {do}")
    if inputs.ndim != len(axes):
        raise ValueError(f"`inputs` must have axes ({', '.join(axes)}), got shape {inputs.shape}{_one(inputs, axes)}")
    if 0 in inputs.shape:
        raise ValueError(f"`inputs` must not be empty, got shape {inputs.shape}")
    images = np.ascontiguousarray(inputs, dtype=np.float32)
    require_finite("inputs", images)
    return images


def _one(inputs: NDArray[Any], axes: str) -> str:
    """How to give a single image or sample; nothing where it is no single one."""
    if inputs.ndim != len(axes) - 1:
        return ""
    if axes == "NCHW" and inputs.shape[2] in _CHANNELS and inputs.shape[0] not in _CHANNELS:
        return "; for one image with its channels last pass inputs.transpose(2, 0, 1)[None]"
    return f"; for one {'image' if 'H' in axes else 'sample'} pass inputs[None]"


def require_finite(name: str, values: NDArray[Any]) -> None:
    """Raises BadSampleError, naming the first sample (axis 0) that has a NaN or an infinity."""
    bad = first_non_finite(values)
    if bad is not None:
        raise BadSampleError(
            f"`{name}` must be finite, got NaN or infinity in sample {bad} of {len(values)}; "
            "nothing computed from it would mean anything, so clean or drop that sample",
            index=bad,
        )


def first_non_finite(values: NDArray[Any]) -> int | None:
    """The index on axis 0 of the first entry with a NaN or an infinity, or None."""
    finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
    return None if finite.all() else int(np.argmin(finite))


def label_matrix(targets: Any, count: int) -> NDArray[np.int64]:
    """The targets as (N, L) int64: an int or 0-D is for all samples, (N,) one label each, (N, L) L labels each.

    Raises:
        TypeError: the targets are not whole numbers.
        ValueError: their shape does not fit the number of samples.
    """
    labels = _as_array("targets", targets)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"`targets` must be whole numbers (class ids), got {_kind_of(targets, labels)}")
    if labels.ndim == 0:
        return np.full((count, 1), int(labels), np.int64)
    if labels.ndim > 2 or labels.shape[0] != count or 0 in labels.shape:
        raise ValueError(
            f"`targets` must be one label, or have shape ({count},) or ({count}, L) as `inputs` holds {count} "
            f"samples, got shape {labels.shape}"
        )
    return labels.reshape(count, -1).astype(np.int64)


def require_labels_in_range(labels: NDArray[np.int64], class_count: int) -> None:
    """Raises ValueError, naming the first label that the network does not have."""
    outside = labels[(labels < 0) | (labels >= class_count)]
    if outside.size:
        raise ValueError(
            f"`targets` must lie in [0, {class_count - 1}] as the network has {class_count} classes, "
            f"got {int(outside[0])}"
        )


def sum_to_one(probabilities: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether those of the last axis are of classes that exclude one another.

    >>> sum_to_one(np.array([[0.25, 0.75], [0.75, 0.75]])).tolist()
    [True, False]
    """
    sums: NDArray[np.bool_] = np.abs(probabilities.sum(axis=-1) - 1) < _SUM
    return sums


def require_distinct(name: str, values: list[str], do: str) -> None:
    """Raises ValueError, naming the first value that occurs twice."""
    for index, value in enumerate(values):
        if value in values[:index]:
            raise ValueError(f"`{name}` must be distinct, got {value!r} twice{_hint(do)}")


def _as_array(name: str, given: Any) -> NDArray[Any]:
    """The value as an array; ValueError for rows of unequal length, TypeError for what is no array otherwise."""
    try:
        return np.asarray(given)
    except ValueError as error:
        raise ValueError(
            f"`{name}` must have as many entries in every row, got {type(given).__name__} with rows of unequal length; "
            "pad them, or give one row at a time"
        ) from error
    except Exception as error:  # whatever a foreign object raises that should become an array
        reason = " ".join(f"{error}".split())
        raise TypeError(
            f"`{name}` must be an array, got {type(given).__name__}, of which NumPy makes none: {reason}"
        ) from error


def _kind_of(value: Any, array: NDArray[Any]) -> str:
    return f"dtype {array.dtype}" if isinstance(value, np.ndarray) else f"{type(value).__name__} of dtype {array.dtype}"


def _nearby(path: Place) -> str:
    """What may be meant by a path where nothing is, and what to do."""
    if not path.parent.is_dir():
        return f"; there is no folder {path.parent}, either"
    near = did_you_mean(path.name, [other.name for other in path.parent.iterdir()])
    return near or (f"; give its path in full, or from {Path.cwd()}" if isinstance(path, Path) else "; is it spelt so?")


def _hint(do: str) -> str:
    return f"; {do}" if do else ""


def require_json(name: str, value: Any) -> None:
    """Raises TypeError unless the value is a mapping of names to JSON values, which a summary can keep."""
    require_type(name, value, Mapping, "a mapping of names to JSON values, which the summary keeps")
    try:
        json.dumps(dict(value))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"`{name}` must hold JSON values (numbers, strings, lists, ...), as the summary keeps them: {error}"
        ) from error
