"""On which samples of a run the controls are scored, and curves with further fills are computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explainer.checks import require_integer

if TYPE_CHECKING:  # options are read without MindSpore
    from explainer.benchmark.base import Metric

AUTO = "auto"
_COST = 0.3  # of what the scores of the methods cost, with the metrics' own fills
_LEAST = 5  # below it no interval is told
_MOST = 200  # the interval of a mean difference is then a seventh of their deviation to each side


@dataclass(frozen=True)
class ControlSamples:
    """One sample of each of equal parts of a dataset, drawn by the seed and the part alone.

    So it does not matter in which batches the samples come, nor which were explained before; and where samples lie in
    the order of their labels, each label has its share.

    Attributes:
        count: how many are drawn; None for every sample.
        of: of how many, the number of samples; or, where that is not known, of each so many.
        seed: of the draws.
        first: so many at the beginning are among them, too: where nobody knows how many come, there may be no more.

    >>> chosen = ControlSamples(2, 6)
    >>> [number for number in range(6) if chosen.has(number)]
    [2, 4]
    """

    count: int | None = None
    of: int = 1
    seed: int = 0
    first: int = 0

    def has(self, sample_id: int) -> bool:
        """Whether this sample is among them."""
        if self.count is None or sample_id < self.first:
            return True
        part = sample_id * self.count // self.of
        first, end = (-(-place * self.of // self.count) for place in (part, part + 1))
        return sample_id == int(np.random.default_rng([self.seed, part]).integers(first, end))

    @property
    def share(self) -> float:
        """The part of all samples that they are."""
        return 1.0 if self.count is None else self.count / self.of

    @property
    def recorded(self) -> dict[str, int] | None:
        """What a summary keeps of them; None for every sample."""
        if self.count is None:
            return None
        first = {"first": self.first} if self.first else {}
        return {"count": self.count, "of": self.of, "seed": self.seed} | first

    def __str__(self) -> str:
        if self.count is None:
            return "all samples"
        if self.first:
            return f"the first {self.first} samples, and {self.count} drawn of each {self.of} (seed {self.seed})"
        return f"{self.count} drawn of {self.of} samples (seed {self.seed})"


def require_control_samples(asked: Any) -> None:
    """Raises TypeError or ValueError unless this is a number of samples, "auto", or None."""
    if asked is None or asked == AUTO:
        return
    if isinstance(asked, str):
        raise ValueError(f'`control_samples` must be a number of samples, "auto", or None for all, got {asked!r}')
    require_integer("control_samples", asked, 1)


def require_countable(asked: int | str | None, samples: int | None) -> None:
    """Raises ValueError where a number of samples is to be drawn of an unknown number."""
    if asked is not None and asked != AUTO and samples is None:
        raise ValueError(
            '`control_samples` must be "auto" or None for a dataset that cannot be counted before it is read, got '
            f"{asked}; so many could not be drawn from all of it"
        )


def control_samples_of(
    asked: int | str | None, samples: int | None, methods: int, controls: int, metrics: Sequence[Metric]
) -> ControlSamples:
    """Which samples of a run they are.

    By default as many as cost three tenths of the scores, in the metrics that draw curves the most often; at least
    five, which an interval needs, and at most 200. Where nobody knows how many come, the first five are among them.

    Args:
        asked: the run's option.
        samples: how many there are, where it is known.
        methods: how many explainers are scored.
        controls: how many controls are.
        metrics: by which.
    """
    if asked is None:
        return ControlSamples()
    if asked != AUTO and samples is not None:
        return ControlSamples() if int(asked) >= samples else ControlSamples(int(asked), samples)
    fills = max((len(metric.settings.get("curve_fills", ())) for metric in metrics), default=0)
    more = methods * fills + controls * (1 + fills)  # for each of these samples, in curves
    if not more:
        return ControlSamples()
    if samples is None:
        every = int(np.ceil(more / (_COST * methods)))
        return ControlSamples() if every == 1 else ControlSamples(1, every, first=_LEAST)
    count = min(max(int(_COST * methods * samples / more), _LEAST), _MOST)
    return ControlSamples() if count >= samples else ControlSamples(count, samples)
