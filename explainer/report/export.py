"""A run in the formats of other tools; docs/export.md has the schema."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from explainer.analysis.streamed_run import StreamedRun
from explainer.checks import require_choice, require_integer
from explainer.remote import local_path
from explainer.report import export_arrays, export_pictures, export_tables, export_tensorboard
from explainer.report.export_place import Place
from explainer.report.export_result import Exported, ExportSettings
from explainer.summary.images import LARGEST_PICTURE


@dataclass(frozen=True)
class _Format:
    place: Place
    write: Callable[[StreamedRun, Path, ExportSettings], Exported]


_FORMATS = {
    "csv": _Format(export_tables.CSV, export_tables.write_csv),
    "json": _Format(export_tables.JSON, export_tables.write_json),
    "npz": _Format(export_arrays.FOLDER, export_arrays.write_npz),
    "tensorboard": _Format(export_tensorboard.FOLDER, export_tensorboard.write_tensorboard),
    "metadata": _Format(export_pictures.FOLDER, export_pictures.write_metadata),
}
FORMATS = tuple(_FORMATS)


def export(
    summary_dir: str | os.PathLike[str],
    to: str | os.PathLike[str],
    *,
    format: str,  # noqa: A002 - what the command calls it
    run: int | str | None = None,
    most_pixels: int = LARGEST_PICTURE,
    shard_samples: int = 100,
) -> Exported:
    """Writes a run in a format of `FORMATS`; what was written, and what was left out.

    The samples are read one by one. What is written gets its name when it is complete.

    Args:
        summary_dir: the job folder, in which nothing is changed.
        to: a file for "csv" and "json", else a folder; new, empty, or an earlier export of the format.
        format: the format.
        run: which run of the folder, by its timestamp or the name of its event file; by default the newest.
        most_pixels: of a picture or map; larger ones are left out.
        shard_samples: of "npz": how many samples a file holds at most.

    Raises:
        ValueError: an unknown format, or something else lies at `to`.
        ImportError: a format needs an extra that is not installed; says which.
        SummaryReadError: there is no such run, nothing in it can be read, or its format is a later one.
        SummaryWriteError: the export could not be written; nothing is left of it.
    """
    require_choice("format", format, FORMATS)
    require_integer("most_pixels", most_pixels, 1)
    settings = ExportSettings(require_integer("shard_samples", shard_samples, 1), most_pixels)
    chosen, target = _FORMATS[format], local_path(to, "`to`")
    chosen.place.require_room(target, local_path(summary_dir, "`summary_dir`"))
    return chosen.write(StreamedRun(summary_dir, run=run, most_pixels=most_pixels), target, settings)
