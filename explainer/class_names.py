"""Targets by the names of their classes: what a user writes in place of class ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from explainer.checks import did_you_mean


def require_names(labels: Any) -> tuple[str, ...]:
    """The names of the classes; TypeError unless these are strings, ValueError where there is none."""
    named = not isinstance(labels, str) and isinstance(labels, Iterable)
    names = tuple(labels) if named else ()
    if not named or not all(isinstance(name, str) for name in names):
        raise TypeError(
            f"`labels` must be a list of class names, in the order of the network's outputs, got {labels!r}"
        )
    if not names:
        raise ValueError("`labels` must name the classes, got no name")
    return names


def require_all_named(names: Sequence[str], class_count: int) -> None:
    """Raises ValueError unless there is a name for each class, without which no name would be that of its output."""
    if len(names) != class_count:
        raise ValueError(f"`labels` must name each of the network's {class_count} outputs, got {len(names)} names")


def class_id(name: str, names: Sequence[str] | None, *, argument: str = "targets") -> int:
    """The number of a class.

    Raises:
        TypeError: no names are known.
        ValueError: there is no such class, and which are near; or there are several.

    >>> class_id("dog", ["cat", "dog"])
    1
    """
    if names is None:
        raise TypeError(
            f"`{argument}` must be whole numbers (class ids), got {name!r}; names need `labels`, the list of them, as "
            "with_labels([...]) takes it"
        )
    found = [index for index, known in enumerate(names) if known == name]
    if not found:
        near = did_you_mean(name, names)
        raise ValueError(f"`{argument}` must be among the {len(names)} class names, got {name!r}{near}")
    if len(found) > 1:
        every = ", ".join(map(str, found))
        raise ValueError(
            f"`{argument}` {name!r} is the name of the classes {every}; give the number of the one you mean"
        )
    return found[0]


def class_ids(targets: Any, names: Sequence[str] | None) -> Any:
    """The targets with class ids for names, at any depth of lists; anything else as it is.

    Raises:
        TypeError, ValueError: as `class_id`.

    >>> class_ids([["dog", "cat"], ["cat", 1]], ["cat", "dog"])
    [[1, 0], [0, 1]]
    """
    if isinstance(targets, str):
        return class_id(targets, names)
    given = targets.tolist() if isinstance(targets, np.ndarray) and targets.dtype.kind == "U" else targets
    return [class_ids(one, names) for one in given] if _has_names(given) else given


def _has_names(targets: Any) -> bool:
    return isinstance(targets, list | tuple) and any(isinstance(one, str) or _has_names(one) for one in targets)
