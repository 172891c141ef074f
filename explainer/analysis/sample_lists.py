"""Which samples to look at first: the surest errors, the worst scores, the least certain ones. As JSON values."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable
from typing import Any

from explainer.analysis.statistics import direction_of
from explainer.analysis.tables import Tables
from explainer.analysis.view import RunView
from explainer.summary.reader import SampleView
from explainer.summary.settings import mapping

Facts = dict[str, Any]
_SPARE = 100  # entries more than are wanted, until those that are not go


def surest_errors(run: RunView, count: int) -> list[Facts]:
    """The incorrectly predicted samples, the one with the most probable prediction first.

    Args:
        run: what is read.
        count: how many at most.

    Raises:
        ValueError: no sample is complete, or no true label is known.
    """
    require_samples(run)
    found = _First(lambda entry: entry["probability"], count)
    truth_known = False
    for sample in run.samples.values():
        truth_known |= sample.truth_known
        if sample.correct is False:
            found.add(described(run, sample))
    if not truth_known:
        raise ValueError(
            "no sample of this run has a true label, so that none is known to be predicted incorrectly; name a metric "
            "for the samples with its worst scores"
        )
    return found.entries


def worst_scores(run: RunView, metric: str, count: int, *, without: Container[str] = ()) -> list[Facts]:
    """The samples with the worst scores by a metric, of the mean over methods; controls are none.

    Each has `score`, that mean, in which every method counts once, and the worst method with its own `worst_score`.

    Args:
        run: what is read.
        metric: its name.
        count: how many at most; samples without a defined score are left out.
        without: methods that are left out.

    Raises:
        ValueError: no sample is complete.
    """
    require_samples(run)
    sign = -1 if direction_of(metric, run.metadata) else 1
    controls = mapping(run.metadata.parameters.get("controls"))
    found = _First(lambda entry: sign * entry["score"], count)
    for sample in run.samples.values():
        means = _means(sample, metric)
        means = {name: mean for name, mean in means.items() if name not in controls and name not in without}
        if means:
            worst = max(means, key=lambda name: sign * means[name])
            scored = {"score": _mean(means.values()), "worst_method": worst, "worst_score": means[worst]}
            found.add({**described(run, sample), **scored})
    return found.entries


def require_samples(run: RunView) -> None:
    """Raises ValueError where no sample of a run is complete."""
    if not run.samples:
        raise ValueError(f"no sample of this run is complete (it is {run.state}), so that there is none to list")


def _means(sample: SampleView, metric: str) -> dict[str, float]:
    """The mean score of each method over the labels of a sample."""
    found: dict[str, list[float]] = {}
    for score in sample.scores:
        if score.metric == metric and math.isfinite(score.value):
            found.setdefault(score.explainer, []).append(score.value)
    return {name: _mean(values) for name, values in found.items()}


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return math.fsum(known) / len(known)


def most_uncertain(run: RunView, count: int) -> list[Facts]:
    """The samples whose most probable label has the largest standard deviation over the draws.

    Args:
        run: what is read.
        count: how many at most.

    Raises:
        ValueError: no sample is complete, or the run has no draws.
    """
    require_samples(run)
    found = _First(lambda entry: entry["deviation"], count)
    for sample in run.samples.values():
        if sample.uncertainty is not None:
            found.add(described(run, sample))
    if not found.entries:
        raise ValueError(
            "this run has no uncertainty, so that no sample is known to be uncertain; it is evaluated by "
            "`explainer run --uncertainty` and by `register_uncertainty()`"
        )
    return found.entries


def described(run: RunView, sample: SampleView) -> Facts:
    """A sample: number, file, picture in the folder, true labels, what was predicted with its probability, how certain.

    Of a single class the prediction may be that it is not there: "not cat", with the probability of that.
    """
    (row,) = Tables(run.metadata.labels, ()).rows("samples", sample)
    label, probability = row["label_name"], row["probability"]
    if len(sample.prediction.probabilities) == 1 and not sample.prediction.predicted and probability is not None:
        label, probability = f"not {label}", 1 - probability
    return {
        "sample": sample.sample_id,
        "source": row["source"],
        "picture": row["image_path"],
        "true_labels": row["true_labels"],
        "predicted_label": label,
        "probability": probability,
        "correct": row["correct"],
        "deviation": row["deviation"],
        "total_entropy": row["total_entropy"],
    }


class _First:
    """Those with the largest numbers, the largest first; equal ones by the number of the sample, without one last.

    Args:
        key: the number of an entry.
        count: how many at most.
    """

    def __init__(self, key: Callable[[Facts], float | None], count: int) -> None:
        self._key = key
        self._count = count
        self._entries: list[Facts] = []

    @property
    def entries(self) -> list[Facts]:
        return sorted(self._entries, key=self._place)[: self._count]

    def add(self, entry: Facts) -> None:
        self._entries.append(entry)
        if len(self._entries) > 2 * self._count + _SPARE:
            self._entries = self.entries

    def _place(self, entry: Facts) -> tuple[float, int]:
        number = self._key(entry)
        return math.inf if number is None else -number, entry["sample"]
