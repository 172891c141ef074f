"""A run for TensorBoard: overlays as images, scores as scalars; through the messages of tensorboardX."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

from explainer.analysis.streamed_run import StreamedRun
from explainer.analysis.tables import number_of
from explainer.arrays import Pixels
from explainer.errors import SummaryReadError
from explainer.records import SaliencyFile, Score
from explainer.report.export_place import INDEX, Place, drafted_folder
from explainer.report.export_result import Exported, ExportSettings, LeftOut, as_json, exported, header_of
from explainer.report.overlays import overlay
from explainer.summary.images import png_of
from explainer.summary.reader import SampleView
from explainer.summary.recordfile import frame

FOLDER = Place(names=r"events\.out\.tfevents\.\d+\.explainer")
_SHOWN_IMAGES, _SHOWN_SCALARS = 10, 1000  # for each tag, unless TensorBoard is asked for more
_VERSION = "brain.Event:2"
_LONGEST = 80  # characters of a name in a tag


def write_tensorboard(run: StreamedRun, target: Path, settings: ExportSettings) -> Exported:
    """Writes the overlay of each map and each score, the sample's number being the step; totals have step 0.

    Raises:
        ImportError: tensorboardX is not installed.
    """
    messages = _messages()
    left_out = LeftOut()
    with drafted_folder(target) as draft:
        (draft / INDEX).write_text(as_json(header_of(run, "tensorboard")) + "\n", "utf-8", "backslashreplace")
        with (draft / f"events.out.tfevents.{run.files.timestamp}.explainer").open("wb") as file:
            events = _Events(file, messages, run.files.timestamp)
            for sample in run.samples():
                _write_sample(run, sample, events, left_out)
            for total in run.benchmarks:
                events.scalar(("mean", total.metric, total.explainer), 0, total.total)
    counts = {"samples": run.sample_count, "images": events.images.total(), "scalars": events.scalars.total()}
    return exported(run, counts, left_out, tuple(_hints(target, events)))


def _messages() -> ModuleType:
    try:
        from tensorboardX.proto import event_pb2
    except ImportError as error:
        raise ImportError(
            "the format tensorboard needs tensorboardX: pip install 'mindspore-explainer[tensorboard]'"
        ) from error
    module: ModuleType = event_pb2
    return module


def _write_sample(run: StreamedRun, sample: SampleView, events: _Events, left_out: LeftOut) -> None:
    try:
        picture = run.picture(sample.image)
    except SummaryReadError as error:
        left_out.add(f"sample {sample.sample_id}: {error}")
    else:
        events.image(("pictures", "picture"), sample.sample_id, picture)
        for entry in sample.maps:
            try:
                shown = _overlay(run, entry, picture)
            except (SummaryReadError, ValueError) as error:  # a map that is not finite
                left_out.add(f"sample {sample.sample_id}: {error}")
            else:
                events.image(("overlays", entry.explainer, run.label_name(entry.label)), sample.sample_id, shown)
    for score in sample.scores:
        events.scalar(_tag_of(run, score), sample.sample_id, score.value)


def _overlay(run: StreamedRun, entry: SaliencyFile, picture: Pixels) -> Pixels:
    return overlay(picture[..., :3] if picture.ndim == 3 else picture, run.saliency(entry))


def _tag_of(run: StreamedRun, score: Score) -> tuple[str, ...]:
    label = () if score.label is None else (run.label_name(score.label),)
    return ("scores", score.metric, score.explainer, *label)


def _hints(target: Path, events: _Events) -> Iterator[str]:
    """How to see everything: TensorBoard keeps ten images of each tag, and a thousand numbers."""
    images, scalars = (max(counts.values(), default=0) for counts in (events.images, events.scalars))
    asked = [
        *([f"images={images}"] if images > _SHOWN_IMAGES else []),
        *([f"scalars={scalars}"] if scalars > _SHOWN_SCALARS else []),
    ]
    more = f" --samples_per_plugin {','.join(asked)}" if asked else ""
    yield f"look at it: tensorboard --logdir {target}{more}"
    if images > _SHOWN_IMAGES:
        yield f"without --samples_per_plugin TensorBoard shows {_SHOWN_IMAGES} images of each tag, here up to {images}"


class _Events:
    """The event file: TensorBoard's frames are those of a summary, with messages of its own."""

    def __init__(self, file: BinaryIO, messages: ModuleType, time: int) -> None:
        self.images: Counter[str] = Counter()
        self.scalars: Counter[str] = Counter()
        self._file = file
        self._messages = messages
        self._time = float(time)
        self._parts: dict[str, str] = {}  # of a name, what stands for it in tags
        self._taken: set[str] = set()
        self._write(file_version=_VERSION)

    def image(self, names: tuple[str, ...], step: int, picture: Pixels) -> None:
        """A picture (H, W) or (H, W, 3 or 4)."""
        tag = self._tag(names)
        self.images[tag] += 1
        event = self._event(step)
        value = event.summary.value.add(tag=tag)
        value.image.height, value.image.width = picture.shape[:2]
        value.image.colorspace = picture.shape[2] if picture.ndim == 3 else 1
        value.image.encoded_image_string = png_of(np.ascontiguousarray(picture))
        self._file.write(frame(event.SerializeToString()))

    def scalar(self, names: tuple[str, ...], step: int, value: float) -> None:
        """A number; none where it is undefined."""
        if number_of(value) is None:
            return
        tag = self._tag(names)
        self.scalars[tag] += 1
        event = self._event(step)
        event.summary.value.add(tag=tag, simple_value=value)
        self._file.write(frame(event.SerializeToString()))

    def _event(self, step: int) -> Any:
        return self._messages.Event(wall_time=self._time, step=step)

    def _write(self, **fields: Any) -> None:
        self._file.write(frame(self._messages.Event(wall_time=self._time, **fields).SerializeToString()))

    def _tag(self, names: tuple[str, ...]) -> str:
        return "/".join(map(self._part, names))

    def _part(self, name: str) -> str:
        """A name without what TensorBoard takes for a separator; different names stay different."""
        if name not in self._parts:
            plain = re.sub(r"[^\w .,()+=-]", "_", name)[:_LONGEST] or "_"
            while plain in self._taken:
                plain = f"{plain}_{len(self._taken)}"
            self._taken.add(plain)
            self._parts[name] = plain
        return self._parts[name]
