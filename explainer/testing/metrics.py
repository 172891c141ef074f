"""What a metric of one's own has to hold."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from unittest import SkipTest

import numpy as np
from mindspore import nn
from numpy.typing import NDArray

from explainer.arrays import Float64Array, FloatArray, Region
from explainer.benchmark.base import Case, HasPasses, LabelMetric, Metric, score_and_curves
from explainer.explanation.base import Attribution
from explainer.explanation.input_x_gradient import InputXGradient
from explainer.testing.counting import CountingClassifier
from explainer.testing.examples import regions_of
from explainer.testing.expectations import require_alike, require_json, require_passes, require_refused
from explainer.testing.networks import (
    CHANNELS,
    CLASSES,
    HEIGHT,
    WIDTH,
    LinearNetwork,
    half_trained,
    require_untouched,
    state_of,
)

LABELS = (2, 0)
_BOXES = (np.s_[..., 1:3, 4:7], np.s_[..., 3:5, 0:2])  # where the pixels of each label are
_WEIGHT = 0.3  # of each such pixel; larger ones would saturate a sigmoid
_OF_BATCH = 1e-3  # scores are ratios of small differences, which magnify the rounding of a batch
_RANDOM_MAPS = 8


class MetricContract(ABC):
    """What holds for every metric. The hole is `make`; `perfect` and `undefined` say what good and no scores are.

    The image is (2, 5, 7); the logit of each of its labels, 2 and 0, is the weighted sum of the pixels in the box of
    that label, off the diagonal, and the image is bright there.

    >>> from explainer.benchmark import RelevanceMass
    >>> class TestRelevanceMass(MetricContract):
    ...     def make(self):
    ...         return RelevanceMass(4)
    ...
    ...     def perfect(self, case):
    ...         return case.regions
    >>> TestRelevanceMass().test_a_perfect_map_scores_no_worse_than_random_ones()
    """

    @abstractmethod
    def make(self) -> Metric:
        """The metric for 4 labels, set up in the same way each time."""

    def make_explainer(self, network: Any) -> Attribution:
        """The explainer of the cases, for a metric that looks at one."""
        return InputXGradient(network)

    def perfect(self, case: Case) -> NDArray[Any] | None:
        """Maps (L, H, W) that score best; None: there are none, or the map is of no matter."""
        return None

    def undefined(self, case: Case) -> Case | None:
        """The case changed so that it has no score; None: every case has one."""
        return None

    def test_scores_lie_within_the_declared_bounds_or_are_nan(self) -> None:
        """One float for each label, or one for the image, of maps of every kind."""
        metric = self.make()
        low, high = metric.bounds
        slack = 1e-6 * max(1.0, *(abs(bound) for bound in (low, high) if math.isfinite(bound)))
        for what, maps in _maps():
            scores = np.asarray(metric.score(self._case(maps)))
            wanted = (len(LABELS),) if metric.per_label else (1,)
            assert scores.shape == wanted, f"scores of {what} must have shape {wanted}, got {scores.shape}"
            good = np.isnan(scores) | ((scores >= low - slack) & (scores <= high + slack))
            assert good.all(), f"scores of {what} must lie in [{low}, {high}] or be nan, got {scores}"

    def test_a_perfect_map_scores_no_worse_than_random_ones(self) -> None:
        """In the declared direction, for each label, on average over random maps."""
        metric, case = self.make(), self._case(_random_maps()[0])
        perfect = self.perfect(case)
        if perfect is None:
            raise SkipTest("`perfect` gives no map")
        best = np.asarray(metric.score(self._case(perfect)))
        chance = np.mean([metric.score(self._case(maps)) for maps in _random_maps()], axis=0)
        assert np.isfinite(best).all(), f"a perfect map must have a score, got {best}"
        good = best >= chance if metric.higher_is_better else best <= chance
        better = "higher" if metric.higher_is_better else "lower"
        assert good.all(), f"a perfect map must score no worse than random ones ({better} is better): {best}, {chance}"

    def test_what_has_no_score_is_nan(self) -> None:
        """Never 0, which is a score."""
        case = self.undefined(self._case(_random_maps()[0]))
        if case is None:
            raise SkipTest("`undefined` gives no case")
        scores = np.asarray(self.make().score(case))
        assert np.isnan(scores).all(), f"a case without a score must have nan, got {scores}"

    def test_undefined_scores_are_counted_and_left_out_of_the_means(self) -> None:
        """By a metric that aggregates."""
        metric = self._label_metric()
        metric.aggregate(np.array([0.25, np.nan, 0.75]), np.array([1, 2, 1]))
        assert metric.performance == 0.5, f"the mean of 0.25, nan and 0.75 must be 0.5, got {metric.performance}"
        assert metric.undefined == 1, f"one score was undefined, got {metric.undefined}"
        require_alike("the mean of each label", metric.class_performances, [np.nan, 0.5, np.nan, np.nan])
        metric.reset()
        assert math.isnan(metric.performance), f"the mean of nothing must be nan, got {metric.performance}"
        assert metric.undefined == 0, f"after `reset` nothing is counted, got {metric.undefined}"

    def test_the_same_case_has_the_same_score_again(self) -> None:
        """By the same metric, and by another one that is set up alike."""
        metric, case = self.make(), self._case(_random_maps()[0])
        first = metric.score(case)
        require_alike("the score of a second call", metric.score(case), first)
        require_alike("the score by another metric that is set up alike", self.make().score(case), first)

    def test_a_label_has_the_same_score_alone(self) -> None:
        """Whatever else is computed of the image."""
        metric, case = self.make(), self._case(_random_maps()[0])
        if not metric.per_label:
            raise SkipTest("the metric does not look at labels")
        alone = [metric.score(_of_one_label(case, index)) for index in range(len(LABELS))]
        require_alike("scores of the labels one by one", np.concatenate(alone), metric.score(case), _OF_BATCH)

    def test_a_batch_has_the_scores_of_its_images(self) -> None:
        """By `evaluate`, whatever the order."""
        metric = self._label_metric()
        images, labels, maps, regions = self._batch(metric)
        explainer = self.make_explainer(_network())
        together = metric.evaluate(explainer, images, labels, maps, regions)
        for index in (2, 0, 1):
            rows = slice(index, index + 1)
            of_image = None if regions is None else regions[rows]
            alone = metric.evaluate(explainer, images[rows], labels[rows], maps[rows], of_image)
            require_alike(f"the scores of image {index} alone", alone[0], together[index], _OF_BATCH)

    def test_called_alone_it_gives_the_scores_of_its_cases(self) -> None:
        """(N, L) for labels (N, L), (N,) for one label each; without a run."""
        metric = self.make()
        images, labels, maps, regions = self._batch(metric)
        explainer = self.make_explainer(_network())
        found = metric(explainer, images, labels, maps, regions)
        wanted = [metric.score(case) for case in _cases(explainer, images, labels, maps, regions)]
        require_alike("the scores of a call", found, np.stack(wanted) if metric.per_label else np.concatenate(wanted))
        of_one = metric(explainer, images, labels[:, 0], maps[:, :1], None if regions is None else regions[:, :1])
        assert of_one.shape == (3,), f"scores of one label for each of 3 images must be (3,), got {of_one.shape}"

    def test_what_does_not_fit_is_refused(self) -> None:
        """By `evaluate`: maps of another shape, or not finite, and labels that there are not."""
        metric = self._label_metric()
        images, labels, maps, regions = self._batch(metric)
        explainer = self.make_explainer(_network())
        for what, bad in [("maps turned", maps.swapaxes(2, 3)), ("a map too few", maps[:2]), ("NaN", maps * np.nan)]:
            require_refused(what, lambda bad=bad: metric.evaluate(explainer, images, labels, bad, regions))  # type: ignore[misc]
        require_refused("labels", lambda: metric.evaluate(explainer, images, labels + CLASSES, maps, regions))
        wrong = None if "boxes" in metric.needs else np.stack([regions_of(_BOXES)] * 3)
        require_refused("regions", lambda: metric.evaluate(explainer, images, labels, maps, wrong))
        require_refused("a network", lambda: metric.evaluate(_network(), images, labels, maps, regions))

    def test_image_maps_and_regions_are_left_as_they_were(self) -> None:
        """Of a case that is scored."""
        case, same = self._case(_random_maps()[0]), self._case(_random_maps()[0])
        self.make().score(case)
        for name in ("image", "saliency", "regions"):
            require_alike(f"the case's {name} after it was scored", getattr(case, name), getattr(same, name))

    def test_the_network_comes_back_as_it_was(self) -> None:
        """That of the case's explainer."""
        network = half_trained(_network())
        before = state_of(network)
        self.make().score(self._case(_random_maps()[0], network))
        require_untouched("after a case was scored", network, before)

    def test_perturbed_images_go_through_the_engine(self) -> None:
        """Whatever is hidden or changed; see `CountingClassifier`."""
        classifier = CountingClassifier(_network(), nn.Sigmoid(), clean=_image()[None])
        self.make().score(self._case(_random_maps()[0], classifier))

    def test_passes_are_what_a_score_needs(self) -> None:
        """With the curves that a run keeps, and those with further fills; a metric may leave them unsaid."""
        metric = self.make()
        if not isinstance(metric, HasPasses):
            raise SkipTest("the metric has no `passes`")
        for further in (False, True):
            classifier = CountingClassifier(_network(), nn.Sigmoid(), clean=_image()[None])
            case = replace(self._case(_random_maps()[0], classifier), further_curves=further)
            told = metric.passes(case)
            score_and_curves(metric, case)
            require_passes("`passes` of a case", told, classifier.passes)

    def test_what_is_declared_can_be_recorded(self) -> None:
        """Parameters are JSON values and say which way is better; what is needed is known."""
        metric = self.make()
        recorded = require_json("`parameters`", metric.parameters)
        declared = {
            "class": type(metric).__name__,
            "higher_is_better": metric.higher_is_better,
            "per_label": metric.per_label,
        }
        require_alike("`parameters`", {name: recorded[name] for name in declared}, declared)
        low, high = metric.bounds
        assert low < high, f"`bounds` must be (low, high), got {metric.bounds}"
        unknown = metric.needs - {"boxes", "explainer"}
        assert not unknown, f'`needs` may hold "boxes" and "explainer", got {sorted(unknown)}'

    def test_it_works_under_another_name(self) -> None:
        """`named` gives a metric that is set up alike, and leaves the first one as it was."""
        metric, case = self.make(), self._case(_random_maps()[0])
        name, other = metric.name, metric.named(" another name ")
        assert other.name == "another name", f"named(...) must give it that name, got {other.name!r}"
        assert metric.name == name, f"named(...) must leave the metric's own name, {name!r}, got {metric.name!r}"
        require_alike("`parameters` under another name", other.parameters, metric.parameters)
        require_alike("the score under another name", other.score(case), metric.score(case))
        require_refused("a blank name", lambda: metric.named(" "))

    def _case(self, maps: NDArray[Any], network: Any = None) -> Case:
        explainer = self.make_explainer(_network() if network is None else network)
        return Case(_image(), LABELS, np.asarray(maps, np.float32), regions_of(_BOXES), explainer)

    def _label_metric(self) -> LabelMetric:
        metric = self.make()
        if not isinstance(metric, LabelMetric):
            raise SkipTest("the metric is no LabelMetric: it scores cases alone")
        return metric

    def _batch(self, metric: Metric) -> tuple[FloatArray, NDArray[np.int64], FloatArray, Region | None]:
        """Three images, their labels (3, 2) and maps, and regions where the metric needs them."""
        images = np.stack([_image(), _image()[:, ::-1], _image() * np.float32(0.5)])
        labels = np.array([LABELS, LABELS[::-1], (1, 2)])
        maps = np.stack(_random_maps()[:3]).astype(np.float32)
        regions = np.stack([regions_of(_BOXES)] * 3)
        return images, labels, maps, regions if "boxes" in metric.needs else None


def contributions(case: Case) -> Float64Array:
    """What each pixel adds to the logit of each of the case's labels, (L, H, W): a perfect map for most metrics."""
    assert case.regions is not None, "the cases of the contract have regions"
    return np.where(case.regions, _WEIGHT * case.image.sum(axis=0, dtype=np.float64), 0.0)


def _network() -> nn.Cell:
    weights = np.zeros((CLASSES, CHANNELS, HEIGHT, WIDTH), np.float32)
    for label, box in zip(LABELS, _BOXES, strict=True):
        weights[label][box] = _WEIGHT
    weights[1, :, 0, 0] = weights[3, :, 4, 6] = _WEIGHT
    return LinearNetwork(weights)


def _image() -> FloatArray:
    image = np.random.default_rng(0).uniform(0, 0.1, (CHANNELS, HEIGHT, WIDTH)).astype(np.float32)
    for box in _BOXES:
        image[box] += 0.5  # else what is imputed from the neighbours would be as good
    return image


def _maps() -> Iterator[tuple[str, NDArray[Any]]]:
    """Maps (L, H, W) of every kind, and what they are."""
    shape = len(LABELS), HEIGHT, WIDTH
    rng = np.random.default_rng(2)
    yield from (("normal numbers", maps) for maps in _random_maps()[:3])
    yield "numbers above 0", rng.random(shape)
    yield "numbers below 0", -rng.random(shape)
    yield "whole numbers, many of them equal", rng.integers(-1, 2, shape)
    yield "zeros", np.zeros(shape)
    yield "one number", np.full(shape, 0.75)
    yield "one pixel", np.eye(HEIGHT, WIDTH)[None] * np.array([[[0]], [[1]]])
    yield "huge numbers", regions_of(_BOXES) * 1e30
    yield "tiny numbers", rng.standard_normal(shape) * 1e-30


def _random_maps() -> list[Float64Array]:
    rng = np.random.default_rng(1)
    return [rng.standard_normal((len(LABELS), HEIGHT, WIDTH)) for _ in range(_RANDOM_MAPS)]


def _cases(
    explainer: Attribution, images: FloatArray, labels: NDArray[np.int64], maps: FloatArray, regions: Region | None
) -> list[Case]:
    return [
        Case(image, tuple(labels[n].tolist()), maps[n], None if regions is None else regions[n], explainer)
        for n, image in enumerate(images)
    ]


def _of_one_label(case: Case, index: int) -> Case:
    rows = slice(index, index + 1)
    regions = None if case.regions is None else case.regions[rows]
    return Case(case.image, case.labels[rows], case.saliency[rows], regions, case.explainer)
