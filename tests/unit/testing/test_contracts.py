"""The contracts see what breaks them: for each promise a class that breaks it, and the test that says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explainer.benchmark import LabelMetric
from explainer.errors import BadSampleError
from explainer.explanation import Attribution
from explainer.explanation.base import Traits, one_hot_pairs
from explainer.passes import Passes
from explainer.records import SampleDone, Score
from explainer.testing import ExplainerContract, JobContract, MetricContract, SinkContract
from explainer.testing.expectations import is_alike, require_json

pytestmark = pytest.mark.usefixtures("uncompiled")


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")


# Explainers.


class Product(Attribution):
    """Image times gradient, which breaks nothing."""

    def __init__(self, network: Any, **options: Any) -> None:
        super().__init__(network, **options)
        self.calls = 0

    def _explain(self, images: Any, targets: Any) -> Any:
        rows, seeds = one_hot_pairs(images, targets, self._classifier.class_count(images))
        products = (rows * self._classifier.gradient(rows, seeds)).sum(axis=1)
        return self.changed(products.reshape(*targets.shape, *images.shape[2:]), images, targets)

    def changed(self, maps: Any, images: Any, targets: Any) -> Any:
        return maps


class OfTheBatch(Product):
    def changed(self, maps: Any, images: Any, targets: Any) -> Any:
        return maps - maps.mean()


class OfThePlace(Product):
    def changed(self, maps: Any, images: Any, targets: Any) -> Any:
        return maps * (1 + np.arange(len(maps)))[:, None, None, None]


class OfTheLabels(Product):
    def changed(self, maps: Any, images: Any, targets: Any) -> Any:
        return maps / np.abs(maps).max(axis=1, keepdims=True)


class OfNoLabel(Product):
    def changed(self, maps: Any, images: Any, targets: Any) -> Any:
        return np.broadcast_to(images.sum(axis=1)[:, None], maps.shape)


class OfChance(Product):
    def changed(self, maps: Any, images: Any, targets: Any) -> Any:
        return maps + np.random.random(maps.shape)


class OfTheCall(Product):
    def changed(self, maps: Any, images: Any, targets: Any) -> Any:
        self.calls += 1
        return maps * self.calls


class Writing(Product):
    def changed(self, maps: Any, images: Any, targets: Any) -> Any:
        images *= 2
        return maps


class Evaluating(Product):
    def changed(self, maps: Any, images: Any, targets: Any) -> Any:
        self.network.set_train(False)
        return maps


class Training(Product):
    def changed(self, maps: Any, images: Any, targets: Any) -> Any:
        parameter = next(iter(self.network.get_parameters()))
        parameter.set_data(parameter * 1.5)
        return maps


class Swallowing(Product):
    def _explain(self, images: Any, targets: Any) -> Any:
        try:
            return super()._explain(images, targets)
        except RuntimeError:
            return np.zeros((*targets.shape, *images.shape[2:]), np.float32)


class PastTheEngine(Product):
    def changed(self, maps: Any, images: Any, targets: Any) -> Any:
        self._classifier.logits(images * np.float32(0.5))
        return maps


class Unchecked(Product):
    def __call__(self, inputs: Any, targets: Any) -> Any:
        return np.zeros((3, 1, 5, 7))


class Careless(Product):
    def check(self, inputs: Any) -> None:
        pass


BROKEN_EXPLAINERS: list[tuple[Callable[[Any], Attribution], str, str]] = [
    (OfTheBatch, "maps_do_not_depend_on_the_batch_size", "one by one"),
    (OfThePlace, "maps_do_not_depend_on_the_order_of_the_images", "in another order"),
    (OfTheLabels, "several_labels_at_once_are_the_labels_one_by_one", "several labels at once"),
    (OfNoLabel, "the_maps_of_different_labels_differ", "labels_matter is True; different maps: False"),
    (OfChance, "the_same_explainer_gives_the_same_maps_again", "of a second call"),
    (OfTheCall, "the_same_explainer_gives_the_same_maps_again", "of a second call"),
    (Writing, "images_and_labels_are_left_as_they_were", "the images after a call"),
    (Evaluating, "the_network_comes_back_as_it_was", r"after a call, the network .* its cells"),
    (Training, "the_network_comes_back_as_it_was", r"after a call, the network .* its parameters \['conv1.weight'\]"),
    (Swallowing, "the_network_comes_back_as_it_was_when_it_raises", "must be a RuntimeError, was taken"),
    (PastTheEngine, "perturbed_images_go_through_the_engine", "`logits` was evaluated past the engine"),
    (Unchecked, "there_is_one_finite_float32_map_for_each_image_and_label", "maps must be float32, got float64"),
    (Unchecked, "a_tensor_gives_a_tensor", "must be a Tensor, got a ndarray"),
    (Unchecked, "bad_inputs_are_refused", "without a batch axis must be a TypeError or ValueError, was taken"),
    (Careless, "check_takes_one_image_and_refuses_what_a_call_refuses", "`check` of a NaN .* was taken"),
    (
        lambda network: Product(network, parameters={"weights": np.ones(2)}),
        "parameters_are_json_and_a_copy",
        "`parameters` must be JSON values",
    ),
    (
        lambda network: Product(network, traits=Traits(passes=Passes(forwards=1))),
        "passes_are_what_a_call_needs",
        r"`passes` of 1 labels must be those that are made, got \(1, 0\) and made \(0, 1\)",
    ),
    (Product, "maps_have_the_signs_that_they_claim", "signed is False, but the least value is -"),
]


@pytest.mark.parametrize(("make", "test", "message"), BROKEN_EXPLAINERS)
def test_an_explainer_that_breaks_a_promise_fails(make: Callable[[Any], Attribution], test: str, message: str) -> None:
    class Contract(ExplainerContract):
        signed = False

        def make(self, network: Any) -> Attribution:
            return make(network)

    with pytest.raises(AssertionError, match=message):
        getattr(Contract(), f"test_{test}")()


# Metrics.


class Share(LabelMetric):
    """The share of the positive saliency that lies in the region, which breaks nothing."""

    name = "Share"
    needs = frozenset({"boxes"})

    def __init__(self, **settings: Any) -> None:
        super().__init__(4)
        self.settings = settings
        self.calls = 0

    def _scores(self, images: Any, labels: Any, saliency: Any, regions: Any, explainer: Any) -> Any:
        positive = np.maximum(saliency, 0).astype(np.float64)
        total = positive.sum(axis=(2, 3))
        shares = (positive * regions).sum(axis=(2, 3)) / np.where(total > 0, total, np.nan)
        self.calls += 1
        return self.changed(shares, images, saliency, explainer)

    def changed(self, scores: Any, images: Any, saliency: Any, explainer: Any) -> Any:
        return scores


class Percents(Share):
    def changed(self, scores: Any, images: Any, saliency: Any, explainer: Any) -> Any:
        return 100 * scores


class Inverted(Share):
    higher_is_better = False


class Zero(Share):
    def changed(self, scores: Any, images: Any, saliency: Any, explainer: Any) -> Any:
        return np.nan_to_num(scores)


class Counting(Share):
    def changed(self, scores: Any, images: Any, saliency: Any, explainer: Any) -> Any:
        return scores / self.calls


class Ranked(Share):
    def changed(self, scores: Any, images: Any, saliency: Any, explainer: Any) -> Any:
        return scores / np.nanmax(scores, axis=1, keepdims=True)


class Compared(Share):
    def changed(self, scores: Any, images: Any, saliency: Any, explainer: Any) -> Any:
        return scores / np.nanmax(scores)


class Scaling(Share):
    def changed(self, scores: Any, images: Any, saliency: Any, explainer: Any) -> Any:
        saliency *= 2
        return scores


class Switching(Share):
    def changed(self, scores: Any, images: Any, saliency: Any, explainer: Any) -> Any:
        explainer.network.set_train(False)
        return scores


class Brightening(Share):
    def changed(self, scores: Any, images: Any, saliency: Any, explainer: Any) -> Any:
        explainer(images + 1, 1)
        return scores


class Single(Share):
    def changed(self, scores: Any, images: Any, saliency: Any, explainer: Any) -> Any:
        return scores[:, :1]


class Nameless(Share):
    def named(self, name: str) -> Any:
        self.name = name
        return self


class Forgiving(Share):
    def aggregate(self, result: Any, targets: Any) -> None:
        super().aggregate(np.nan_to_num(result), targets)


BROKEN_METRICS: list[tuple[Callable[[], LabelMetric], str, str]] = [
    (Percents, "scores_lie_within_the_declared_bounds_or_are_nan", r"must lie in \[0.0, 1.0\] or be nan"),
    (Single, "scores_lie_within_the_declared_bounds_or_are_nan", r"must have shape \(2,\), got \(1,\)"),
    (Inverted, "a_perfect_map_scores_no_worse_than_random_ones", "lower is better"),
    (Zero, "what_has_no_score_is_nan", "must have nan, got"),
    (Forgiving, "undefined_scores_are_counted_and_left_out_of_the_means", "must be 0.5, got 0.33"),
    (Counting, "the_same_case_has_the_same_score_again", "the score of a second call"),
    (Ranked, "a_label_has_the_same_score_alone", "labels one by one"),
    (Compared, "a_batch_has_the_scores_of_its_images", "the scores of image"),
    (Scaling, "image_maps_and_regions_are_left_as_they_were", "the case's saliency"),
    (Switching, "the_network_comes_back_as_it_was", "after a case was scored"),
    (Brightening, "perturbed_images_go_through_the_engine", "past the engine"),
    (lambda: Share(region=np.ones(2)), "what_is_declared_can_be_recorded", "must be JSON values"),
    (lambda: Share(per_label=False), "what_is_declared_can_be_recorded", "`parameters`: 'per_label'"),
    (Nameless, "it_works_under_another_name", "must give it that name, got ' another name '"),
]


@pytest.mark.parametrize(("make", "test", "message"), BROKEN_METRICS)
def test_a_metric_that_breaks_a_promise_fails(make: Callable[[], LabelMetric], test: str, message: str) -> None:
    class Contract(MetricContract):
        def make(self) -> LabelMetric:
            return make()

        def perfect(self, case: Any) -> Any:
            return case.regions

        def undefined(self, case: Any) -> Any:
            case.saliency[:] = 0
            return case

    with pytest.raises(AssertionError, match=message):
        getattr(Contract(), f"test_{test}")()


# Jobs.


class Means:
    """The mean of each image, which breaks nothing."""

    name = "means"

    def __init__(self, bad: int | None = None) -> None:
        self.bad = bad
        self.count = 0

    def check(self, first_batch: Any, labels: Any) -> Any:
        pass

    def start(self) -> Any:
        self.count = 0
        return []

    def on_batch(self, batch: Any) -> Any:
        for sample in batch.samples:
            if sample.sample_id == self.bad:
                raise BadSampleError("bad", sample_id=sample.sample_id)
            self.count += 1
            yield Score(sample.sample_id, "image", "Mean", None, float(sample.image.mean()))

    def finish(self) -> Any:
        return [Score(None, "images", "Count", None, float(self.count))]


class Blank(Means):
    name = " "


class Arrays(Means):
    @property
    def parameters(self) -> Any:
        return {"weights": np.ones(2)}


class Talking(Means):
    def check(self, first_batch: Any, labels: Any) -> Any:
        return self.on_batch(first_batch)


@dataclass(frozen=True)
class OwnRecord:
    sample_id: int


class OwnKind(Means):
    def on_batch(self, batch: Any) -> Any:
        return [OwnRecord(sample.sample_id) for sample in batch.samples]


class Finishing(Means):
    def on_batch(self, batch: Any) -> Any:
        return [SampleDone(sample.sample_id) for sample in batch.samples]


class Backwards(Means):
    def on_batch(self, batch: Any) -> Any:
        return list(super().on_batch(batch))[::-1]


class Mixed(Means):
    def on_batch(self, batch: Any) -> Any:
        return 2 * list(super().on_batch(batch))


class Remembering(Means):
    def start(self) -> Any:
        return []


class Darkening(Means):
    def on_batch(self, batch: Any) -> Any:
        for sample in batch.samples:
            sample.image[:] = 0
        return super().on_batch(batch)


class CountingTheBad(Means):
    def on_batch(self, batch: Any) -> Any:
        self.count += len(batch.samples)
        return super().on_batch(batch)


class Forgetting(Means):
    def recall(self, sample: Any) -> None:
        pass


class Answering(Means):
    def recall(self, sample: Any) -> Any:
        return [Score(sample.sample_id, "image", "Mean", None, 0.5)]


BROKEN_JOBS: list[tuple[Any, str, str]] = [
    (Blank, "it_has_a_name", "not blank, got ' '"),
    (Arrays, "parameters_are_json", "must be JSON values"),
    (Talking, "check_takes_the_samples", "`check` must give nothing"),
    (Means, "check_refuses_what_it_cannot_work_on", "must be a TypeError or ValueError, was taken"),
    (OwnKind, "records_are_those_of_a_run", "of a kind of explainer.records, got OwnRecord"),
    (Finishing, "records_are_those_of_a_run", "SampleDone is the runner's"),
    (Backwards, "records_come_sample_by_sample", r"got \[7, 5, 4\]"),
    (Mixed, "records_come_sample_by_sample", r"got \[4, 5, 7, 4, 5, 7\]"),
    (Remembering, "two_runs_give_the_same", "the records of a second run"),
    (Darkening, "samples_are_left_as_they_were", "the samples after a run.*image"),
    (lambda: CountingTheBad(bad=5), "a_sample_that_it_cannot_work_on_costs_that_one_alone", "of the other samples"),
    (Forgetting, "what_is_recalled_counts_for_the_totals", "the totals of a run that was resumed"),
    (Answering, "what_is_recalled_counts_for_the_totals", "`recall` must give nothing"),
    (Means, "a_sample_that_it_cannot_work_on_costs_that_one_alone", "sample 5 must be a BadSampleError, was taken"),
]


def job_contract(make: Callable[[], Any]) -> JobContract:
    class Contract(JobContract):
        def make(self) -> Any:
            return make()

        def refused(self) -> Any:
            return self.batch()

        def faulty(self) -> Any:
            return self.batch(), 5

    return Contract()


@pytest.mark.parametrize(("make", "test", "message"), BROKEN_JOBS)
def test_a_job_that_breaks_a_promise_fails(make: Callable[[], Any], test: str, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        getattr(job_contract(make), f"test_{test}")()


def test_a_job_that_keeps_its_promises_passes() -> None:
    job_contract(lambda: Means(bad=5)).test_a_sample_that_it_cannot_work_on_costs_that_one_alone()
    job_contract(Means).test_two_runs_give_the_same()


# Sinks.


class Ids:
    """The numbers of the samples of the records, which breaks nothing."""

    def __init__(self) -> None:
        self.ids: list[Any] = []
        self.closed = 0

    def write(self, record: Any) -> None:
        self.ids.append(getattr(record, "sample_id", None))

    def close(self) -> None:
        self.closed += 1


class Choosy(Ids):
    def write(self, record: Any) -> None:
        if type(record).__name__ == "ScoreCurve":
            raise TypeError("no curves")


class ById(Ids):
    def write(self, record: Any) -> None:
        self.ids.append(id(self))


class Deaf(Ids):
    def write(self, record: Any) -> None:
        pass


class Stretching(Ids):
    def write(self, record: Any) -> None:
        super().write(record)
        if type(record).__name__ == "Saliency":
            record.saliency[:] = 0


class Once(Ids):
    def close(self) -> None:
        assert not self.closed, "closed before"
        super().close()


class Adding(Ids):
    def close(self) -> None:
        self.ids.append("closed")


class Complete(Ids):
    def close(self) -> None:
        assert self.ids[-1] is None, "the run has no end"


class Finite(Ids):
    def write(self, record: Any) -> None:
        assert not self.closed, "it is closed"
        super().write(record)


BROKEN_SINKS: list[tuple[Any, str, type[Exception], str]] = [
    (Choosy, "it_takes_every_kind_of_record", TypeError, "no curves"),
    (ById, "what_it_makes_depends_on_the_records_alone", AssertionError, "a second sink made"),
    (Deaf, "what_it_makes_depends_on_the_records_alone", AssertionError, "`seen` must tell"),
    (Stretching, "records_are_left_as_they_were", AssertionError, "Saliency.saliency"),
    (Once, "closing_again_is_harmless", AssertionError, "closed before"),
    (Adding, "closing_again_is_harmless", AssertionError, "closed again"),
    (Complete, "it_closes_after_a_run_that_failed", AssertionError, "the run has no end"),
    (Finite, "it_takes_a_second_run", AssertionError, "it is closed"),
]


@pytest.mark.parametrize(("make", "test", "error", "message"), BROKEN_SINKS)
def test_a_sink_that_breaks_a_promise_fails(
    make: Any, test: str, error: type[Exception], message: str, tmp_path: Path
) -> None:
    class Contract(SinkContract):
        def make(self, folder: Path) -> Any:
            return make()

        def seen(self, sink: Any) -> Any:
            return sink.ids

    with pytest.raises(error, match=message):
        getattr(Contract(), f"test_{test}")(tmp_path)


# What is compared.


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (np.float32([1, 2]), np.float64([1, 2])),
        (np.float32([1, 2]), np.float32([[1, 2]])),
        (np.float32([1, np.nan]), np.float32([1, 2])),
        (0.5, float("nan")),
        ([1, 2], [1, 2, 3]),
        ({"a": 1}, {"a": 1, "b": 2}),
        (Score(1, "e", "m", None, 0.5), Score(1, "e", "m", None, 0.25)),
        (Score(1, "e", "m", None, 0.5), SampleDone(1)),
        ("one", "two"),
    ],
)
def test_what_differs_is_not_alike(found: Any, wanted: Any) -> None:
    assert is_alike(wanted, wanted)
    assert is_alike(found, found)
    assert not is_alike(found, wanted)


def test_a_tuple_does_not_come_back_from_json() -> None:
    with pytest.raises(AssertionError, match=r"must come back from JSON as they were: give \{'size': \[5, 7\]\}"):
        require_json("`parameters`", {"size": (5, 7)})
