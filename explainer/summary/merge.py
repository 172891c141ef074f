"""The runs of shards put together: one run, as if the dataset had been worked on in one piece."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from explainer.checks import require_flag
from explainer.errors import MergeError, SummaryWriteError
from explainer.records import DatasetOrder
from explainer.remote import local_path
from explainer.summary.cover import Cover, some_of
from explainer.summary.made import DRAFT, Made
from explainer.summary.merging import Merged, Merging
from explainer.summary.parts import Part, order_of, parts_of, require_ended, require_same_run


def merge(out: str | os.PathLike[str], shards: Sequence[str | os.PathLike[str]], *, partial: bool = False) -> Merged:
    """Puts the runs of shards together: one summary, as if the dataset had been worked on in one piece.

    Samples come in the order of the dataset; totals are computed anew from their scores. Memory holds one sample, and
    some numbers for each. Pictures are the same files as in the shards where the disk can (hard links), else copies.

    Args:
        out: the folder of the merged run, new or empty.
        shards: the folders of the runs, or folders that hold such folders; of each the newest run.
        partial: whether samples may be missing; what is missing is recorded, and `run(resume=True)` in the merged run's
            folder works on it.

    Raises:
        TypeError: `shards` is one path, not several.
        ValueError: there are no shards, or `out` is neither new nor empty, or lies in one of them.
        MergeError: they are not the parts of one run: settings, engines or data differ, one has not ended, samples are
            missing, or lie in two of them; says which.
        SummaryReadError: there is no run in a folder, it cannot be read, or one of its pictures is missing.
        SummaryWriteError: the merged run could not be written; nothing is left of it.
    """
    require_flag("partial", partial)
    if isinstance(shards, str | os.PathLike):
        raise TypeError(f"`shards` must be a list of folders, got {os.fspath(shards)!r}; for one folder pass [folder]")
    if not shards:
        raise ValueError("`shards` must name at least one folder, got none")
    target = local_path(out, "`out`")
    parts = parts_of([local_path(shard, "`shards`") for shard in shards])
    _require_room(target, parts)
    if not partial:
        require_ended(parts)
    require_same_run(parts)
    order = order_of(parts)
    cover = Cover([part.sample_ids for part in parts])
    _require_each_once(parts, cover, order)
    lacking = _lacking(parts, cover, order)
    if lacking and not partial:
        raise MergeError(
            f"cannot merge: {'; '.join(lacking)}{_damage(parts)}. Give the shards that hold them, or merge what there "
            "is (partial=True, `--partial`)"
        )
    made = Made()
    try:
        with _disk_errors(target):
            return Merging(parts, cover, target, made, partial=partial).write(order, lacking)
    except BaseException:
        made.take_back()
        raise


def _require_room(target: Path, parts: Sequence[Part]) -> None:
    if any(target.resolve().is_relative_to(part.folder.resolve()) for part in parts):
        raise ValueError(f"`out` must lie outside of the shards, in which nothing is changed, got {target}")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        left = target.is_dir() and any(entry.name.endswith(DRAFT) for entry in target.iterdir())
        killed = ", which holds what a merge left that was killed; remove it" if left else ""
        raise ValueError(f"`out` must be a new or an empty folder, got {target}{killed}")


def _require_each_once(parts: Sequence[Part], cover: Cover, order: DatasetOrder | None) -> None:
    doubles = cover.doubles
    if doubles:
        few = ", ".join(f"{number} ({parts[one].folder}, {parts[other].folder})" for number, one, other in doubles[:5])
        more = f" and {len(doubles) - 5} more" if len(doubles) > 5 else ""
        raise MergeError(f"cannot merge: {_counted(len(doubles), 'lies', 'lie')} in two shards: {few}{more}")
    beyond = None if order is None else cover.beyond(order.samples)
    if beyond is not None and order is not None:
        number, owner = beyond
        raise MergeError(
            f"cannot merge {parts[owner].folder}: it has sample {number} of a dataset of {order.samples} samples"
        )


def _lacking(parts: Sequence[Part], cover: Cover, order: DatasetOrder | None) -> list[str]:
    """What is not there of the dataset."""
    unended = [f"{part.folder.name} had not ended" for part in parts if not part.index.ended]
    missing = 0 if order is None else cover.missing(order.samples)
    if order is None or not missing:
        return unended
    numbers = some_of(cover.gaps(order.samples), missing)
    return [f"{_counted(missing, 'is', 'are')} missing: {numbers}", *unended]


def _damage(parts: Sequence[Part]) -> str:
    damaged = next((part.folder for part in parts if part.index.findings), None)
    return "" if damaged is None else f"; {damaged} is damaged (`explainer verify` says where)"


def _counted(count: int, verb: str, verbs: str) -> str:
    return f"1 sample {verb}" if count == 1 else f"{count} samples {verbs}"


@contextmanager
def _disk_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename2 or error.filename or target
        raise SummaryWriteError(
            f"could not write {where}: {error.strerror or error}; nothing is left of the merged run"
        ) from error
