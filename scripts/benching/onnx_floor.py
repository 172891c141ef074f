"""ONNX Runtime's floor: a bare session on the network's graph, with as many images as the task needs, nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from benching.networks import BATCH, Exported
from benching.rows import ONNX, Row, Work

MOST = {32: 512, 224: 32}  # images that are run, by their size; the time of the others is that of as many


def works(row: Row, exported: Exported) -> dict[str, Work]:
    """The passes that the row needs."""
    assert row.needs is not None
    floor = _Floor(exported)
    runs = [
        *floor.runs("forward", row.needs.forwards),
        *floor.runs(row.needs.rule, row.needs.gradients),
        *floor.runs("tap", row.needs.taps),
    ]
    return {ONNX: part_of(runs, row.needs.forwards + row.needs.gradients + row.needs.taps, exported.network.size)}


def part_of(runs: list[tuple[int, Callable[[], object]]], needed: int, size: int) -> Work:
    """So many of the runs (images, call) that their images are not more than are to be run."""
    most = MOST.get(size, 512)
    kept, count = [], 0
    for images, call in runs:
        if count and count + images > most:
            break
        kept.append(call)
        count += images
    return Work(partial(_all_of, kept), needed / count)


def batches(count: int) -> Iterator[int]:
    """The sizes of the batches in which so many images go."""
    return (min(BATCH, count - start) for start in range(0, count, BATCH))


def batch_of(images: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """So many images."""
    return np.ascontiguousarray(np.resize(images, (count, *images.shape[1:])))


def _all_of(calls: list[Callable[[], object]]) -> None:
    for call in calls:
        call()


class _Floor:
    def __init__(self, exported: Exported) -> None:
        self._exported = exported
        self._names = json.loads((exported.folder / "graphs.json").read_text(encoding="utf-8"))
        self._weights = exported.weights()

    def runs(self, graph: str, count: int) -> list[tuple[int, Callable[[], object]]]:
        """A call for each batch of so many images."""
        if not count:
            return []
        session = self._session(graph)
        inputs = [entry.name for entry in session.get_inputs()]
        return [(size, partial(session.run, None, self._given(inputs, size))) for size in batches(count)]

    def _given(self, inputs: list[str], size: int) -> dict[str, NDArray[np.float32]]:
        images = batch_of(self._exported.images, size)
        seeds = np.eye(self._exported.network.classes, dtype=np.float32)[np.resize(self._exported.labels, size)]
        return dict(zip(inputs, (images, seeds), strict=False))

    def _session(self, graph: str) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        arrays = {value: self._weights[name] for value, name in self._names[graph].items()}
        held = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in arrays.values()]
        options.add_external_initializers(list(arrays), held)
        model = (self._exported.folder / f"{graph}.onnx").read_bytes()
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
