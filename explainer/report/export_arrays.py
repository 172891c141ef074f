"""The maps of a run as arrays: NPZ files of some samples each, and an index."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.analysis.streamed_run import StreamedRun
from explainer.arrays import FloatArray
from explainer.errors import SummaryReadError
from explainer.records import SaliencyFile
from explainer.report.export_place import INDEX, Place, drafted_folder
from explainer.report.export_result import Exported, ExportSettings, LeftOut, as_json, exported, header_of
from explainer.summary.reader import SampleView

FOLDER = Place(names=r"shard-\d+\.npz")
_MOST_BYTES = 64_000_000  # of maps and probabilities that are in memory before they are written
_Key = tuple[int, int, int]  # height, width, labels


def write_npz(run: StreamedRun, target: Path, settings: ExportSettings) -> Exported:
    """Writes each map as floats, with its sample, label, method and the sample's probabilities."""
    left_out = LeftOut()
    maps = 0
    with drafted_folder(target) as draft:
        shards = _Shards(draft, settings.shard_samples)
        for sample in run.samples():
            for entry, saliency in _maps_of(run, sample, left_out):
                shards.add(sample, entry, saliency)
                maps += 1
        shards.write_rest()
        index = header_of(run, "npz") | {"methods": list(shards.methods), "shards": shards.written}
        (draft / INDEX).write_text(as_json(index) + "\n", encoding="utf-8", errors="backslashreplace")
    return exported(run, {"samples": run.sample_count, "maps": maps, "files": len(shards.written)}, left_out)


def _maps_of(run: StreamedRun, sample: SampleView, left_out: LeftOut) -> Iterator[tuple[SaliencyFile, FloatArray]]:
    for entry in sample.maps:
        try:
            yield entry, run.saliency(entry)
        except SummaryReadError as error:
            left_out.add(f"sample {sample.sample_id}: {error}")


class _Shard:
    """Maps of one size, of samples with as many labels."""

    def __init__(self) -> None:
        self.samples: set[int] = set()
        self.bytes = 0
        self._rows: list[tuple[int, int, int]] = []
        self._maps: list[FloatArray] = []
        self._probabilities: list[FloatArray] = []

    def add(self, row: tuple[int, int, int], saliency: FloatArray, probabilities: FloatArray) -> None:
        """A map; the row has the sample, the label, and the index of the method."""
        self.samples.add(row[0])
        self.bytes += saliency.nbytes + probabilities.nbytes
        self._rows.append(row)
        self._maps.append(saliency)
        self._probabilities.append(probabilities)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays of a file, one entry for each map."""
        rows = np.array(self._rows, np.int64)
        return {
            "sample_id": rows[:, 0],
            "label": rows[:, 1],
            "method": rows[:, 2],
            "map": np.stack(self._maps),
            "probabilities": np.stack(self._probabilities),
        }


class _Shards:
    """The files of an export; what is in memory is bounded, whatever the sizes of maps and samples."""

    def __init__(self, folder: Path, most_samples: int) -> None:
        self.methods: dict[str, int] = {}
        self.written: list[dict[str, Any]] = []
        self._folder = folder
        self._most_samples = most_samples
        self._open: dict[_Key, _Shard] = {}
        self._bytes = 0

    def add(self, sample: SampleView, entry: SaliencyFile, saliency: FloatArray) -> None:
        """Takes a map."""
        probabilities = sample.prediction.probabilities
        height, width = saliency.shape
        key = height, width, len(probabilities)
        shard = self._open.get(key)
        if shard is not None and len(shard.samples) >= self._most_samples and sample.sample_id not in shard.samples:
            self._write(key)
        method = self.methods.setdefault(entry.explainer, len(self.methods))
        self._bytes += saliency.nbytes + probabilities.nbytes
        self._open.setdefault(key, _Shard()).add((sample.sample_id, entry.label, method), saliency, probabilities)
        if self._bytes > _MOST_BYTES:
            self.write_rest()

    def write_rest(self) -> None:
        """Writes what is in memory."""
        for key in list(self._open):
            self._write(key)

    def _write(self, key: _Key) -> None:
        shard = self._open.pop(key)
        self._bytes -= shard.bytes
        name, arrays = f"shard-{len(self.written):05d}.npz", shard.arrays()
        np.savez_compressed(self._folder / name, **arrays)
        height, width, labels = key
        counts = {"maps": len(arrays["map"]), "samples": len(shard.samples)}
        self.written.append({"file": name, **counts, "height": height, "width": width, "labels": labels})
