"""Weights of a checkpoint, which must be a network's own: every one, by its name and of its shape."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mindspore
from mindspore import nn

from explainer.checks import require_file
from explainer.own_code import first_paragraph, one_line

_CHECKSUM_MARK, _CHECKSUM_BYTES = b"crc_num", 17  # the end of a checkpoint that was saved with crc_check=True
_OF_ONE_LAYER = 2  # weight and bias

Shape = tuple[int, ...]


def load_weights(network: nn.Cell, checkpoint: Path, *, name: str = "`checkpoint`") -> list[str]:
    """Gives the network the weights of a checkpoint, every one of its own; what its user should know of that.

    A checkpoint saved with `mindspore.save_checkpoint(..., crc_check=True)` is checked; others carry no checksum.
    Where all its names differ from the network's by one prefix, as of a network saved inside another cell, the prefix
    is seen through.

    Raises:
        ValueError: there is no such file, it is damaged, or it does not fit the network; calls the file by `name`.
    """
    require_file(name, checkpoint)
    with _unlogged():
        given = _parameters(checkpoint, name)
        wanted = network.parameters_dict()
        names = _names_by_prefix(wanted, given)
        _require_all(f"{name} {checkpoint}", wanted, given, names)
        _require_shapes(f"{name} {checkpoint}", wanted, given, names)
        fitting = {own: given[theirs] for own, theirs in names.items()}
        try:
            mindspore.load_param_into_net(network, fitting)
        except (RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f"{name} {checkpoint} does not fit the network: {first_paragraph(error)}") from error
    return [f"{name}: {note}" for note in _notes(given, names)]


# ---- reading ----


def _parameters(checkpoint: Path, name: str) -> dict[str, Any]:
    """The parameters in a checkpoint, whose checksum MindSpore compares where there is one."""
    try:
        read: dict[str, Any] = mindspore.load_checkpoint(str(checkpoint), crc_check=_has_checksum(checkpoint))
    except Exception as error:  # whatever MindSpore's parser came upon
        cause = error.__cause__ or error  # MindSpore's own sentence speaks of permissions, whatever happened
        if "crc check" in str(cause):
            raise ValueError(
                f"{name} {checkpoint} is damaged: its content is not what its checksum (CRC) was made of; copy it "
                "again from where it was saved"
            ) from error
        raise ValueError(
            f"{name} {checkpoint} could not be read ({one_line(cause)}): it is damaged, or no checkpoint of MindSpore"
        ) from error
    return read


def _has_checksum(checkpoint: Path) -> bool:
    """Whether MindSpore saved a checksum behind the parameters; where it asks for one in vain, it logs a warning."""
    with checkpoint.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - _CHECKSUM_BYTES, 0))
        return file.read().startswith(_CHECKSUM_MARK)


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keeps MindSpore from logging what becomes a sentence of ours."""
    logger = logging.getLogger(f"ME.mindspore.log.{os.getpid()}")
    logger.addFilter(_is_to_be_logged)
    try:
        yield
    finally:
        logger.removeFilter(_is_to_be_logged)


def _is_to_be_logged(record: logging.LogRecord) -> bool:
    return record.levelno < logging.WARNING


# ---- fitting ----


def _names_by_prefix(wanted: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, str]:
    """For each weight of the network its name in the checkpoint, which may have one prefix more, or less.

    A prefix that explains less than half of the names explains nothing.
    """
    found = [{name: name for name in wanted if name in given}]
    for prefix in _prefixes(given, wanted)[:1]:
        found.append({name: prefix + name for name in wanted if prefix + name in given})
    for prefix in _prefixes(wanted, given)[:1]:
        rests = {name: name.removeprefix(prefix) for name in wanted if name.startswith(prefix)}
        found.append({name: rest for name, rest in rests.items() if rest in given})
    best = max(found, key=len)
    return best if 2 * len(best) >= len(wanted) else found[0]


def _prefixes(names: Iterable[str], ends: Mapping[str, Any]) -> list[str]:
    """What stands before one of the ends in names, the most frequent first, of these the shortest.

    >>> _prefixes(["net.conv.weight", "net.fc.weight", "moments.net.conv.weight"], {"conv.weight": 1, "fc.weight": 2})
    ['net.', 'moments.net.']
    """
    found = Counter(head for name in names for head, end in _parts(name) if end in ends)
    return sorted(found, key=lambda prefix: (-found[prefix], len(prefix), prefix))


def _parts(name: str) -> Iterator[tuple[str, str]]:
    """The name cut behind each of its dots."""
    return ((name[: at + 1], name[at + 1 :]) for at, char in enumerate(name) if char == ".")


def _require_all(what: str, wanted: Mapping[str, Any], given: Mapping[str, Any], names: Mapping[str, str]) -> None:
    missing = [name for name in wanted if name not in names]
    if not missing:
        return
    others = _others(given, names)
    further = f"; {len(others)} of its own are not the network's, the first {others[0]!r}" if others else ""
    prefix = f"; {_prefixed(names)}" if _prefixed(names) else ""
    raise ValueError(
        f"{what} does not fit the network: {len(missing)} of the network's {len(wanted)} weights are not in it, the "
        f"first {missing[0]!r}{further}{prefix}; a half-loaded network explains nothing, so give the checkpoint of "
        "this very network"
    )


def _require_shapes(what: str, wanted: Mapping[str, Any], given: Mapping[str, Any], names: Mapping[str, str]) -> None:
    shapes = {own: (_shape(given[theirs]), _shape(wanted[own])) for own, theirs in names.items()}
    others = {own: pair for own, pair in shapes.items() if _significant(pair[0]) != _significant(pair[1])}
    if not others:
        return
    first, (theirs, own) = next(iter(others.items()))
    classes = _class_counts(list(others.values()))
    if classes is not None:
        do = (
            f"it was saved of a network of {classes[0]} classes, and this one has {classes[1]}: the labels, or the "
            "network's arguments, must be those that it was trained with"
        )
    else:
        do = f"{len(others)} of {len(names)} weights differ in shape: give the checkpoint of this very network"
    raise ValueError(
        f"{what} does not fit the network: {first!r} has shape {theirs} in it and {own} in the network; {do}"
    )


def _shape(parameter: Any) -> Shape:
    return tuple(getattr(parameter, "shape", ()))


def _significant(shape: Shape) -> Shape:
    """The shape without ones at its end, which MindSpore does not mind."""
    while shape and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def _class_counts(pairs: list[tuple[Shape, Shape]]) -> tuple[int, int] | None:
    """The two numbers of classes, where shapes differ in that alone: in one layer, on its first axis."""
    counts = {(theirs[:1], own[:1]) for theirs, own in pairs}
    rests = all(theirs[1:] == own[1:] for theirs, own in pairs)
    if len(pairs) > _OF_ONE_LAYER or len(counts) > 1 or not rests or not all(map(all, pairs)):
        return None
    ((theirs, own),) = counts
    return (theirs[0], own[0]) if theirs and own else None


def _others(given: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """The weights in the checkpoint that are not the network's; what an optimizer keeps, and numbers, are none.

    An optimizer's names end with those of weights: `moment1.conv.weight`.
    """
    used = set(names.values())
    parts = {name.partition(".")[0] for name in used}
    return [
        name
        for name, value in given.items()
        if name not in used
        and _significant(_shape(value))
        and (name.partition(".")[0] in parts or not any(end in used for _, end in _parts(name)))
    ]


def _prefixed(names: Mapping[str, str]) -> str:
    own, theirs = next(iter(names.items()), ("", ""))
    if len(theirs) > len(own):
        return f"its names begin with {theirs.removesuffix(own)!r}, which was taken off"
    if len(own) > len(theirs):
        return f"its names lack {own.removesuffix(theirs)!r} at their beginning, which was put there"
    return ""


def _notes(given: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[str]:
    if _prefixed(names):
        yield _prefixed(names)
    others = _others(given, names)
    if others:
        yield (
            f"weights that the network has not, {len(others)}, the first {others[0]!r}, were left out: is it the "
            "network that was trained?"
        )
