"""The totals of a run, computed anew from the scores of its samples."""

from __future__ import annotations

from collections.abc import Iterable

from explainer.records import Benchmark, RunMetadata
from explainer.score_board import ScoreBoard
from explainer.summary.explain_pb2 import Explain


class Totals:
    """The means of scores as a run has them that computed all of these; scores of controls are in none.

    Args:
        metadata: of the run.
        before: totals of its parts, which tell by which metrics labels have means of their own.
    """

    def __init__(self, metadata: RunMetadata, before: Iterable[Benchmark] = ()) -> None:
        pairs = [(explainer, metric) for explainer in metadata.explainers for metric in metadata.metrics]
        self._boards = {pair: ScoreBoard(len(metadata.labels)) for pair in pairs}
        self._per_label: set[str] = set()
        self._known = False
        for total in before:
            self._known = True
            if total.by_label:
                self._per_label.add(total.metric)

    def add(self, scores: Iterable[Explain.Score]) -> None:
        """Counts some scores."""
        for score in scores:
            metric = score.benchmark_method
            board = self._boards.get((score.explain_method, metric))
            if board is None:
                continue
            label = score.label if score.HasField("label") else None
            board.add((label,), (score.value,))
            self._known = True
            if label is not None:
                self._per_label.add(metric)

    @property
    def benchmarks(self) -> list[Benchmark]:
        """Every explainer with every metric; none where no part had totals and no sample a score."""
        if not self._known:
            return []
        return [
            Benchmark(
                *(explainer, metric, board.mean),
                board.mean_by_label if metric in self._per_label else (),
                *(board.defined, board.undefined),
            )
            for (explainer, metric), board in self._boards.items()
        ]
