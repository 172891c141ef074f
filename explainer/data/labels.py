"""The names of classes: read, numbered where they are doubled, found again by what a folder or a file calls them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from explainer.checks import did_you_mean, require_file
from explainer.remote import Place

_LONG = 200  # letters of what is no name


class LabelNames:
    """The indices of labels by their names.

    Args:
        labels: in the order of the network's outputs.
        doubles: what doubled names were before they were numbered, with their indices.

    >>> names = LabelNames(["ant", "ship"])
    >>> names.index_of("ship"), names.index_of("Ship"), names.hint("Ship")
    (1, None, " (the label is 'ship')")
    """

    def __init__(self, labels: Sequence[str], doubles: dict[str, list[int]] | None = None) -> None:
        self._labels = list(labels)
        self._indices = {label: index for index, label in enumerate(labels)}
        self._doubles = doubles or {}

    def name_of(self, index: int) -> str:
        """The label of an index."""
        return self._labels[index]

    def index_of(self, name: str) -> int | None:
        """The index of a label; None where there is none of that name."""
        return self._indices.get(name)

    def index_of_name_or_number(self, text: str) -> int | None:
        """The index of a label by its name, or else by its index in digits."""
        index = self.index_of(text)
        if index is None and text.isdecimal() and text.isascii() and len(text) < 10 and int(text) < len(self._labels):
            return int(text)
        return index

    def hint(self, name: str) -> str:
        """What a name that is no label may have meant, in brackets; nothing where nothing is near."""
        if len(name) > _LONG:
            return ""
        if name in self._doubles:
            meant = [self._labels[index] for index in self._doubles[name]]
            return f" ({len(meant)} labels have that name: write {' or '.join(map(repr, meant))})"
        alike = [label for label in self._labels if label.casefold() == name.casefold()]
        if alike:
            return f" (the label is {' or '.join(map(repr, alike))})"
        near = did_you_mean(name, self._labels, 1).removeprefix("; ")
        return f" ({near})" if near else ""


def read_labels(path: Place, *, name: str = "`path`") -> list[str]:
    """The class names of a file, one per line, blank lines left out.

    Raises:
        ValueError: it cannot be read, is not UTF-8, or holds no name; calls the path by `name`.
    """
    require_file(name, path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ValueError(f"{name} {path} could not be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} {path} must be UTF-8 text: {error.reason} at byte {error.start}") from error
    labels = [line.strip() for line in text.splitlines() if line.strip()]
    if not labels:
        raise ValueError(f"{name} {path} must name every class, one per line, got no name")
    return labels


def numbered(labels: Sequence[str]) -> tuple[list[str], dict[str, list[int]]]:
    """The labels, doubled names told apart by a number, and where each of these is.

    >>> numbered(["crane", "eel", "crane"])
    (['crane (1)', 'eel', 'crane (2)'], {'crane': [0, 2]})
    """
    doubles = doubled(labels)
    taken, found = set(labels), list(labels)
    for name, indices in doubles.items():
        number = 0
        for index in indices:
            number += 1
            while f"{name} ({number})" in taken:
                number += 1
            found[index] = f"{name} ({number})"
            taken.add(found[index])
    return found, doubles


def doubled(labels: Iterable[str]) -> dict[str, list[int]]:
    """The indices of each name that occurs more than once."""
    every = list(labels)
    counts = Counter(every)
    return {name: [at for at, label in enumerate(every) if label == name] for name in counts if counts[name] > 1}
