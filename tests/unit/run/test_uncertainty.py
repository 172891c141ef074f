"""The job of uncertainty: its records, whatever the batches, and what it refuses when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn
from mindspore.dataset import NumpySlicesDataset
from networks import LinearNetwork, SmallCnn
from numpy.typing import NDArray
from replicas import normal_images, sigmoid

from explainer import ImageClassificationRunner, RunOptions, read_run
from explainer.data.batch import Batch, Sample
from explainer.errors import BadSampleError, NetworkOutputError
from explainer.explanation import Gradient
from explainer.records import Uncertainty as UncertaintyRecord
from explainer.run.job import PredictedBatch, PredictedSample
from explainer.run.uncertainty import UncertaintyJob
from explainer.uncertainty import AugmentationUncertainty, DropoutUncertainty, EnsembleUncertainty, Uncertainty

FloatArray = NDArray[Any]
LABELS = ["ant", "bee", "cat", "dog"]
IMAGES = normal_images(5, 3)


class Picky(nn.Cell):
    """As the network within, but NaN for images whose very last pixel is 7."""

    def __init__(self, network: nn.Cell) -> None:
        super().__init__()
        self.network = network

    def construct(self, images: Tensor) -> Tensor:
        return self.network(images) + 0 / (images[:, -1, -1, -1:] - 7)


def batch_of(images: FloatArray, first_id: int = 20) -> PredictedBatch:
    """Cases whose probabilities say nothing: the job looks at them for the order of the labels alone."""
    samples = [Sample(first_id + place, image, ()) for place, image in enumerate(images)]
    return PredictedBatch(tuple(PredictedSample(sample, np.zeros(4, np.float32), (), ()) for sample in samples))


def plain_batch(images: FloatArray) -> Batch:
    return Batch(tuple(Sample(place, image, ()) for place, image in enumerate(images)))


def records_of(job: UncertaintyJob, *batches: PredictedBatch) -> list[Any]:
    records: list[Any] = list(job.start())
    for batch in batches:
        records += job.on_batch(batch)
    return [*records, *job.finish()]


def linear(scale: float, classes: int = 4) -> LinearNetwork:
    """Logit k is the scaled pixel of channel 0, row 0, column k."""
    return LinearNetwork(np.eye(classes, IMAGES[0].size) * scale)


def entropy(probabilities: FloatArray) -> FloatArray:
    """Of labels that may each be true."""
    return -(probabilities * np.log(probabilities) + (1 - probabilities) * np.log(1 - probabilities)).sum(axis=-1)


DROPPING = SmallCnn(channels=3)
WAYS: dict[str, Uncertainty] = {
    "dropout": DropoutUncertainty(DROPPING, nn.Softmax(), draws=6, seed=3, batch_size=4),
    "dropout, quantile": DropoutUncertainty(DROPPING, nn.Sigmoid(), draws=5, interval="quantile", batch_size=64),
    "ensemble": EnsembleUncertainty([SmallCnn(3, seed=seed) for seed in (0, 7, 9)], nn.Softmax(), batch_size=2),
    "noise": AugmentationUncertainty(DROPPING, nn.Sigmoid(), "noise", draws=4, batch_size=3),
}


# ---- what is recorded ----


def test_the_numbers_of_an_ensemble_are_those_of_its_networks() -> None:
    scales = [0.5, 2.0, -1.0]
    networks = [linear(scale) for scale in scales]
    job = UncertaintyJob(EnsembleUncertainty(networks, nn.Sigmoid(), interval="quantile"))
    found = records_of(job, batch_of(IMAGES[:3]))
    assert [record.sample_id for record in found] == [20, 21, 22]
    for image, record in zip(IMAGES, found, strict=False):
        drawn = sigmoid(np.outer(scales, image[0, 0, :4]).astype(np.float64))
        np.testing.assert_allclose(record.mean, drawn.mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(record.deviation, drawn.std(axis=0, ddof=1), atol=1e-6)
        np.testing.assert_allclose(record.low, drawn.min(axis=0), atol=1e-6)  # of three, the quantiles are the ends
        np.testing.assert_allclose(record.high, drawn.max(axis=0), atol=1e-6)
        total, aleatoric = entropy(drawn.mean(axis=0)), entropy(drawn).mean()
        assert (record.total, record.aleatoric, record.epistemic) == pytest.approx(
            (total, aleatoric, total - aleatoric), abs=1e-5
        )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sizes", [(5,), (2, 3), (1, 1, 1, 1, 1)])
def test_a_record_tells_what_is_drawn_of_the_image_alone_whatever_the_batches(way: str, sizes: tuple[int, ...]) -> None:
    ends = np.cumsum(sizes)
    batches = [batch_of(IMAGES[end - size : end], 20 + end - size) for size, end in zip(sizes, ends, strict=True)]
    found = records_of(UncertaintyJob(WAYS[way]), *batches)
    assert [record.sample_id for record in found] == [20, 21, 22, 23, 24]
    for image, record in zip(IMAGES, found, strict=True):
        alone = WAYS[way](image[None])
        for name in ("mean", "deviation", "low", "high"):
            np.testing.assert_allclose(getattr(record, name), getattr(alone, name)[0], atol=2e-6, err_msg=name)
        told = (record.total, record.aleatoric, record.epistemic)
        assert told == pytest.approx([float(part[0]) for part in alone.entropies], abs=1e-5)


@pytest.mark.parametrize("way", WAYS)
def test_a_record_holds_float32_for_each_label_and_plain_floats(way: str) -> None:
    (record,) = records_of(UncertaintyJob(WAYS[way]), batch_of(IMAGES[:1]))
    assert type(record) is UncertaintyRecord
    for column in (record.mean, record.deviation, record.low, record.high):
        assert (column.dtype, column.shape) == (np.float32, (4,))
    assert {type(record.total), type(record.aleatoric), type(record.epistemic)} == {float}
    assert (record.low <= record.mean).all() and (record.mean <= record.high).all() and (record.deviation > 0).all()


@pytest.mark.parametrize("way", WAYS)
def test_the_draws_of_the_labels_are_kept_the_most_probable_first(way: str) -> None:
    probabilities = np.float32([0.125, 0.5, 0.25, 0.125])
    sample = PredictedSample(Sample(20, IMAGES[0], ()), probabilities, (), ())
    (record,) = records_of(UncertaintyJob(WAYS[way]), PredictedBatch((sample,)))
    assert record.draws.labels == (1, 2, 0, 3)
    assert record.draws.probabilities.dtype == np.float32
    drawn = WAYS[way].draws(IMAGES[:1])[:, 0]
    np.testing.assert_allclose(record.draws.probabilities, drawn[:, [1, 2, 0, 3]], atol=2e-6)


class Given(Uncertainty):
    """Draw s of label k is s + k / 100."""

    method = "given"

    def __init__(self, draws: int, labels: int) -> None:
        super().__init__("quantile")
        self.given = np.float32(np.arange(draws)[:, None, None] + np.arange(labels) / 100)

    def _parameters(self) -> dict[str, Any]:
        return {}

    def _draws(self, images: FloatArray) -> FloatArray:
        return self.given


def test_no_more_than_ten_labels_and_a_hundred_draws_are_kept() -> None:
    probabilities = np.arange(12, dtype=np.float32)
    sample = PredictedSample(Sample(20, IMAGES[0], ()), probabilities, (), ())
    (record,) = records_of(UncertaintyJob(Given(101, 12)), PredictedBatch((sample,)))
    assert record.draws.labels == (11, 10, 9, 8, 7, 6, 5, 4, 3, 2)
    assert record.draws.probabilities.shape == (100, 10)
    assert record.draws.probabilities[99, 9] == np.float32(99.02)
    assert record.draws.probabilities.nbytes == 4000


@pytest.mark.parametrize("way", WAYS)
def test_parameters_are_those_of_the_draws(way: str) -> None:
    assert UncertaintyJob(WAYS[way]).parameters == WAYS[way].parameters


def test_only_batches_bring_records() -> None:
    job = UncertaintyJob(WAYS["ensemble"])
    assert (list(job.start()), list(job.finish())) == ([], [])


# ---- what is refused ----


def test_a_network_of_the_labels_number_passes_the_check() -> None:
    UncertaintyJob(WAYS["ensemble"]).check(plain_batch(IMAGES), LABELS)


@pytest.mark.parametrize("classes", [3, 5])
def test_networks_of_another_number_of_outputs_are_refused_by_the_check(classes: int) -> None:
    job = UncertaintyJob(EnsembleUncertainty([linear(1, classes), linear(2, classes)], nn.Softmax()))
    with pytest.raises(ValueError, match=f"`networks` must have an output for each of 4 labels, got {classes}"):
        job.check(plain_batch(IMAGES), LABELS)


def test_the_check_looks_at_the_first_image_alone() -> None:
    shown: list[int] = []

    def counting(image: FloatArray, rng: np.random.Generator) -> FloatArray:
        shown.append(int(np.flatnonzero([(image == other).all() for other in IMAGES])[0]))
        return image

    job = UncertaintyJob(AugmentationUncertainty(linear(1), nn.Softmax(), counting, draws=3))
    job.check(plain_batch(IMAGES), LABELS)
    assert shown == [0, 0, 0]


# ---- in a run ----


def run(folder: Path, images: FloatArray, networks: list[Any], on_bad_sample: str = "raise", **kwargs: Any) -> None:
    network = linear(1)
    dataset = NumpySlicesDataset((images, np.arange(len(images), dtype=np.int32) % 4), shuffle=False)
    options = RunOptions(on_bad_sample=on_bad_sample, batch_size=3)
    runner = ImageClassificationRunner(folder, (dataset, LABELS), network, nn.Sigmoid(), options=options)
    runner.register_saliency([Gradient(network)])
    runner.register_uncertainty(networks, **kwargs)
    runner.run()


@pytest.mark.parametrize(
    ("counts", "error", "message"),
    [
        ((5, 5), ValueError, "`networks` must have an output for each of 4 labels, got 5"),
        ((3, 3), ValueError, "`networks` must have an output for each of 4 labels, got 3"),
        ((4, 5), NetworkOutputError, r"`networks` must all have the same labels, got \[4, 5\] outputs"),
    ],
)
def test_an_ensemble_of_another_number_of_outputs_is_refused_before_any_file_exists(
    tmp_path: Path, counts: tuple[int, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(tmp_path / "job", IMAGES, [linear(1, classes) for classes in counts])
    assert list(tmp_path.iterdir()) == []


def bad_at(*places: int) -> FloatArray:
    images = IMAGES.copy()
    images[list(places), -1, -1, -1] = 7
    return images


@pytest.mark.parametrize("place", [0, 1, 4])
def test_a_draw_that_is_not_finite_ends_the_run_and_the_samples_before_stay(tmp_path: Path, place: int) -> None:
    """MindInsight cannot read a page with a NaN in it."""
    with pytest.raises(BadSampleError, match=f"the uncertainty of sample {place} met a NaN or an infinity") as told:
        run(tmp_path, bad_at(place), [linear(1), Picky(linear(2))])
    assert told.value.sample_id == place
    found = read_run(tmp_path)
    assert (list(found.samples), found.unfinished, found.ended) == (list(range(place)), (), False)


def test_with_skip_only_the_samples_with_such_a_draw_are_lost_and_the_others_are_as_alone(tmp_path: Path) -> None:
    networks = [linear(1), Picky(linear(2))]
    run(tmp_path, bad_at(0, 3), networks, on_bad_sample="skip")
    found = read_run(tmp_path)
    assert found.ended and list(found.samples) == [1, 2, 4]
    assert found.skipped == {place: f"the uncertainty of sample {place} met a NaN or an infinity" for place in (0, 3)}
    for place, sample in found.samples.items():
        alone = EnsembleUncertainty(networks, nn.Sigmoid())(IMAGES[place : place + 1])
        assert sample.uncertainty is not None
        np.testing.assert_allclose(sample.uncertainty.high, alone.high[0], atol=2e-6)
        assert sample.uncertainty.total == pytest.approx(float(alone.entropies.total[0]), abs=1e-5)
