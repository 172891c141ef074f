"""What `explainer merge` says, and what `explainer inspect` says of a run that it made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from explainer.command.text import Row, named, shortened
from explainer.summary.merging import Merged
from explainer.summary.settings import mapping

MERGE = """\
Makes one summary in the new folder OUT of those of shards (`explainer run --shard`), as if all had been one run:
samples in their order, totals of all scores. SHARD is the summary folder of a shard, or a folder of such folders. The
shards are not changed. What is not part of one run is refused: other settings, another order of the data, samples that
are missing or lie in two shards.

OUT has the pictures of the shards by second names (hard links) where the disk has such, and takes little room: either
can be removed. Else it has copies.
"""
MERGE_END = """\
\b
Example:
  explainer merge out/all out/shards
  explainer merge out/all out/shards/shard-*-of-16 --partial

\b
Exit status:
  0  OUT is a summary; with --partial it says what it lacks
  1  it could not be written; nothing is left of it
  2  they are not parts of one run, one cannot be read, or a wrong argument
"""
PARTIAL_OPTION = (
    "Take what is complete, also of shards that have not ended. OUT says what it lacks; `explainer run --resume` there "
    "works on it."
)


def merge_rows(out: Path, made: Merged) -> list[Row]:
    """What was put together, and what is not there."""
    skipped = f", {made.skipped} skipped" if made.skipped else ""
    return [
        ("summary", f"{out} ({made.event_file.name})"),
        *merged_rows(made.parts),
        ("samples", f"{made.samples} complete{skipped}"),
        *named("pictures", [f"{made.linked} are the shards' own files (hard links)"] if made.linked else []),
        *named("pictures", [f"{made.copied} copied"] if made.copied else []),
        *named("left out", [made.left_out] if made.left_out else []),
    ]


def merged_rows(parts: Any) -> list[Row]:
    """The shards that a run was put together of; none of a run that was not."""
    entries = [mapping(entry) for entry in parts] if isinstance(parts, Sequence) and not isinstance(parts, str) else []
    if not entries:
        return []
    names = [f"{entry.get('folder')} ({_samples(entry.get('samples'))})" for entry in entries]
    return [("merged", f"{len(names)} shard{'' if len(names) == 1 else 's'}: {shortened(names)}")]


def _samples(count: Any) -> str:
    return f"{count} sample{'' if count == 1 else 's'}"
