"""The jobs of a run: what they ask of explainers and metrics, and which records they yield."""

import math

import numpy as np
import pytest
from mindspore import nn
from networks import LinearNetwork

from explainer import Preprocess, RunOptions
from explainer.benchmark import Metric
from explainer.data.batch import Batch, Sample
from explainer.explanation import RISE, Attribution, Occlusion
from explainer.explanation.base import Explained
from explainer.records import Benchmark, Box, ObjectBoxes, OriginalImage, Prediction, Saliency, SampleOrigin, Score
from explainer.run.inference import InferenceJob, stretched
from explainer.run.job import PredictedBatch, PredictedSample
from explainer.run.saliency import SaliencyJob, explain, regions

HEIGHT, WIDTH = 5, 7
LABELS = ["ant", "bee", "cat", "dog"]
NETWORK = LinearNetwork(np.zeros((4, 3 * HEIGHT * WIDTH)))
EXPLAINED = [(1, 3), (2,), (0, 2), (0, 1, 3)]


def fingerprint(image, label):
    """A map (H, W) that only this image and label have."""
    return image[0] * (label + 1) + image[2]


class Fingerprint(Attribution):
    """Gives the fingerprint of each image and label, and remembers what it was asked for."""

    def __init__(self, name):
        super().__init__(NETWORK, name=name)
        self.asked = []

    def _explain(self, images, targets):
        self.asked.append((images.copy(), targets.copy()))
        pairs = zip(images, targets, strict=True)
        return np.array([[fingerprint(image, label) for label in labels] for image, labels in pairs])


class Joint(Fingerprint):
    """As Fingerprint, all labels of an image from the same passes."""

    one_pass_per_label = False


class Gappy(Fingerprint):
    """As Fingerprint, with a completeness gap and a standard error that only this image and label have."""

    def _explain(self, images, targets):
        return Explained(super()._explain(images, targets), gap_of(images, targets), 1 - gap_of(images, targets))


class JointGappy(Gappy):
    one_pass_per_label = False


def gap_of(images, targets):
    return images[:, 0, 0, :1] * (targets + 1)


class Brightness(Metric):
    """The mean of each map; undefined for `undefined` labels."""

    name = "Brightness"

    def __init__(self, undefined=()):
        self.undefined = undefined
        self.seen = []

    def score(self, case):
        self.seen.append(case)
        scores = case.saliency.mean(axis=(1, 2), dtype=np.float64)
        return np.where(np.isin(case.labels, self.undefined), np.nan, scores)


class Overall(Metric):
    """The mean of the image, whatever the labels; undefined for dark images."""

    name = "Overall"
    per_label = False

    def score(self, case):
        mean = case.image.mean(dtype=np.float64)
        return np.array([mean if mean > 0 else np.nan])


def case_of(sample_id, explained, *, image=None, labels=(), boxes=(), seed=0):
    if image is None:
        image = np.random.default_rng([seed, sample_id]).standard_normal((3, HEIGHT, WIDTH)).astype(np.float32)
    probabilities = np.linspace(0, 1, 4, dtype=np.float32)
    return PredictedSample(Sample(sample_id, image, labels, boxes), probabilities, (3,), explained)


def batch_of(explained=EXPLAINED, first_id=10, **kwargs):
    return PredictedBatch(tuple(case_of(first_id + n, labels, **kwargs) for n, labels in enumerate(explained)))


def plain_batch(batch):
    return Batch(tuple(case.sample for case in batch.samples))


def records_of(job, *batches):
    job.check(plain_batch(batches[0]), LABELS)
    records = list(job.start())
    for batch in batches:
        records += job.on_batch(batch)
    return [*records, *job.finish()]


def only(records, kind):
    return [record for record in records if isinstance(record, kind)]


def picture_of(image, **options):
    job = InferenceJob(RunOptions(**options))
    batch = PredictedBatch((case_of(0, (1,), image=image),))
    return only(records_of(job, batch), OriginalImage)[0].pixels


# ---- pictures ----


@pytest.mark.parametrize("scale", [1, 255])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_mean_and_std_give_back_the_exact_pixels(channels, scale):
    pixels = np.random.default_rng(channels).integers(0, 256, (channels, HEIGHT, WIDTH)).astype(np.uint8)
    pixels[0, 0, :2] = 0, 255
    mean = np.array([0.485, 0.456, 0.406, 0.3])[:channels] * scale
    std = np.array([0.229, 0.224, 0.225, 0.5])[:channels] * scale
    image = (pixels / 255 * scale - mean[:, None, None]) / std[:, None, None]
    picture = picture_of(image.astype(np.float32), mean=mean.tolist(), std=std.tolist())
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, pixels[0] if channels == 1 else pixels[:3].transpose(1, 2, 0))


def test_one_mean_and_std_serve_every_channel():
    pixels = np.random.default_rng(0).integers(0, 256, (3, HEIGHT, WIDTH)).astype(np.uint8)
    image = ((pixels / 255 - 0.5) / 0.25).astype(np.float32)
    np.testing.assert_array_equal(picture_of(image, mean=0.5, std=[0.25]), pixels.transpose(1, 2, 0))


def test_values_outside_the_range_of_pixels_are_cut_not_wrapped():
    image = np.array([[[-0.1, 0.5, 1.1]]], np.float32)
    assert picture_of(image, mean=0.0, std=1.0).tolist() == [[0, 128, 255]]


@pytest.mark.parametrize(
    ("given", "name", "count"), [({"mean": [0.1, 0.2], "std": 1}, "mean", 2), ({"mean": 0, "std": [1] * 4}, "std", 4)]
)
def test_mean_and_std_of_another_number_of_channels_are_refused_before_the_run(given, name, count):
    job = InferenceJob(RunOptions(**given))
    with pytest.raises(ValueError, match=f"`{name}` must have 1 or 3 values for images of 3 channels, got {count}"):
        job.check(plain_batch(batch_of()), LABELS)


def test_a_preprocess_gives_the_users_own_pixels():
    pixels = np.random.default_rng(2).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    preprocess = Preprocess((HEIGHT, WIDTH), mean=(0.5, 0.25, 0.125), std=(0.25, 0.5, 0.75))
    np.testing.assert_array_equal(picture_of(preprocess(pixels)[0], preprocess=preprocess), pixels)


def test_images_that_did_not_go_through_the_preprocess_are_refused_before_the_run():
    job = InferenceJob(RunOptions(preprocess=Preprocess((HEIGHT, WIDTH + 1))))
    message = rf"`preprocess` makes images of shape \(3, {HEIGHT}, {WIDTH + 1}\), and the dataset gives \(3, {HEIGHT}, "
    with pytest.raises(ValueError, match=message):
        job.check(plain_batch(batch_of()), LABELS)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_without_mean_and_std_a_picture_is_stretched_over_the_range_of_its_image(channels):
    image = np.random.default_rng(channels).uniform(-3, 9, (channels, HEIGHT, WIDTH)).astype(np.float32)
    low, high = image.min(), image.max()
    expected = np.rint((image.astype(np.float64) - low) / (high - low) * 255)
    picture = picture_of(image)
    np.testing.assert_array_equal(picture, expected[0] if channels == 1 else expected[:3].transpose(1, 2, 0))
    assert picture.dtype == np.uint8


@pytest.mark.parametrize("value", [-7.0, 0.0, 3e38])
def test_a_constant_image_is_drawn_black(value):
    assert stretched(np.full((3, 2, 2), value, np.float32)).max() == 0


def test_an_image_of_the_whole_range_of_float32_is_stretched_without_overflow():
    assert stretched(np.float32([[[-3e38, 0, 3e38]]])).tolist() == [[0, 128, 255]]


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3), (5, 7, 4), (2, 9)])
def test_to_display_decides_the_picture(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    seen = []

    def to_display(image):
        seen.append(image)
        return pixels

    image = np.random.default_rng(1).standard_normal((3, 5, 7)).astype(np.float32)
    np.testing.assert_array_equal(picture_of(image, to_display=to_display), pixels)
    np.testing.assert_array_equal(seen[-1], image)


@pytest.mark.parametrize(
    ("made", "error", "message"),
    [
        (np.zeros((5, 7), np.float32), TypeError, "an array of uint8, got dtype float32; scale to 0..255"),
        ([[0, 1]], TypeError, "an array of uint8, got list"),
        (None, TypeError, "an array of uint8, got NoneType"),
        (np.zeros((3, 5, 7), np.uint8), ValueError, r"\(H, W\) or \(H, W, 3 or 4\) pixels, got shape \(3, 5, 7\)"),
        (np.zeros((5, 7, 1), np.uint8), ValueError, r"got shape \(5, 7, 1\)"),
        (np.zeros(35, np.uint8), ValueError, r"got shape \(35,\)"),
    ],
)
def test_to_display_that_gives_no_picture_is_refused_before_the_run(made, error, message):
    job = InferenceJob(RunOptions(to_display=lambda image: made))
    with pytest.raises(error, match=f"`to_display` must give .*{message}"):
        job.check(plain_batch(batch_of()), LABELS)


def test_to_display_that_fails_for_a_later_image_is_refused_then():
    calls = iter([np.zeros((5, 7), np.uint8)] * 2 + [np.zeros((5, 7))])
    job = InferenceJob(RunOptions(to_display=lambda image: next(calls)))
    job.check(plain_batch(batch_of()), LABELS)
    with pytest.raises(TypeError, match="got dtype float64"):
        list(job.on_batch(batch_of()))


def test_each_sample_gives_its_picture_then_its_prediction_and_its_origin():
    batch = batch_of([(1, 3), (2,)], labels=(1,))
    records = records_of(InferenceJob(RunOptions()), batch)
    assert [(type(record), record.sample_id) for record in records] == [
        (OriginalImage, 10),
        (Prediction, 10),
        (SampleOrigin, 10),
        (OriginalImage, 11),
        (Prediction, 11),
        (SampleOrigin, 11),
    ]
    prediction = records[1]
    assert (prediction.ground_truth, prediction.predicted, prediction.explained) == ((1,), (3,), (1, 3))
    np.testing.assert_array_equal(prediction.probabilities, batch.samples[0].probabilities)


def test_boxes_of_a_sample_are_recorded_in_pixels_of_its_image():
    box = Box(1, 3, 1, 2, 4)
    batch = batch_of([(1,), (2,)], labels=(1,), boxes=(box,))
    found = only(records_of(InferenceJob(RunOptions()), batch), ObjectBoxes)
    height, width = batch.samples[0].image.shape[1:]
    assert found == [ObjectBoxes(number, (box,), (width, height)) for number in (10, 11)]


# ---- maps ----


@pytest.mark.parametrize("method", [Fingerprint, Joint])
def test_each_map_goes_to_its_own_sample_and_label(method):
    batch = batch_of()
    records = only(records_of(SaliencyJob([method("it")]), batch), Saliency)
    expected = [(case.sample_id, label) for case in batch.samples for label in case.explained]
    assert [(record.sample_id, record.label) for record in records] == expected
    images = {case.sample_id: case.sample.image for case in batch.samples}
    for record in records:
        np.testing.assert_array_equal(record.saliency, fingerprint(images[record.sample_id], record.label))
        assert record.saliency.dtype == np.float32 and record.explainer == "it"


@pytest.mark.parametrize("method", [Gappy, JointGappy])
def test_each_completeness_gap_and_standard_error_goes_to_its_own_map(method):
    batch = batch_of()
    records = only(records_of(SaliencyJob([method("it"), Joint("without")]), batch), Saliency)
    images = {case.sample_id: case.sample.image[None] for case in batch.samples}
    for record in (record for record in records if record.explainer == "it"):
        gap = gap_of(images[record.sample_id], np.array([[record.label]]))[0, 0]
        assert (record.completeness_gap, record.standard_error) == (gap, 1 - gap)
    without = [record for record in records if record.explainer == "without"]
    assert [(record.completeness_gap, record.standard_error) for record in without] == [(None, None)] * 8


def test_a_method_of_one_pass_per_label_gets_every_pair_of_the_batch_in_one_call():
    batch, method = batch_of(), Fingerprint("it")
    explain(method, batch)
    ((images, targets),) = method.asked
    assert targets.tolist() == [[1], [3], [2], [0], [2], [0], [1], [3]]
    np.testing.assert_array_equal(images, batch.images[[0, 0, 1, 2, 2, 3, 3, 3]])


def test_a_method_of_shared_passes_gets_each_image_once_with_all_its_labels():
    batch, method = batch_of(), Joint("it")
    explain(method, batch)
    assert [targets.tolist() for _, targets in method.asked] == [[[1, 3], [0, 2]], [[2]], [[0, 1, 3]]]
    for (images, _), places in zip(method.asked, ([0, 2], [1], [3]), strict=True):
        np.testing.assert_array_equal(images, batch.images[places])


def test_explainers_come_in_their_order_and_each_sees_the_same_batch():
    methods = [Joint("first"), Fingerprint("second")]
    records = only(records_of(SaliencyJob(methods), batch_of(), batch_of([(3,)], first_id=14)), Saliency)
    names = [(record.explainer, record.sample_id) for record in records]
    labels = {10: 2, 11: 1, 12: 2, 13: 3, 14: 1}
    assert names == [(name, n) for n in labels for name in ("first", "second") for _ in range(labels[n])]


def test_check_asks_each_explainer_for_the_first_image_only():
    methods = [Fingerprint("a"), Joint("b")]
    batch = batch_of()
    SaliencyJob(methods).check(plain_batch(batch), LABELS)
    for method in methods:
        ((images, targets),) = method.asked
        np.testing.assert_array_equal(images, batch.images[:1])
        assert targets.tolist() == [[0]]


class CountingNetwork(nn.Cell):
    """Logits of a linear network, and how many images it was shown."""

    def __init__(self):
        super().__init__()
        self.network, self.images = NETWORK, []

    def construct(self, images):
        self.images.append(len(images))
        return self.network(images)


def test_check_costs_one_batch_however_many_masks_a_method_draws():
    network = CountingNetwork()
    SaliencyJob([RISE(network, nn.Softmax(), 8, masks=6000), Occlusion(network, nn.Softmax(), 8)]).check(
        plain_batch(batch_of()), ["a", "b", "c", "d"]
    )
    assert sum(network.images) <= 2 * (8 + 2)


def test_an_explainer_that_cannot_work_says_so_in_check():
    class Broken(Attribution):
        def _explain(self, images, targets):
            raise ValueError("this method needs a convolution")

    with pytest.raises(ValueError, match="needs a convolution"):
        SaliencyJob([Broken(NETWORK)]).check(plain_batch(batch_of()), LABELS)


# ---- regions ----


def test_regions_are_the_boxes_of_each_explained_label_and_equal_labels_are_united():
    boxes = (Box(3, 4, 1, 2, 3), Box(1, 0, 0, 1, 2), Box(3, 0, 4, 3, 1), Box(2, 1, 1, 5, 3))
    found = regions(case_of(0, (0, 1, 3), boxes=boxes))
    expected = np.zeros((3, HEIGHT, WIDTH), bool)
    expected[1, 0:2, 0:1] = True
    expected[2, 1:4, 4:6] = True
    expected[2, 4:5, 0:3] = True
    assert found.dtype == bool
    np.testing.assert_array_equal(found, expected)


def test_a_sample_without_boxes_has_no_regions_and_an_empty_box_an_empty_region():
    assert regions(case_of(0, (1,))) is None
    assert not regions(case_of(0, (1,), boxes=(Box(1, 7, 2, 0, 2),))).any()


# ---- scores ----


def test_a_metric_sees_image_labels_maps_regions_and_explainer_of_each_sample():
    metric, method = Brightness(), Joint("it")
    batch = batch_of([(1, 3), (2,)], boxes=(Box(3, 4, 1, 2, 3),))
    records_of(SaliencyJob([method], [metric]), batch)
    assert [case.labels for case in metric.seen] == [(1, 3), (2,)]
    for seen, case in zip(metric.seen, batch.samples, strict=True):
        image = case.sample.image
        np.testing.assert_array_equal(seen.image, image)
        np.testing.assert_array_equal(seen.saliency, [fingerprint(image, label) for label in case.explained])
        np.testing.assert_array_equal(seen.regions, regions(case))
        assert seen.explainer is method


def test_each_label_has_its_score_after_the_maps_of_its_sample():
    batch = batch_of([(1, 3), (2,)])
    records = records_of(SaliencyJob([Joint("it")], [Brightness()]), batch)[:-1]
    assert [(type(record), record.sample_id, record.label) for record in records] == [
        (Saliency, 10, 1),
        (Saliency, 10, 3),
        (Score, 10, 1),
        (Score, 10, 3),
        (Saliency, 11, 2),
        (Score, 11, 2),
    ]
    maps = {(record.sample_id, record.label): record.saliency for record in only(records, Saliency)}
    for score in only(records, Score):
        assert score.value == pytest.approx(maps[score.sample_id, score.label].mean(dtype=np.float64), rel=1e-12)
        assert (score.explainer, score.metric) == ("it", "Brightness")


def test_a_metric_that_does_not_look_at_labels_gives_one_score_without_label():
    batch = batch_of([(1, 3), (2,)])
    records = records_of(SaliencyJob([Joint("it")], [Overall()]), batch)
    assert [(score.sample_id, score.label) for score in only(records, Score)] == [(10, None), (11, None)]
    assert only(records, Benchmark)[0].by_label == ()


def mean_of(values):
    defined = [value for value in values if not math.isnan(value)]
    return sum(defined) / len(defined) if defined else math.nan


def test_benchmarks_equal_the_totals_rebuilt_from_the_single_scores():
    methods, metrics = [Joint("a"), Fingerprint("b")], [Brightness(undefined=(3,)), Overall()]
    records = records_of(SaliencyJob(methods, metrics), batch_of(), batch_of([(0, 3), (2, 3)], first_id=14))
    scores, benchmarks = only(records, Score), only(records, Benchmark)
    assert [(entry.explainer, entry.metric) for entry in benchmarks] == [
        ("a", "Brightness"),
        ("a", "Overall"),
        ("b", "Brightness"),
        ("b", "Overall"),
    ]
    for entry in benchmarks:
        mine = [score for score in scores if (score.explainer, score.metric) == (entry.explainer, entry.metric)]
        values = [float(np.float32(score.value)) for score in mine]  # as the summary keeps them
        assert entry.total == pytest.approx(mean_of(values), rel=1e-12)
        assert entry.undefined == sum(map(math.isnan, values)) > 0
        assert entry.defined == len(values) - entry.undefined > 0
        if entry.metric == "Brightness":
            labels = [score.label for score in mine]
            by_label = [
                mean_of([value for value, of in zip(values, labels, strict=True) if of == label]) for label in range(4)
            ]
            assert entry.by_label == pytest.approx(by_label, rel=1e-12, nan_ok=True)
            assert math.isnan(entry.by_label[3]) and not math.isnan(entry.by_label[0])


def test_scores_that_are_all_undefined_have_an_undefined_mean_not_zero():
    records = records_of(SaliencyJob([Joint("a")], [Brightness(undefined=(0, 1, 2, 3))]), batch_of())
    (benchmark,) = only(records, Benchmark)
    assert math.isnan(benchmark.total) and all(map(math.isnan, benchmark.by_label))
    assert (benchmark.defined, benchmark.undefined) == (0, 8)


def test_a_second_start_forgets_the_scores_before():
    job = SaliencyJob([Joint("a")], [Brightness()])
    first = only(records_of(job, batch_of()), Benchmark)
    assert only(records_of(job, batch_of()), Benchmark) == first


def test_without_metrics_there_are_no_scores():
    records = records_of(SaliencyJob([Joint("a")]), batch_of())
    assert not only(records, Score) and not only(records, Benchmark)


def test_a_metric_that_gives_too_few_scores_is_named():
    class Short(Metric):
        name = "Short"

        def score(self, case):
            return np.zeros(len(case.labels) - 1)

    with pytest.raises(ValueError, match=r"Short.*2 scores"):
        records_of(SaliencyJob([Joint("a")], [Short()]), batch_of([(1, 3)]))
