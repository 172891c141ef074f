"""What every metric is."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from copy import copy
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar, final, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray, LabelArray
from explainer.checks import (
    label_matrix,
    require_finite,
    require_images,
    require_integer,
    require_numbers,
    require_type,
)
from explainer.class_names import class_ids
from explainer.made_with import MadeWith
from explainer.network.of import classifier_of, without_tensor
from explainer.passes import Passes
from explainer.representation import changed, line, of_fields
from explainer.score_board import ScoreBoard

_Metric = TypeVar("_Metric", bound="Metric")


@dataclass(frozen=True, eq=False)
class Case:
    """What a metric looks at: one image, some of its labels, and the maps that explain them.

    Attributes:
        image: (C, H, W) float32.
        labels: L label indices.
        saliency: (L, H, W) float32, larger = more important.
        regions: (L, H, W) bool, where the object of each label is; None where the data has no boxes.
        explainer: the Attribution that made the maps.
        further_curves: whether curves are wanted that no score depends on, as of further fills.
    """

    image: FloatArray
    labels: tuple[int, ...]
    saliency: FloatArray
    regions: NDArray[np.bool_] | None
    explainer: Any
    further_curves: bool = True

    def __repr__(self) -> str:
        """One line, with the shapes of arrays."""
        return of_fields(self)


class FilledCurve(NamedTuple):
    """What scores are the areas of: probabilities while pixels are deleted or inserted, the most important first.

    Attributes:
        fill: what is shown where pixels are hidden, as a summary records it.
        fractions: of the pixels that are changed, (P,), from 0 on.
        probabilities: of each label, (L, P).
    """

    fill: str
    fractions: NDArray[np.float64]
    probabilities: FloatArray

    def __repr__(self) -> str:
        """One line, with the shapes of arrays."""
        return of_fields(self)


class Metric(MadeWith, ABC):
    """A way to score saliency maps. Subclasses declare what they are, so that no reader has to know their names."""

    name: str
    higher_is_better: bool = True
    bounds: tuple[float, float] = (0.0, 1.0)
    needs: ClassVar[frozenset[str]] = frozenset()
    """What must be there: "boxes", "explainer" (its network, or new maps)."""
    per_label: ClassVar[bool] = True
    """Whether there is a score for each label; False: one for each image."""
    cheaper: ClassVar[str] = ""
    """What makes it cheaper, in words: "fewer `steps`"."""
    settings: Mapping[str, Any] = MappingProxyType({})
    """How this one is set up, as JSON values; a metric with settings puts them here in its constructor."""

    _defaults: Mapping[str, Any] = MappingProxyType({})
    """Of settings whose default depends on others."""

    def __repr__(self) -> str:
        """The metric, for how many labels, and the settings that are not its defaults."""
        count = getattr(self, "num_labels", None)
        settings = changed(type(self), self.settings, **self._defaults)
        usual = self.name in (type(self).__name__, self.settings.get("metric"), getattr(type(self), "name", None))
        named = {} if usual else {"name": self.name}
        return line(type(self).__name__, *([] if count is None else [str(count)]), **settings, **named)

    @final
    @property
    def parameters(self) -> dict[str, Any]:
        """What the metric declares, as JSON values; a summary keeps it, so that a reader knows which way is better."""
        return {
            "class": type(self).__name__,
            "higher_is_better": self.higher_is_better,
            "bounds": [bound if math.isfinite(bound) else None for bound in self.bounds],
            "per_label": self.per_label,
            **self.settings,
        }

    def named(self: _Metric, name: str) -> _Metric:
        """The same metric under another name, with nothing aggregated: a run can have it twice, set up differently.

        Raises:
            TypeError, ValueError: `name` is no text, or blank.
        """
        require_type("name", name, str, "a string")
        if not name.strip():
            raise ValueError(f"`name` must not be blank, got {name!r}; it names the metric in the summary")
        renamed = copy(self)
        renamed.name = name.strip()
        if isinstance(renamed, AggregatingMetric):
            renamed.reset()
        return renamed

    @abstractmethod
    def score(self, case: Case) -> NDArray[np.float64]:
        """(L,) scores, or (1,) where `per_label` is False; nan = undefined."""

    @final
    def __call__(
        self, explainer: Any, inputs: Any, targets: Any, saliency: Any = None, mask: Any = None
    ) -> NDArray[np.float64]:
        """The scores of maps without a run, (N,), or (N, L) for targets of that shape; nan = undefined.

        A metric that is not `per_label` has one score for each image, (N,).

        Args:
            explainer: whose network is evaluated, and which makes the maps if there are none; None for maps that are
                given, where the metric does not need it.
            inputs: (N, C, H, W).
            targets: an int, or labels of shape (), (N,) or (N, L), or names, which the explainer knows.
            saliency: the maps, (N, 1, H, W) or (N, L, H, W); never computed anew where they are given.
            mask: the regions of the objects, of the same shape, for a metric that `needs` boxes; anything but 0 is
                inside.

        Raises:
            TypeError: an argument of a wrong type.
            ValueError: a wrong shape, a NaN or infinity, or a label that there is not; no `mask` where it is needed,
                one where it is not.
        """
        self._require(explainer, saliency, mask)
        with unchanged(explainer, self.needs):
            images, labels, maps, regions = self._checked(explainer, inputs, targets, saliency, mask)
            of_image = (None,) * len(images) if regions is None else regions
            rows = zip(images, labels.tolist(), maps, of_image, strict=True)
            scores = [self.score(Case(image, tuple(ids), own, region, explainer)) for image, ids, own, region in rows]
        found = np.array(scores, np.float64)
        return found if self.per_label and np.ndim(without_tensor(targets)) == 2 else found[:, 0]

    def _checked(
        self, explainer: Any, inputs: Any, targets: Any, saliency: Any, mask: Any = None
    ) -> tuple[FloatArray, LabelArray, FloatArray, NDArray[np.bool_] | None]:
        """Images, labels (N, L), maps (N, L, H, W), made if there are none, and regions of that shape, if any."""
        self._require(explainer, saliency, mask)
        images = require_images(without_tensor(inputs))
        labels = self._labels(class_ids(without_tensor(targets), getattr(explainer, "labels", None)), len(images))
        shape = (*labels.shape, *images.shape[2:])
        regions = None if mask is None else require_maps("mask", mask, shape) != 0
        given = explainer(images, labels) if saliency is None else saliency
        return images, labels, require_maps("saliency", given, shape), regions

    def _require(self, explainer: Any, saliency: Any, mask: Any) -> None:
        if explainer is not None or saliency is None or "explainer" in self.needs:
            require_explainer(explainer)
        if mask is None and "boxes" in self.needs:
            raise ValueError("`mask` must be given, (N, 1, H, W): there is no localization without the object's region")
        if mask is not None and "boxes" not in self.needs:
            raise ValueError(f"`mask` must be None, as {self.name} looks at no regions; leave it out")

    def _labels(self, targets: Any, count: int) -> LabelArray:
        """Labels (N, L), which there are where the metric knows how many."""
        labels = label_matrix(without_tensor(targets), count)
        label_count = getattr(self, "num_labels", None)
        outside = labels[(labels < 0) | (labels >= label_count)] if label_count is not None else labels[labels < 0]
        if outside.size:
            known = "be at least 0" if label_count is None else f"lie in [0, {label_count - 1}] as `num_labels` says"
            raise ValueError(f"`targets` must {known}, got {int(outside[0])}")
        return labels


@runtime_checkable
class HasCurves(Protocol):
    """A metric of which a run keeps curves beside the scores, for plots."""

    def score_and_curves(self, case: Case) -> tuple[NDArray[np.float64], tuple[FilledCurve, ...]]:
        """What `score` gives, and the curves."""


def score_and_curves(metric: Metric, case: Case) -> tuple[NDArray[np.float64], tuple[FilledCurve, ...]]:
    """The scores of a case by any metric, and its curves, where it has any."""
    return metric.score_and_curves(case) if isinstance(metric, HasCurves) else (metric.score(case), ())


@runtime_checkable
class HasPasses(Protocol):
    """A metric that says what it costs."""

    def passes(self, case: Case) -> Passes:
        """What goes through the network when the case is scored; its values are of no matter, nothing is computed."""


def passes_of(metric: Metric, case: Case) -> Passes:
    """What any metric needs for a case: what it says, else a new map where it needs the explainer, else nothing."""
    if isinstance(metric, HasPasses):
        return metric.passes(case)
    return passes_of_maps(case, len(case.labels)) if "explainer" in metric.needs else Passes()


def passes_of_maps(case: Case, labels: int) -> Passes:
    """What new maps by the case's explainer need, of so many labels of its image."""
    explaining = getattr(case.explainer, "passes", None)  # of a function of the user's nobody can tell
    return explaining(case.image.shape, labels) if explaining is not None else Passes(backwards=labels)


class AggregatingMetric(Metric):
    """A metric that keeps the scores that it is given: the reference's verbs.

    Args:
        label_count: how many labels have a mean of their own.
    """

    def __init__(self, label_count: int) -> None:
        self._label_count = label_count
        self._board = ScoreBoard(label_count)

    @property
    def performance(self) -> float:
        """The mean of all defined scores that were aggregated; nan when there is none."""
        return self._board.mean

    @property
    def undefined(self) -> int:
        """How many aggregated scores were undefined."""
        return self._board.undefined

    def reset(self) -> None:
        """Forgets what was aggregated."""
        self._board = ScoreBoard(self._label_count)


class LabelMetric(AggregatingMetric):
    """A metric with a score per label, in a run or alone.

    Args:
        num_labels: how many labels there are.

    Raises:
        TypeError, ValueError: `num_labels` is no whole number of at least 1.
    """

    def __init__(self, num_labels: int) -> None:
        super().__init__(require_integer("num_labels", num_labels, 1))

    @property
    def num_labels(self) -> int:
        """How many labels there are."""
        return self._label_count

    @property
    def class_performances(self) -> list[float]:
        """The mean for each label; nan where it has no defined score (the reference: 0)."""
        return list(self._board.mean_by_label)

    def aggregate(self, result: Any, targets: Any) -> None:
        """Takes scores as `evaluate` gives them, and the labels for which they are.

        Args:
            result: (N,), or (N, L).
            targets: an int, or labels of shape (), (N,) or (N, L).

        Raises:
            TypeError, ValueError: they do not fit one another, or a label outside [0, num_labels).
        """
        scores = scores_of_result(result)
        labels = self._labels(targets, len(scores))
        if scores.size != labels.size:
            raise ValueError(f"`result` must have a score per label, {labels.shape}, got shape {scores.shape}")
        self._board.add(labels.ravel().tolist(), scores.ravel().tolist())

    def score(self, case: Case) -> NDArray[np.float64]:
        """(L,) scores; nan = undefined."""
        regions = None if case.regions is None else case.regions[None]
        labels = np.array(case.labels, np.int64)[None]
        (scores,) = self._scores(case.image[None], labels, case.saliency[None], regions, case.explainer)
        return np.asarray(scores, np.float64)

    @abstractmethod
    def _scores(
        self,
        images: FloatArray,
        labels: LabelArray,
        saliency: FloatArray,
        regions: NDArray[np.bool_] | None,
        explainer: Any,
    ) -> NDArray[np.float64]:
        """(N, L) scores of the maps (N, L, H, W) of the images (N, C, H, W) for the labels (N, L); nan = undefined."""

    @final
    def evaluate(
        self, explainer: Any, inputs: Any, targets: Any, saliency: Any = None, mask: Any = None
    ) -> NDArray[np.float64]:
        """As a call, with the images together: the scores of the maps, (N,), or (N, L) for targets of that shape.

        Args:
            explainer: as for a call.
            inputs: as for a call.
            targets: as for a call.
            saliency: as for a call.
            mask: as for a call.

        Raises:
            TypeError, ValueError: as for a call.
        """
        self._require(explainer, saliency, mask)
        with unchanged(explainer, self.needs):
            images, labels, maps, regions = self._checked(explainer, inputs, targets, saliency, mask)
            scores = self._scores(images, labels, maps, regions, explainer)
        return scores if np.ndim(without_tensor(targets)) == 2 else scores[:, 0]


def require_explainer(explainer: Any) -> None:
    """Raises TypeError unless this is an explainer: called with inputs and targets, and with a network."""
    if not callable(explainer) or isinstance(explainer, type) or not hasattr(explainer, "network"):
        raise TypeError(
            f"`explainer` must be an explainer of explainer.explanation, got {type(explainer).__name__}; "
            "for maps of your own give `saliency`, and an explainer of the network that they explain"
        )


@contextmanager
def unchanged(explainer: Any, needs: frozenset[str]) -> Iterator[None]:
    """While a metric that needs it works, the explainer's network is looked at once, not for each evaluation."""
    with classifier_of(explainer.network).unchanged() if "explainer" in needs else nullcontext():
        yield


def require_maps(name: str, given: Any, shape: tuple[int, ...]) -> FloatArray:
    """The maps as float32 of this shape; TypeError unless numbers, ValueError for another shape, NaN or infinity."""
    maps = require_numbers(name, without_tensor(given))
    if maps.shape != shape:
        raise ValueError(f"`{name}` must have shape {shape}, one map per input and label, got {maps.shape}")
    maps = maps.astype(np.float32)
    require_finite(name, maps)
    return maps


def scores_of_result(result: Any) -> NDArray[np.float64]:
    """What `evaluate` gave, or one score, as an array of one axis or more; TypeError unless numbers."""
    scores: NDArray[np.float64] = require_numbers("result", without_tensor(result)).astype(np.float64)
    return np.atleast_1d(scores)
