"""The runner: what it refuses and when, what it explains, what it leaves on disk and in the user's network."""

import gc
import io
import math
import sys
import warnings
from dataclasses import dataclass, replace

import mindspore
import numpy as np
import pytest
from mindspore import nn
from mindspore.dataset import GeneratorDataset
from networks import LinearNetwork, NormalisedCnn, SmallCnn

from explainer import ExplainerError, ImageClassificationRunner, RunOptions, RunResult, read_run
from explainer.benchmark import Metric
from explainer.explanation import Attribution, GradCAM, Gradient, GuidedBackprop
from explainer.records import (
    Benchmark,
    Box,
    ObjectBoxes,
    OriginalImage,
    Prediction,
    RunEnd,
    RunMetadata,
    Saliency,
    SampleDone,
    SampleOrigin,
    SampleSkipped,
    Score,
)
from explainer.summary.repair import repair
from explainer.testing.networks import FailingNetwork

CHANNELS, HEIGHT, WIDTH = 3, 5, 7
LABELS = ["ant", "bee", "cat", "dog"]
NUMBERS = ("image", "label", "box")


class PixelNetwork(LinearNetwork):
    """Logit k is the pixel of channel 0, row 0, column k."""

    def __init__(self):
        super().__init__(np.eye(4, CHANNELS * HEIGHT * WIDTH))


class CountingNetwork(nn.Cell):
    """As PixelNetwork, and which images it saw, by their very last pixel."""

    def __init__(self):
        super().__init__()
        self.network = PixelNetwork()
        self.seen = []

    def construct(self, images):
        self.seen += images.asnumpy()[:, -1, -1, -1].tolist()
        return self.network(images)


class Fingerprint(Attribution):
    """A map that only this image and label have; it does not ask the network."""

    def _explain(self, images, targets):
        pairs = zip(images, targets, strict=True)
        return np.array([[image[0] * (label + 1) + image[2] for label in labels] for image, labels in pairs])


class Brightness(Metric):
    """The mean of each map."""

    name = "Brightness"

    def score(self, case):
        return case.saliency.mean(axis=(1, 2), dtype=np.float64)


class Boxed(Brightness):
    """A metric that cannot do without boxes."""

    name = "Boxed"
    needs = frozenset({"boxes"})

    def score(self, case):
        return np.array([region.mean() for region in case.regions])


class Collector:
    """A sink that remembers, and can fail at its n-th record."""

    def __init__(self, fail_at=None):
        self.records = []
        self.closed = 0
        self.fail_at = fail_at

    def write(self, record):
        if len(self.records) == self.fail_at:
            raise OSError("the sink failed on purpose")
        self.records.append(record)

    def close(self):
        self.closed += 1

    def of(self, kind):
        return [record for record in self.records if isinstance(record, kind)]


class Diary:
    """A job that notes its calls, yields one score per sample and can fail in `check` or at a sample."""

    def __init__(self, name="diary", fail_in_check=False, fail_at=None):
        self.name = name
        self.notes = []
        self.fail_in_check = fail_in_check
        self.fail_at = fail_at

    def check(self, first_batch, labels):
        self.notes.append(("check", [sample.sample_id for sample in first_batch.samples], list(labels)))
        if self.fail_in_check:
            raise ValueError("the job refuses on purpose")

    def start(self):
        self.notes.append("start")
        return []

    def on_batch(self, batch):
        self.notes.append([case.sample_id for case in batch.samples])
        for case in batch.samples:
            if case.sample_id == self.fail_at:
                raise RuntimeError("the job failed on purpose")
            yield Score(case.sample_id, "nobody", self.name, None, case.sample_id / 8)

    def finish(self):
        self.notes.append("finish")
        yield from ()


class RowSource:
    """Rows by number, and how often each was read."""

    def __init__(self, rows):
        self.rows = rows
        self.reads = [0] * len(rows)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, place):
        self.reads[place] += 1
        return self.rows[place]


def scenes(*logits):
    """Images that PixelNetwork gives these logits; the last pixel of image n is n + 0.5."""
    images = np.random.default_rng(len(logits)).standard_normal((len(logits), CHANNELS, HEIGHT, WIDTH))
    images[:, 0, 0, :4] = logits
    images[:, -1, -1, -1] = np.arange(len(logits)) + 0.5
    return images.astype(np.float32)


FIVE = scenes([4, -4, -4, -4], [-4, 3, 1, -4], [-4, -4, -4, -4], [1, 2, 3, 4], [0, 0, 0.5, -1])
FIVE_LABELS = [0, 3, -1, 1, 2]


def dataset_of(*columns, batch_size=None):
    rows = [tuple(np.asarray(value) for value in row) for row in zip(*columns, strict=True)]
    dataset = GeneratorDataset(rows, list(NUMBERS[: len(columns)]), shuffle=False, num_parallel_workers=1)
    return dataset if batch_size is None else dataset.batch(batch_size)


@dataclass
class Setting:
    """A runner before its registrations, with what it was made of."""

    runner: ImageClassificationRunner
    network: nn.Cell
    folder: object


@pytest.fixture
def setting(tmp_path):
    """Makes a runner on five images, or on what is given instead."""

    def make(dataset=None, network=None, activation_fn=None, labels=LABELS, **options):
        network = network or PixelNetwork()
        folder = tmp_path / "job"
        runner = ImageClassificationRunner(
            folder,
            (dataset or dataset_of(FIVE, FIVE_LABELS), list(labels)),
            network,
            activation_fn or nn.Sigmoid(),
            options=RunOptions(**options),
        )
        return Setting(runner, network, folder)

    return make


def sigmoid(logits):
    return 1 / (1 + np.exp(-np.asarray(logits, np.float64)))


# ---- the constructor ----


def test_arguments_go_by_place_and_by_name_and_the_folder_may_be_text_or_path(tmp_path):
    data, network, activation = (dataset_of(FIVE), LABELS), PixelNetwork(), nn.Softmax()
    ImageClassificationRunner(str(tmp_path / "a"), data, network, activation)
    ImageClassificationRunner(summary_dir=tmp_path / "b", data=data, network=network, activation_fn=activation)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("argument", "value", "error", "message"),
    [
        ("summary_dir", 5, TypeError, "`summary_dir` must be a path or a URL, got int"),
        ("summary_dir", None, TypeError, "`summary_dir` must be a path or a URL, got NoneType"),
        ("data", [0, LABELS], TypeError, r"`data` must be a tuple \(dataset, labels\), got list"),
        ("data", (0, LABELS, 0), ValueError, r"`data` must be a tuple of two, \(dataset, labels\), got 3 entries"),
        ("data", (FIVE, LABELS), TypeError, r"`data\[0\]` must be a MindSpore dataset .*got ndarray"),
        ("network", len, TypeError, r"`network` must be a mindspore.nn.Cell, got builtin_function"),
        ("network", None, TypeError, r"`network` must be a mindspore.nn.Cell, got NoneType"),
        ("network", nn.Softmax, TypeError, r"`network` must be a mindspore.nn.Cell, got type"),
        (
            "activation_fn",
            mindspore.ops.softmax,
            TypeError,
            "`activation_fn` must be a mindspore.nn.Cell, got function",
        ),
        ("activation_fn", None, TypeError, "`activation_fn` must be a mindspore.nn.Cell, got NoneType"),
        ("options", {"top_k": 1}, TypeError, "`options` must be RunOptions, got dict"),
    ],
)
def test_an_argument_of_a_wrong_type_is_refused_by_name(tmp_path, argument, value, error, message):
    arguments = {
        "summary_dir": tmp_path / "job",
        "data": (dataset_of(FIVE), LABELS),
        "network": PixelNetwork(),
        "activation_fn": nn.Softmax(),
    }
    with pytest.raises(error, match=message):
        ImageClassificationRunner(**{**arguments, argument: value})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (tuple(LABELS), TypeError, r"`data\[1\]` must be a list of strings, the labels, got tuple"),
        ("abcd", TypeError, r"`data\[1\]` must be a list of strings, the labels, got str"),
        (["ant", "bee", 3, "dog"], TypeError, r"`data\[1\]\[2\]` must be a string, got int"),
        ([], ValueError, r"`data\[1\]` must name every class, got an empty list"),
        (["ant", "bee", " \t", "dog"], ValueError, r"`data\[1\]` must not hold blank labels, label 2 is ' \\t'"),
        (["ant", "bee", "", "dog"], ValueError, r"`data\[1\]` must not hold blank labels, label 2 is ''"),
        (
            ["ant", "bee", "cat", "bee"],
            ValueError,
            r"`data\[1\]` must be distinct, got 'bee' twice, at 1 and 3; .* number them: 'bee \(1\)', 'bee \(2\)'",
        ),
    ],
)
def test_labels_that_are_not_distinct_names_are_refused(tmp_path, labels, error, message):
    with pytest.raises(error, match=message):
        ImageClassificationRunner(tmp_path, (dataset_of(FIVE), labels), PixelNetwork(), nn.Softmax())


def test_a_dataset_of_four_columns_is_refused_at_once(tmp_path):
    dataset = GeneratorDataset([(FIVE[0],) * 4], ["a", "b", "c", "d"], shuffle=False)
    with pytest.raises(ValueError, match="got 4: a, b, c, d"):
        ImageClassificationRunner(tmp_path, (dataset, LABELS), PixelNetwork(), nn.Softmax())


def test_changing_the_list_of_labels_afterwards_changes_nothing(tmp_path):
    labels = list(LABELS)
    network = PixelNetwork()
    runner = ImageClassificationRunner(tmp_path / "job", (dataset_of(FIVE), labels), network, nn.Softmax())
    runner.register(Diary())
    labels.clear()
    runner.run()
    assert read_run(tmp_path / "job").metadata.labels == tuple(LABELS)


# ---- registrations ----


class Unnamed:
    """Neither an explainer nor a metric."""


OTHER = PixelNetwork()
WRONG_EXPLAINERS = [
    (lambda network: (Gradient(network),), TypeError, "`explainers` must be a list of explainers, got tuple"),
    (lambda network: Gradient(network), TypeError, "`explainers` must be a list of explainers, got Gradient"),
    (lambda network: [], ValueError, "`explainers` must hold at least one explainer, got an empty list"),
    (
        lambda network: [Gradient(network), Unnamed()],
        TypeError,
        r"`explainers\[1\]` must be an explainer .*got Unnamed",
    ),
    (lambda network: [Gradient], TypeError, r"`explainers\[0\]` must be an explainer .*got ABCMeta"),
    (
        lambda network: [Gradient(network), GradCAM(OTHER)],
        ValueError,
        r"`explainers\[1\]` \(GradCAM\) must be made for the same network object as the runner's",
    ),
    (
        lambda network: [Gradient(network), Gradient(network)],
        ValueError,
        "`explainers` must be distinct, got 'Gradient' twice; pass name=",
    ),
]
WRONG_METRICS = [
    ((Brightness(),), TypeError, "`benchmarkers` must be a list of metrics, got tuple"),
    ([Brightness(), Unnamed()], TypeError, r"`benchmarkers\[1\]` must be a metric .*got Unnamed"),
    ([Brightness(), Brightness()], ValueError, "`benchmarkers` must be distinct, got 'Brightness' twice"),
    (
        [Brightness(), Boxed()],
        ValueError,
        r"`benchmarkers\[1\]` \(Boxed\) needs bounding boxes, but the dataset has no third column",
    ),
]


@pytest.mark.parametrize(("explainers", "error", "message"), WRONG_EXPLAINERS)
def test_wrong_explainers_are_refused_and_nothing_is_registered(setting, explainers, error, message):
    made = setting()
    with pytest.raises(error, match=message):
        made.runner.register_saliency(explainers(made.network))
    with pytest.raises(RuntimeError, match="nothing to do: call register_saliency"):
        made.runner.run()
    made.runner.register_saliency([Fingerprint(made.network)])  # not "called before"


@pytest.mark.parametrize(("metrics", "error", "message"), WRONG_METRICS)
def test_wrong_metrics_are_refused_and_nothing_is_registered(setting, metrics, error, message):
    made = setting()
    with pytest.raises(error, match=message):
        made.runner.register_saliency([Gradient(made.network)], metrics)
    with pytest.raises(RuntimeError, match="nothing to do: call register_saliency"):
        made.runner.run()
    made.runner.register_saliency([Fingerprint(made.network)], [Brightness()])


def test_a_second_registration_is_refused_and_the_first_stays(setting):
    made = setting()
    made.runner.register_saliency([Fingerprint(made.network, name="first")])
    with pytest.raises(RuntimeError, match="register_saliency was called before"):
        made.runner.register_saliency([Fingerprint(made.network, name="second")])
    made.runner.run()
    assert read_run(made.folder).metadata.explainers == ("first",)


def test_two_explainers_of_one_class_work_under_distinct_names(setting):
    made = setting()
    made.runner.register_saliency(explainers=[Gradient(made.network), Gradient(made.network, name="again")])
    result = made.runner.run()
    maps = [entry for sample in read_run(made.folder).samples.values() for entry in sample.maps]
    names = [entry.explainer for entry in maps]
    assert names.count("Gradient") == names.count("again") == result.maps / 2 > 0
    assert len({entry.path for entry in maps}) == len(maps)


def test_a_metric_that_needs_boxes_works_when_the_data_has_them(setting):
    boxes = np.array([[[1, 0, 2, 3]]] * 5, np.float32)
    made = setting(dataset_of(FIVE, np.array([[1]] * 5), boxes))
    made.runner.register_saliency([Fingerprint(made.network)], [Boxed()])
    made.runner.run()
    (benchmark,) = read_run(made.folder).benchmarks
    assert benchmark.by_label[1] == pytest.approx(6 / 35)  # a box of 2 x 3 pixels in 5 x 7


def test_boxes_of_the_data_are_in_the_run_and_in_its_repaired_copy(setting, tmp_path):
    boxes = np.array([[[number, 0, 2, 3]] for number in range(5)], np.float32)
    made = setting(dataset_of(FIVE, np.array([[1]] * 5), boxes))
    made.runner.register_saliency([Fingerprint(made.network)])
    made.runner.run()
    repair(made.folder, tmp_path / "copy")
    for run in (read_run(made.folder), read_run(tmp_path / "copy")):
        found = {number: sample.objects for number, sample in run.samples.items()}
        assert found == {number: ObjectBoxes(number, (Box(1, number, 0, 2, 3),), (7, 5)) for number in range(5)}


def test_data_without_boxes_records_none(setting):
    made = setting(dataset_of(FIVE, np.array([[1]] * 5)))
    made.runner.register_saliency([Fingerprint(made.network)])
    made.runner.run()
    assert all(sample.objects is None for sample in read_run(made.folder).samples.values())


def test_run_without_any_registration_is_refused_and_writes_nothing(setting):
    made = setting()
    with pytest.raises(RuntimeError, match=r"nothing to do: call register_saliency \(or register\) before run"):
        made.runner.run()
    assert not made.folder.exists()


@pytest.mark.parametrize("missing", ["name", "check", "start", "on_batch", "finish"])
def test_a_job_without_one_of_its_members_is_refused(setting, missing):
    members = {name: lambda *arguments: () for name in ("name", "check", "start", "on_batch", "finish")}
    del members[missing]
    with pytest.raises(TypeError, match=f"`job` must have name, check, start, on_batch, finish, Part lacks {missing}"):
        setting().runner.register(type("Part", (), members)())


def test_two_jobs_of_one_name_are_refused(setting):
    runner = setting().runner
    runner.register(Diary())
    with pytest.raises(RuntimeError, match="a job named 'diary' was registered before"):
        runner.register(Diary())


def test_a_job_named_saliency_excludes_register_saliency(setting):
    made = setting()
    made.runner.register(Diary(name="saliency"))
    with pytest.raises(RuntimeError, match=r"was (called|registered) before"):
        made.runner.register_saliency([Fingerprint(made.network)])


def test_the_name_of_the_job_of_every_run_is_taken(setting):
    with pytest.raises(RuntimeError, match="inference"):
        setting().runner.register(Diary(name="inference"))


@pytest.mark.parametrize(("sink", "lacks"), [(object(), "write, close"), (io.StringIO, None), ([], "write, close")])
def test_a_sink_must_have_write_and_close(setting, sink, lacks):
    runner = setting().runner
    if lacks is None:
        runner.register_sink(sink())
        return
    with pytest.raises(TypeError, match=f"`sink` must have write, close, .* lacks {lacks}"):
        runner.register_sink(sink)


# ---- which labels are explained ----


def explained_of(setting, dataset, **options):
    """(ground truth, predicted, explained, shown in MindInsight) of each sample."""
    made = setting(dataset, **options)
    made.runner.register_saliency([Fingerprint(made.network)])
    made.runner.run()
    found = read_run(made.folder).samples.values()
    for sample in found:
        assert [entry.label for entry in sample.maps] == list(sample.prediction.explained)
    predictions = [(sample.prediction, sample.image.shown) for sample in found]
    return [(entry.ground_truth, entry.predicted, entry.explained, shown) for entry, shown in predictions]


def test_ground_truth_and_labels_above_one_half_are_explained_sorted_and_once(setting):
    images = scenes([2, -1, 0.1, -3], [2, -1, 0.1, -3], [-1, -1, -1, 1])
    assert explained_of(setting, dataset_of(images, [[3, -1], [2, 1], [3, 3]])) == [
        ((3,), (0, 2), (0, 2, 3), True),
        ((1, 2), (0, 2), (0, 1, 2), True),
        ((3,), (3,), (3,), True),
    ]


def test_a_probability_of_exactly_one_half_is_not_predicted(setting):
    just_above = np.nextafter(np.float32(0.5), np.float32(1))
    images = scenes([0, 1e-6, -1, -1], [0, 0, 0, 0])
    assert sigmoid(1e-6) > just_above
    assert explained_of(setting, dataset_of(images, [3, 2])) == [
        ((3,), (1,), (1, 3), True),
        ((2,), (), (2,), True),
    ]


@pytest.mark.parametrize(("threshold", "predicted"), [(0.0, (0, 1, 2, 3)), (0.2, (0, 2, 3)), (0.75, (3,)), (1.0, ())])
def test_the_threshold_decides_what_counts_as_predicted(setting, threshold, predicted):
    ((_, found, explained, _),) = explained_of(setting, dataset_of(scenes([0, -2, 1, 2]), [3]), threshold=threshold)
    assert found == predicted
    assert explained == tuple(sorted({*predicted, 3}))


@pytest.mark.parametrize(("top_k", "explained"), [(0, (1,)), (1, (1, 3)), (2, (1, 2, 3)), (9, (0, 1, 2, 3))])
def test_top_k_adds_the_most_probable_labels(setting, top_k, explained):
    ((_, predicted, found, _),) = explained_of(setting, dataset_of(scenes([-4, -3, -2, -1]), [1]), top_k=top_k)
    assert (predicted, found) == ((), explained)


@pytest.mark.parametrize("columns", [(scenes([-4, -3, -1, -2]),), (scenes([-4, -3, -1, -2]), [-1])])
def test_a_sample_without_any_label_explains_its_most_probable_one_and_mindinsight_does_not_list_it(setting, columns):
    assert explained_of(setting, dataset_of(*columns)) == [((), (), (2,), False)]


def test_of_equally_probable_labels_the_first_is_explained(setting):
    assert explained_of(setting, dataset_of(scenes([-3, -1, -1, -1]))) == [((), (), (1,), False)]


# ---- refused before anything is written ----


@pytest.mark.parametrize("labels", [LABELS[:3], [*LABELS, "eel"]])
def test_a_wrong_number_of_labels_is_refused_and_no_file_or_folder_is_made(setting, tmp_path, labels):
    made = setting(dataset_of(FIVE), labels=labels)
    made.runner.register_saliency([Fingerprint(made.network)])
    with pytest.raises(
        ValueError, match=rf"`data\[1\]` must name each of the network's 4 outputs, got {len(labels)} labels"
    ):
        made.runner.run()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": GeneratorDataset([(FIVE[0], np.array(4))], ["a", "b"], shuffle=False)}, "got 4 at sample 0"),
        ({"mean": [0.5, 0.5], "std": 1}, "`mean` must have 1 or 3 values"),
        ({"activation_fn": nn.ReLU()}, r"`activation_fn` must give probabilities in \[0, 1\], got values in \[0, 4\]"),
        ({"to_display": lambda image: image}, "`to_display` must give an array of uint8"),
    ],
)
def test_what_the_first_batch_shows_to_be_wrong_is_refused_and_nothing_is_written(setting, tmp_path, change, message):
    made = setting(**change)
    made.runner.register_saliency([Fingerprint(made.network)])
    with pytest.raises((TypeError, ValueError), match=message):
        made.runner.run()
    assert list(tmp_path.iterdir()) == []


def test_a_job_that_refuses_the_data_does_so_before_anything_is_written(setting, tmp_path):
    made = setting(batch_size=2)
    made.runner.register(Diary(fail_in_check=True))
    with pytest.raises(ValueError, match="the job refuses on purpose"):
        made.runner.run()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the event file was left open, too
def test_an_explainer_whose_parameters_are_no_json_is_refused_and_nothing_is_written(setting, tmp_path):
    made = setting()
    made.runner.register_saliency([Fingerprint(made.network, parameters={"window": np.int64(3)})])
    with pytest.raises(TypeError, match="JSON"):
        made.runner.run()
    gc.collect()  # the open file is reported here, not in a later test
    assert list(tmp_path.iterdir()) == []


# ---- what a run leaves on disk ----


def collected(setting, **arguments):
    made = setting(**arguments)
    sink = Collector()
    made.runner.register_sink(sink)
    network = made.network
    made.runner.register_saliency([Gradient(network), GradCAM(network, "conv2")], [Brightness()])
    made.runner.run()
    return sink


@pytest.fixture(scope="module")
def small_cnn():
    return SmallCnn(CHANNELS)


@pytest.mark.parametrize(("of_dataset", "of_run"), [(1, 32), (3, 2), (16, 4)])
def test_results_depend_neither_on_the_batch_size_of_the_dataset_nor_of_the_run(
    setting, tmp_path, small_cnn, of_dataset, of_run
):
    once = collected(setting, network=small_cnn, activation_fn=nn.Softmax(), top_k=2)
    dataset = dataset_of(FIVE, FIVE_LABELS, batch_size=of_dataset)
    again = collected(
        setting, dataset=dataset, network=small_cnn, activation_fn=nn.Softmax(), top_k=2, batch_size=of_run
    )

    def keyed(sink, kind, key, value):
        return {key(record): value(record) for record in sink.of(kind)}

    for kind, key, value in (
        (OriginalImage, lambda r: r.sample_id, lambda r: r.pixels),
        (Prediction, lambda r: (r.sample_id, r.ground_truth, r.predicted, r.explained), lambda r: r.probabilities),
        (Saliency, lambda r: (r.sample_id, r.explainer, r.label), lambda r: r.saliency),
        (Score, lambda r: (r.sample_id, r.explainer, r.metric, r.label), lambda r: np.float64(r.value)),
        (Benchmark, lambda r: (r.explainer, r.metric, r.defined, r.undefined), lambda r: np.float64(r.total)),
    ):
        expected, found = keyed(once, kind, key, value), keyed(again, kind, key, value)
        assert found.keys() == expected.keys() and found
        for name, array in expected.items():
            # float32 sums in another order: 1e-5 of the values, as MindSporeClassifier promises
            np.testing.assert_allclose(found[name], array, rtol=1e-5, atol=1e-5)


def test_a_summary_holds_the_maps_that_the_explainers_give(setting, small_cnn):
    made = setting(network=small_cnn, activation_fn=nn.Softmax())
    explainers = [Gradient(small_cnn), GuidedBackprop(small_cnn), GradCAM(small_cnn, layer="conv2")]
    made.runner.register_saliency(explainers)
    result = made.runner.run()
    run = read_run(made.folder)
    assert sum(len(sample.maps) for sample in run.samples.values()) == result.maps
    for explainer in explainers:
        for number, sample in run.samples.items():
            entries = [entry for entry in sample.maps if entry.explainer == explainer.name]
            assert [entry.label for entry in entries] == list(sample.prediction.explained)
            for entry in entries:
                expected = explainer(FIVE[number : number + 1], entry.label)[0, 0]
                half_step = (entry.high - entry.low) / 510
                rounding = 1e-5 * max(1, np.abs(expected).max())
                np.testing.assert_allclose(run.saliency(entry), expected, rtol=0, atol=half_step + rounding)


def test_a_summary_holds_the_probabilities_that_the_network_gives(setting):
    made = setting(activation_fn=nn.Softmax())
    made.runner.register(Diary())
    made.runner.run()
    logits = FIVE[:, 0, 0, :4].astype(np.float64)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    found = [sample.prediction.probabilities for sample in read_run(made.folder).samples.values()]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)  # float32 exponentials


def test_a_summary_holds_the_pictures_that_mean_and_std_give_back(setting):
    pixels = np.random.default_rng(0).integers(0, 256, (2, CHANNELS, HEIGHT, WIDTH)).astype(np.uint8)
    images = ((pixels / 255 - 0.25) / 0.5).astype(np.float32)
    made = setting(dataset_of(images), mean=0.25, std=0.5)
    made.runner.register(Diary())
    made.runner.run()
    run = read_run(made.folder)
    for number, sample in run.samples.items():
        np.testing.assert_array_equal(run.picture(sample.image), pixels[number].transpose(1, 2, 0))


def test_the_result_tells_what_was_written_and_where(setting):
    made = setting(dataset_of(FIVE, FIVE_LABELS), on_bad_sample="skip")
    made.runner.register_saliency([Fingerprint(made.network)], [Brightness()])
    result = made.runner.run()
    run = read_run(made.folder)
    assert isinstance(result, RunResult)
    assert result.summary_dir == made.folder
    assert result.event_file == run.files.event_file and result.event_file.is_file()
    assert result.data_dir == run.files.data_dir and (result.data_dir / "manifest.json").is_file()
    assert (result.samples, result.skipped) == (len(run.samples), 0) == (5, 0)
    # sample: explained labels; 0: 0; 1: 1, 2, 3; 2: 0 (most probable); 3: 0, 1, 2, 3; 4: 2
    assert result.maps == sum(len(sample.maps) for sample in run.samples.values()) == 1 + 3 + 1 + 4 + 1
    assert 0 < result.seconds < 60
    assert run.ended and not run.findings and not run.unfinished


def test_the_metadata_tells_how_the_run_was_made(setting):
    made = setting(batch_size=4, top_k=1, threshold=0.25)
    made.runner.register(Diary())
    explainer = GradCAM(made.network, layer="flatten", name="cam")
    made.runner.register_saliency([Fingerprint(made.network)], [Brightness()])
    assert explainer.name == "cam"
    made.runner.run()
    metadata = read_run(made.folder).metadata
    assert (metadata.labels, metadata.explainers, metadata.metrics) == (
        tuple(LABELS),
        ("Fingerprint",),
        ("Brightness",),
    )
    assert set(metadata.jobs) == {"diary", "saliency", "benchmark"}
    assert metadata.parameters["network"] == "PixelNetwork"
    assert metadata.parameters["activation_fn"] == "Sigmoid"
    assert metadata.parameters["explainers"] == {"Fingerprint": {"class": "Fingerprint"}}
    options = metadata.parameters["options"]
    assert (options["batch_size"], options["top_k"], options["threshold"]) == (4, 1, 0.25)


def test_a_second_run_in_the_same_folder_leaves_the_first_as_it_is(setting):
    made = setting()
    made.runner.register_saliency([Fingerprint(made.network)])
    first = made.runner.run()
    content = {path: path.read_bytes() for path in made.folder.rglob("*") if path.is_file()}
    second = made.runner.run()
    assert {path: path.read_bytes() for path in content} == content
    assert first.event_file != second.event_file and first.data_dir != second.data_dir
    run = read_run(made.folder)
    assert run.files.event_file == second.event_file
    assert [older.event_file for older in run.older] == [first.event_file]
    assert (first.samples, first.maps) == (second.samples, second.maps)


def test_a_run_with_other_labels_in_the_same_folder_warns(setting):
    made = setting()
    made.runner.register(Diary())
    made.runner.run()
    other = setting(labels=["eel", "fly", "gnu", "hen"])
    other.runner.register(Diary())
    with pytest.warns(UserWarning, match="holds an older run with other labels, explainers or metrics"):
        other.runner.run()
    assert read_run(made.folder).metadata.labels == ("eel", "fly", "gnu", "hen")


@pytest.mark.parametrize(
    ("columns", "option", "wanted"),
    [
        ((FIVE,), "auto", None),
        ((FIVE, FIVE_LABELS), "auto", "ids"),
        ((FIVE, np.eye(4, dtype=int)[FIVE_LABELS]), "auto", "multi-hot"),
        ((FIVE, np.eye(4, dtype=int)[FIVE_LABELS]), "ids", "ids"),
    ],
)
def test_the_metadata_tells_how_labels_were_to_be_read_and_how_they_were(setting, columns, option, wanted):
    made = setting(dataset_of(*columns), label_format=option)
    made.runner.register(Diary())
    made.runner.run()
    parameters = read_run(made.folder).metadata.parameters
    assert (parameters["options"]["label_format"], parameters["label_format"]) == (option, wanted)


# ---- two classes, and one ----


def pixels_named(classes):
    """As PixelNetwork, of the first classes alone."""
    return LinearNetwork(np.eye(classes, CHANNELS * HEIGHT * WIDTH))


def truths(run):
    return [sample.prediction.ground_truth for sample in run.samples.values()]


@pytest.mark.parametrize("batch_size", [None, 3])
@pytest.mark.parametrize(
    ("label_format", "wanted"),
    [("ids", [(0, 1), (0, 1), (0,), (1,), (0, 1)]), ("multi-hot", [(1,), (0,), (), (0, 1), (1,)])],
)
def test_two_zeros_and_ones_are_asked_about_before_any_file_and_read_as_told(
    setting, tmp_path, label_format, wanted, batch_size
):
    both = [[0, 1], [1, 0], [0, 0], [1, 1], [0, 1]]
    asked = setting(dataset_of(FIVE, both, batch_size=batch_size), pixels_named(2), labels=LABELS[:2])
    asked.runner.register(Diary())
    with pytest.raises(ValueError, match=r'labels can be read in two ways: .*give RunOptions\(label_format="ids"\) or'):
        asked.runner.run()
    assert list(tmp_path.iterdir()) == []
    dataset = dataset_of(FIVE, both, batch_size=batch_size)
    told = setting(dataset, pixels_named(2), labels=LABELS[:2], label_format=label_format)
    told.runner.register_saliency([Fingerprint(told.network)])
    told.runner.run()
    assert truths(read_run(told.folder)) == wanted


# The first pixel of FIVE, the logit of the only class: 4, -4, -4, 1, 0; so it is predicted in samples 0 and 3.
ONE_LABELS = np.array([1, 1, 0, 0, 1])


@pytest.mark.parametrize("batch_size", [None, 3])
@pytest.mark.parametrize(
    "labels", [ONE_LABELS, ONE_LABELS[:, None], ONE_LABELS[:, None].astype(np.float32), ONE_LABELS > 0]
)
def test_a_run_of_one_class_says_where_it_is_where_it_is_seen_and_whether_that_is_right(setting, labels, batch_size):
    made = setting(dataset_of(FIVE, labels, batch_size=batch_size), pixels_named(1), labels=["ant"])
    made.runner.register_saliency([Gradient(made.network), Fingerprint(made.network)], [Brightness()])
    result = made.runner.run()
    run = read_run(made.folder)
    samples = list(run.samples.values())
    assert (result.samples, result.maps) == (5, 10)
    assert truths(run) == [(0,), (0,), (), (), (0,)]
    assert [sample.prediction.predicted for sample in samples] == [(0,), (), (), (0,), ()]
    assert [sample.correct for sample in samples] == [True, False, True, False, False]
    probabilities = [sample.prediction.probabilities for sample in samples]
    np.testing.assert_allclose(probabilities, sigmoid(FIVE[:, 0, 0, :1]), atol=1e-6)  # a few float32 roundings
    gradient = np.eye(1, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
    for sample in samples:
        np.testing.assert_allclose(run.saliency(sample.maps[0]), gradient, atol=1e-6)
    fingerprint = next(entry for entry in run.statistics() if entry.explainer == "Fingerprint")
    assert (fingerprint.correct.defined, fingerprint.incorrect.defined) == (2, 3)


def test_a_sample_without_label_is_neither_right_nor_wrong_where_the_only_class_has_ids(setting):
    made = setting(dataset_of(FIVE, [0, 0, -1, -1, -1]), pixels_named(1), labels=["ant"])
    made.runner.register(Diary())
    made.runner.run()
    samples = read_run(made.folder).samples.values()
    assert [sample.correct for sample in samples] == [True, False, None, None, None]


def test_a_softmax_of_the_only_class_is_refused_before_any_file(setting, tmp_path):
    made = setting(dataset_of(FIVE), pixels_named(1), nn.Softmax(), labels=["ant"])
    made.runner.register_saliency([Fingerprint(made.network)])
    with pytest.raises(ValueError, match=r"got Softmax, which is 1 for the logit 0; .* give nn\.Sigmoid\(\)"):
        made.runner.run()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("batch_size", [None, 2])
def test_a_column_of_dictionaries_is_refused_before_any_file(setting, tmp_path, batch_size):
    rows = [(image, {"label": 1, "name": "scan"}) for image in FIVE]
    dataset = GeneratorDataset(lambda: iter(rows), ["image", "meta"], shuffle=False, num_parallel_workers=1)
    made = setting(dataset if batch_size is None else dataset.batch(batch_size))
    made.runner.register_saliency([Fingerprint(made.network)])
    with pytest.raises(
        TypeError, match=r"labels must be .*, got a dict of 'label', 'name' at sample 0 of column 'meta'"
    ):
        made.runner.run()
    assert list(tmp_path.iterdir()) == []


# ---- what a run costs ----


def test_the_plain_forward_runs_once_per_sample_and_once_more_to_count_the_classes(setting):
    network = CountingNetwork()
    made = setting(network=network, batch_size=3)
    made.runner.register(Diary())
    made.runner.run()
    assert sorted(network.seen) == [0.5, 0.5, 1.5, 2.5, 3.5, 4.5]


def test_explaining_and_scoring_do_not_repeat_the_plain_forward(setting):
    network = CountingNetwork()
    made = setting(network=network, batch_size=3)
    made.runner.register_saliency([Fingerprint(network)], [Brightness()])
    made.runner.run()
    assert sorted(network.seen) == [0.5, 0.5, 1.5, 2.5, 3.5, 4.5]  # the classes are counted once for all


@pytest.mark.parametrize("batch_size", [None, 2])
def test_each_row_of_the_dataset_is_read_once_and_none_before_run(setting, batch_size):
    source = RowSource([(image,) for image in FIVE])
    dataset = GeneratorDataset(source, ["image"], shuffle=False)
    made = setting(dataset if batch_size is None else dataset.batch(batch_size), batch_size=2)
    made.runner.register_saliency([Fingerprint(made.network)], [Brightness()])
    assert source.reads == [0] * 5
    made.runner.run()
    assert source.reads == [1] * 5


# ---- the user's network ----


def state_of(network):
    """Everything of a network that a run might touch."""
    cells = [
        (name, id(cell), type(cell), cell.training, cell.requires_grad, cell.phase, cell.has_bprop)
        for name, cell in network.cells_and_names()
    ]
    parameters = [
        (entry.name, id(entry), entry.requires_grad, entry.asnumpy().tobytes()) for entry in network.get_parameters()
    ]
    return cells, parameters, mindspore.get_context("mode")


@pytest.fixture
def half_trained():
    """A network in training, but for its norm, with gradients, but for its last layer; one weight frozen."""
    network = NormalisedCnn(CHANNELS)
    network.set_train(True)
    network.set_grad(True)
    network.fc.set_grad(False)
    network.norm.set_train(False)
    network.conv.weight.requires_grad = False
    return network


def explain_all(made, network):
    made.runner.register_saliency(
        [Gradient(network), GuidedBackprop(network), GradCAM(network, "conv")], [Brightness()]
    )
    return made.runner.run()


def test_a_run_leaves_the_network_as_it_was(setting, half_trained):
    made = setting(network=half_trained, activation_fn=nn.Softmax())
    before = state_of(half_trained)
    assert explain_all(made, half_trained).samples == 5
    assert state_of(half_trained) == before


def test_a_refused_run_leaves_the_network_as_it_was(setting, half_trained):
    made = setting(dataset_of(FIVE), half_trained, labels=LABELS[:3], activation_fn=nn.Softmax())
    before = state_of(half_trained)
    with pytest.raises(ValueError, match="got 3 labels"):
        explain_all(made, half_trained)
    assert state_of(half_trained) == before


@pytest.mark.parametrize("good_calls", [0, 1, 2, 4])
def test_a_run_whose_network_raises_leaves_it_as_it_was(setting, half_trained, good_calls, monkeypatch):
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")  # compiling what fails takes MindSpore 3 s; the seam's tests do
    network = FailingNetwork(half_trained, good_calls)
    network.set_train(True)
    half_trained.norm.set_train(False)
    made = setting(network=network, activation_fn=nn.Softmax(), batch_size=3)
    made.runner.register_saliency([Gradient(network)])
    before = state_of(network)
    with pytest.raises(RuntimeError, match="the network failed on purpose"):
        made.runner.run()
    assert state_of(network) == before


# ---- sinks ----


def test_a_sink_gets_every_record_in_order_and_is_closed_once(setting):
    made = setting(dataset_of(FIVE[:3], FIVE_LABELS[:3]), batch_size=2)
    first, second = Collector(), Collector()
    made.runner.register_sink(first)
    made.runner.register_sink(second)
    made.runner.register_saliency([Fingerprint(made.network)], [Brightness()], controls=False)
    made.runner.run()
    labels = {0: (0,), 1: (1, 2, 3), 2: (0,)}
    expected = []
    for number in (0, 1, 2):
        expected += [(OriginalImage, number), (Prediction, number), (SampleOrigin, number)]
        expected += [(Saliency, number)] * len(labels[number]) + [(Score, number)] * len(labels[number])
        expected += [(SampleDone, number)]
    expected += [(Benchmark, None), (RunEnd, None)]
    found = [(type(record), getattr(record, "sample_id", None)) for record in first.records]
    assert [entry for entry in found if entry[0] is not RunMetadata] == expected
    assert second.records == first.records
    assert first.closed == second.closed == 1


def test_the_first_record_that_a_sink_gets_is_the_metadata_of_the_run(setting):
    made = setting()
    sink = Collector()
    made.runner.register_sink(sink)
    made.runner.register(Diary())
    made.runner.run()
    assert isinstance(sink.records[0], RunMetadata)
    assert len(sink.of(RunMetadata)) == 1
    assert sink.records[0].labels == tuple(LABELS)


def test_a_sink_gets_what_the_summary_holds(setting):
    made = setting()
    sink = Collector()
    made.runner.register_sink(sink)
    made.runner.register_saliency([Fingerprint(made.network)], [Brightness()], controls=False)
    made.runner.run()
    run = read_run(made.folder)
    stored = {(n, entry.explainer, entry.label): entry for n, sample in run.samples.items() for entry in sample.maps}
    assert len(sink.of(Saliency)) == len(stored) > 0
    for record in sink.of(Saliency):
        entry = stored[record.sample_id, record.explainer, record.label]
        assert (entry.low, entry.high) == (record.saliency.min(), record.saliency.max())
    scores = [score for sample in run.samples.values() for score in sample.scores]
    # numbers are float32 on the wire
    assert scores == [replace(score, value=float(np.float32(score.value))) for score in sink.of(Score)]
    assert [entry.total for entry in run.benchmarks] == [np.float32(entry.total) for entry in sink.of(Benchmark)]


def test_a_sink_is_closed_and_has_what_came_before_when_a_job_fails(setting):
    made = setting(batch_size=2)
    sink = Collector()
    made.runner.register_sink(sink)
    made.runner.register(Diary(fail_at=3))
    with pytest.raises(RuntimeError, match="the job failed on purpose"):
        made.runner.run()
    assert sink.closed == 1
    assert [record.sample_id for record in sink.of(SampleDone)] == [0, 1]
    assert not sink.of(RunEnd)
    run = read_run(made.folder)
    assert list(run.samples) == [0, 1] and not run.ended and not run.findings


def test_when_one_sink_fails_every_sink_is_closed_and_the_error_is_told(setting):
    made = setting()
    before, failing, after = Collector(), Collector(fail_at=4), Collector()
    for sink in (before, failing, after):
        made.runner.register_sink(sink)
    made.runner.register(Diary())
    with pytest.raises(OSError, match="the sink failed on purpose"):
        made.runner.run()
    assert before.closed == failing.closed == after.closed == 1
    assert (len(before.records), len(after.records)) == (5, 4)


def test_a_sink_is_closed_when_the_run_is_refused(setting):
    made = setting(dataset_of(FIVE), labels=LABELS[:3])
    sink = Collector()
    made.runner.register_sink(sink)
    made.runner.register(Diary())
    with pytest.raises(ValueError, match="got 3 labels"):
        made.runner.run()
    assert sink.closed == 1


# ---- jobs of one's own ----


def test_a_job_of_ones_own_is_checked_started_fed_and_finished_and_its_records_are_kept(setting):
    made = setting(batch_size=2)
    job = Diary()
    made.runner.register(job)
    made.runner.run()
    assert job.notes == [("check", [0, 1], LABELS), "start", [0, 1], [2, 3], [4], "finish"]
    run = read_run(made.folder)
    assert run.metadata.jobs == ("diary",)
    assert [score.value for sample in run.samples.values() for score in sample.scores] == [
        0,
        1 / 8,
        2 / 8,
        3 / 8,
        4 / 8,
    ]


def test_jobs_see_each_batch_in_the_order_of_their_registration(setting):
    made = setting(dataset_of(FIVE[:1]))
    sink = Collector()
    made.runner.register_sink(sink)
    made.runner.register(Diary("one"))
    made.runner.register_saliency([Fingerprint(made.network)])
    made.runner.register(Diary("two"))
    made.runner.run()
    found = [record.metric if isinstance(record, Score) else type(record) for record in sink.records]
    expected = [OriginalImage, Prediction, SampleOrigin, "one", Saliency, "two", SampleDone, RunEnd]
    assert [entry for entry in found if entry is not RunMetadata] == expected


# ---- progress ----


class Terminal(io.StringIO):
    """A text stream that calls itself a terminal."""

    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("progress", "terminal", "shown"),
    [(None, False, False), (None, True, True), (True, False, True), (False, True, False)],
)
def test_progress_is_shown_on_a_terminal_or_when_asked_for(setting, monkeypatch, progress, terminal, shown):
    stream = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    made = setting(progress=progress)
    made.runner.register(Diary())
    made.runner.run()
    text = stream.getvalue()
    if shown:
        assert "explaining: 100%" in text and "5/5" in text
    else:
        assert text == ""


def test_a_run_prints_nothing_and_warns_of_nothing(setting, capfd):
    made = setting()
    made.runner.register_saliency([Fingerprint(made.network)], [Brightness()])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made.runner.run()
    assert capfd.readouterr() == ("", "")


# ---- errors are the promised ones ----


def test_errors_of_the_package_are_also_plain_value_or_runtime_errors(setting, tmp_path):
    made = setting()
    made.runner.register(Diary())
    (tmp_path / "job").write_text("a file where the folder should be")
    with pytest.raises(RuntimeError, match="could not write") as caught:
        made.runner.run()
    assert isinstance(caught.value, ExplainerError)


def test_a_file_in_the_place_of_the_folder_is_refused_at_the_door(setting, tmp_path):
    (tmp_path / "job").write_text("mine")
    with pytest.raises(ValueError, match=r"`summary_dir` must be a folder, or one to be made, but .*job is a file"):
        setting()


def test_a_benchmark_of_undefined_scores_stays_undefined_on_disk(setting):
    class Blind(Brightness):
        name = "Blind"

        def score(self, case):
            return np.full(len(case.labels), np.nan)

    made = setting()
    made.runner.register_saliency([Fingerprint(made.network)], [Blind()], controls=False)
    made.runner.run()
    run = read_run(made.folder)
    (benchmark,) = run.benchmarks
    assert math.isnan(benchmark.total) and benchmark.defined == 0
    assert benchmark.undefined == sum(len(sample.scores) for sample in run.samples.values()) == 10
    assert all(math.isnan(score.value) for sample in run.samples.values() for score in sample.scores)


def test_skipped_samples_are_counted_and_told(setting):
    images = FIVE.copy()
    images[1, 2, 3, 4] = np.inf
    made = setting(dataset_of(images, FIVE_LABELS), on_bad_sample="skip")
    sink = Collector()
    made.runner.register_sink(sink)
    made.runner.register_saliency([Fingerprint(made.network)])
    result = made.runner.run()
    assert (result.samples, result.skipped) == (4, 1)
    assert [record.sample_id for record in sink.of(SampleSkipped)] == [1]
    assert list(read_run(made.folder).samples) == [0, 2, 3, 4]


class NanForHalfPast(Fingerprint):
    """As Fingerprint, but NaN for the image whose last pixel is 1.5: sample 1 of FIVE."""

    def _explain(self, images, targets):
        maps = super()._explain(images, targets)
        maps[images[:, -1, -1, -1] == 1.5] = np.nan
        return maps


def skip_one_map(setting, *first_jobs):
    """A run in which the second explainer cannot explain sample 1, and the records of it."""
    made = setting(on_bad_sample="skip", batch_size=3)
    sink = Collector()
    made.runner.register_sink(sink)
    for job in first_jobs:
        made.runner.register(job)
    made.runner.register_saliency([Fingerprint(made.network), NanForHalfPast(made.network)], [Brightness()])
    made.runner.run()
    return sink


def test_a_sample_that_is_skipped_for_its_map_is_in_no_total_and_no_other_sample_counts_twice(setting):
    sink = skip_one_map(setting)
    assert [record.sample_id for record in sink.of(SampleSkipped)] == [1]
    assert [record.sample_id for record in sink.of(SampleDone)] == [0, 2, 3, 4]
    assert {record.sample_id for record in sink.of(Saliency)} == {0, 2, 3, 4}
    for benchmark in sink.of(Benchmark):
        scores = [score for score in sink.of(Score) if score.explainer == benchmark.explainer]
        values = [float(np.float32(score.value)) for score in scores]  # as the summary keeps them
        assert (benchmark.defined, benchmark.undefined) == (len(values), 0)
        assert benchmark.total == pytest.approx(np.mean(values), rel=1e-12)


def test_a_job_sees_each_sample_once_also_when_another_job_skips_one(setting):
    diary = Diary()
    skip_one_map(setting, diary)
    seen = [number for note in diary.notes if isinstance(note, list) for number in note]
    assert sorted(seen) == sorted(set(seen))
