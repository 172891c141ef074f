"""A part of a dataset: which samples it has, what its run writes, and what is refused."""

import numpy as np
import pytest
from mindspore import Tensor, nn
from mindspore.dataset import GeneratorDataset
from PIL import Image

from explainer import ImageClassificationRunner, RunOptions
from explainer.benchmark import Faithfulness, Sparseness
from explainer.command.main import main
from explainer.data.pictures import Picture, PictureObject, PictureSource
from explainer.data.portion import Shard
from explainer.data.preprocess import Preprocess
from explainer.errors import ResumeError
from explainer.explanation import Gradient, SmoothGrad
from explainer.run.launchers import shard_by
from explainer.summary.sample_index import index_of, iter_samples

LABELS = ["ant", "bee", "cat", "dog"]
IMAGES = np.random.default_rng(0).standard_normal((7, 3, 5, 7)).astype(np.float32)
TRUTH = [0, 1, 2, 3, 0, 1, 2]
PARTS = [1, 2, 3, 7]


@pytest.fixture(scope="module")
def network():
    weights = np.random.default_rng(1).standard_normal((4, 105)).astype(np.float32) / 5
    return nn.SequentialCell(nn.Flatten(), nn.Dense(105, 4, weight_init=Tensor(weights), has_bias=False))


def dataset_of(order=range(7), images=IMAGES):
    rows = [(images[index], np.int32(TRUTH[index])) for index in order]
    return GeneratorDataset(rows, ["image", "label"], shuffle=False, num_parallel_workers=1)


def runner_of(folder, network, dataset=None, **options):
    data = dataset_of() if dataset is None else dataset, LABELS
    settings = RunOptions(**{"progress": False, "batch_size": 2, "label_format": "ids", **options})
    runner = ImageClassificationRunner(folder, data, network, nn.Softmax(), options=settings)
    deletion = Faithfulness(4, nn.Softmax(), "DeletionAUC", steps=5)
    runner.register_saliency([Gradient(network), SmoothGrad(network, samples=2, seed=3)], [deletion, Sparseness(4)])
    runner.register_uncertainty(augment="noise", draws=6)
    return runner


@pytest.fixture(scope="module")
def whole(network, tmp_path_factory):
    """The samples of a run in one piece."""
    folder = tmp_path_factory.mktemp("whole")
    runner_of(folder, network).run()
    return {sample.sample_id: sample for sample in iter_samples(folder)}


def require_alike(sample, expected):
    """All numbers of a sample, to rounding: its batch has other company."""
    assert sample.prediction.explained == expected.prediction.explained
    assert sample.prediction.ground_truth == expected.prediction.ground_truth
    np.testing.assert_allclose(sample.prediction.probabilities, expected.prediction.probabilities, atol=1e-6)
    for found, other in zip(sample.maps, expected.maps, strict=True):
        assert (found.explainer, found.label) == (other.explainer, other.label)
        np.testing.assert_allclose([found.low, found.high], [other.low, other.high], atol=1e-6)
    assert [score.metric for score in sample.scores] == [score.metric for score in expected.scores]
    values = [[score.value for score in part.scores] for part in (sample, expected)]
    np.testing.assert_allclose(*values, atol=1e-5)
    np.testing.assert_allclose(sample.uncertainty.deviation, expected.uncertainty.deviation, atol=1e-6)
    assert sample.origin.input_digest == expected.origin.input_digest


# ------------------------------------------------- which samples


@pytest.mark.parametrize("parts", [1, 2, 3, 7, 10])
@pytest.mark.parametrize("total", [0, 1, 7, 20])
def test_each_sample_is_in_one_part(parts, total):
    shards = [Shard(index, parts) for index in range(parts)]
    assert sorted(sample for shard in shards for sample in shard.ids(total)) == list(range(total))
    for shard in shards:
        assert list(shard.ids(total)) == [sample for sample in range(total) if shard.has(sample)]
        assert shard.count(total) == len(list(shard.ids(total)))
        assert shard.count(None) is None


@pytest.mark.parametrize(
    ("shard", "error", "message"),
    [
        ((3, 3), ValueError, "`shard[0]` must be at most 2, got 3"),
        ((-1, 3), ValueError, "`shard[0]` must be at least 0, got -1"),
        ((0, 0), ValueError, "`shard[1]` must be at least 1, got 0"),
        ((0.0, 3), TypeError, "`shard[0]` must be a whole number, got float 0.0"),
        ((1, 2, 3), ValueError, "`shard` must be (index, count), got 3 values"),
        ("1/3", ValueError, "`shard` must be (index, count) or \"auto\", got '1/3'"),
        (2, TypeError, '`shard` must be (index, count) or "auto", got int'),
    ],
)
def test_what_is_no_part_is_refused_before_any_work(tmp_path, network, shard, error, message):
    with pytest.raises(error) as raised:
        runner_of(tmp_path / "out", network).run(shard=shard)
    assert str(raised.value).startswith(message)
    assert not (tmp_path / "out").exists()


# ------------------------------------------------- what is written


@pytest.mark.parametrize("parts", PARTS)
def test_the_parts_are_the_samples_of_the_run_in_one_piece(tmp_path, network, whole, parts):
    found, orders = {}, set()
    for index in range(parts):
        result = runner_of(tmp_path, network).run(shard=(index, parts))
        assert result.summary_dir == tmp_path / f"shard-{index}-of-{parts}"
        samples = list(iter_samples(result.summary_dir))
        assert [sample.sample_id for sample in samples] == list(range(index, 7, parts))
        found |= {sample.sample_id: sample for sample in samples}
        written = index_of(result.event_file)
        assert written.ended
        assert written.metadata.parameters["shard"] == {"index": index, "count": parts}
        orders.add(written.order)
    (order,) = orders
    assert order.samples == 7
    assert found.keys() == whole.keys()
    for sample_id, sample in found.items():
        require_alike(sample, whole[sample_id])


def test_a_part_without_samples_is_a_run_that_ended(tmp_path, network):
    result = runner_of(tmp_path, network, dataset_of(range(2))).run(shard=(2, 3))
    written = index_of(result.event_file)
    assert (result.samples, len(written.samples), written.ended, written.order.samples) == (0, 0, True, 2)


def test_a_dataset_without_samples_has_no_parts(tmp_path, network):
    def none():
        yield from ()

    with pytest.raises(ValueError, match="at least one sample"):
        runner_of(tmp_path / "out", network, GeneratorDataset(none, ["image", "label"])).run(shard=(0, 2))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("order", "images"),
    [([0, 1, 2, 3, 4, 6, 5], IMAGES), (range(6), IMAGES), (range(7), IMAGES + np.float32(1e-3))],
    ids=["two swapped", "one fewer", "other pixels"],
)
def test_the_order_tells_other_data_apart(tmp_path, network, order, images):
    """Also where the part itself has the same samples: shards of differently shuffled data do not fit together."""
    first = runner_of(tmp_path / "a", network).run(shard=(0, 7))
    other = runner_of(tmp_path / "b", network, dataset_of(order, images)).run(shard=(0, 7))
    assert index_of(first.event_file).order.digest != index_of(other.event_file).order.digest


def test_the_order_tells_other_labels_apart(tmp_path, network):
    rows = [(image, np.int32(label)) for image, label in zip(IMAGES, [0, 1, 2, 3, 0, 1, 1], strict=True)]
    other = GeneratorDataset(rows, ["image", "label"], shuffle=False, num_parallel_workers=1)
    results = [
        runner_of(tmp_path / name, network, data).run(shard=(0, 3)) for name, data in (("a", None), ("b", other))
    ]
    digests = {index_of(result.event_file).order.digest for result in results}
    assert len(digests) == 2


def test_a_dataset_of_batches_is_cut_by_samples(tmp_path, network, whole):
    result = runner_of(tmp_path, network, dataset_of().batch(3)).run(shard=(1, 2))
    samples = list(iter_samples(result.summary_dir))
    assert [sample.sample_id for sample in samples] == [1, 3, 5]
    for sample in samples:
        require_alike(sample, whole[sample.sample_id])


def test_bad_samples_are_left_out_by_the_part_that_has_them(tmp_path, network):
    images = IMAGES.copy()
    images[3, 0, 0, 0] = np.nan
    results = [
        runner_of(tmp_path, network, dataset_of(images=images), on_bad_sample="skip").run(shard=(index, 2))
        for index in range(2)
    ]
    assert [(result.samples, result.skipped) for result in results] == [(4, 0), (2, 1)]
    assert list(index_of(results[1].event_file).skipped) == [3]


def test_a_part_whose_samples_are_all_left_out_is_written(tmp_path, network):
    images = IMAGES.copy()
    images[6, 0, 0, 0] = np.nan
    result = runner_of(tmp_path, network, dataset_of(images=images), on_bad_sample="skip").run(shard=(6, 7))
    written = index_of(result.event_file)
    assert (result.samples, result.skipped, written.ended) == (0, 1, True)


# ------------------------------------------------- resumed


def test_a_part_is_gone_on_with(tmp_path, network, whole):
    class StopError(Exception):
        pass

    class Stop:
        def write(self, record):
            if type(record).__name__ == "SampleDone":
                raise StopError

        def close(self):
            pass

    stopped = runner_of(tmp_path, network)
    stopped.register_sink(Stop())
    with pytest.raises(StopError):
        stopped.run(shard=(1, 3))
    result = runner_of(tmp_path, network).run(shard=(1, 3), resume=True)
    assert (result.samples, result.resumed) == (2, 1)
    for sample in iter_samples(result.summary_dir):
        require_alike(sample, whole[sample.sample_id])
    written = index_of(result.event_file)
    assert written.ended
    assert written.order == index_of(runner_of(tmp_path, network).run(shard=(0, 3)).event_file).order


def test_a_part_is_not_gone_on_with_by_another(tmp_path, network):
    runner_of(tmp_path, network).run(shard=(0, 2))
    folder = tmp_path / "shard-0-of-2"
    folder.rename(tmp_path / "shard-1-of-2")
    with pytest.raises(ResumeError, match=r"shard\.index differs: 0 then, 1 now"):
        runner_of(tmp_path, network).run(shard=(1, 2), resume=True)


def test_parts_of_another_cut_are_not_mixed(tmp_path, network):
    """As by `sbatch --array=0` again, which calls itself the only one."""
    runner_of(tmp_path, network).run(shard=(0, 3))
    with pytest.raises(RuntimeError, match=r"has shard-0-of-3, and this is part 0 of 1, .* give shard=\(index, 3\)"):
        runner_of(tmp_path, network).run(shard=(0, 1))
    assert not (tmp_path / "shard-0-of-1").exists()


# ------------------------------------------------- sources that tell their order


class CountedSource(PictureSource):
    """Notes which pictures are read."""

    read: list[int]

    def __getitem__(self, index):
        self.read.append(index)
        return super().__getitem__(index)


@pytest.fixture
def pictures(tmp_path):
    """Seven pictures of 7 x 5 pixels, of differing brightness, with their labels."""
    found = []
    for index in range(7):
        path = tmp_path / f"{index}.png"
        Image.fromarray(np.full((5, 7, 3), 30 * index, np.uint8)).save(path)
        found.append(Picture(path, path.name, (PictureObject(TRUTH[index]),)))
    return found


def source_of(pictures):
    source = CountedSource(pictures, Preprocess((5, 7)))
    source.read = []
    return source


def run_of_pictures(folder, network, pictures, **how):
    source = source_of(pictures)
    dataset = GeneratorDataset(source, source.columns, shuffle=False)
    source.read.clear()  # MindSpore looks at the first one
    result = runner_of(folder, network, dataset).run(**how)
    return result, source.read


def test_of_pictures_only_those_of_the_part_are_read(tmp_path, network, pictures):
    whole, _ = run_of_pictures(tmp_path / "whole", network, pictures)
    expected = {sample.sample_id: sample for sample in iter_samples(whole.summary_dir)}
    result, read = run_of_pictures(tmp_path / "out", network, pictures, shard=(1, 3))
    assert sorted(set(read) - {0}) == [1, 4]  # the first is looked at for the columns
    samples = list(iter_samples(result.summary_dir))
    assert [sample.sample_id for sample in samples] == [1, 4]
    assert [sample.source for sample in samples] == ["1.png", "4.png"]
    for sample in samples:
        require_alike(sample, expected[sample.sample_id])
    assert index_of(result.event_file).order.samples == 7


def test_the_order_of_pictures_is_that_of_names_and_labels(pictures):
    digest = source_of(pictures).order_digest()
    assert source_of(list(pictures)).order_digest() == digest
    assert source_of(pictures[::-1]).order_digest() != digest
    assert source_of(pictures[:-1]).order_digest() != digest
    other = Picture(pictures[0].path, pictures[0].name, (PictureObject(3),))
    assert source_of([other, *pictures[1:]]).order_digest() != digest


def test_pictures_that_something_follows_on_are_all_read(tmp_path, network, pictures):
    """A map may change what the samples are, so that their source cannot tell."""
    source = source_of(pictures)
    dataset = GeneratorDataset(source, source.columns, shuffle=False).map(lambda image: image * 2, ["image"])
    source.read.clear()
    runner_of(tmp_path / "out", network, dataset).run(shard=(1, 3))
    assert set(source.read) == set(range(7))


# ------------------------------------------------- as a launcher says


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"MS_ROLE": "MS_WORKER", "MS_NODE_ID": "2", "MS_WORKER_NUM": "4", "RANK_ID": "0"}, (2, 4)),
        ({"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "16", "SLURM_ARRAY_TASK_MIN": "0"}, (3, 16)),
        ({"SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_COUNT": "16", "SLURM_ARRAY_TASK_MIN": "1"}, (0, 16)),
        (
            {
                "SLURM_ARRAY_TASK_ID": "4",
                "SLURM_ARRAY_TASK_COUNT": "4",
                "SLURM_ARRAY_TASK_MIN": "0",
                "SLURM_ARRAY_TASK_STEP": "2",
            },
            (2, 4),
        ),
        ({"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"}, (1, 2)),
        ({"PMI_RANK": "0", "PMI_SIZE": "8"}, (0, 8)),
    ],
)
def test_the_launcher_tells_the_part(environment, expected):
    assert shard_by(environment) == Shard(*expected)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "the environment names no launcher (msrun, SLURM array, Open MPI, MPI)"),
        ({"MS_ROLE": "MS_WORKER", "MS_WORKER_NUM": "4", "RANK_ID": "0"}, "give msrun the --node_rank of each"),
        ({"PMI_RANK": "x", "PMI_SIZE": "8"}, "MPI says PMI_RANK='x', which is no number"),
        (
            {"SLURM_ARRAY_TASK_ID": "9", "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_MIN": "1"},
            "SLURM_ARRAY_TASK_ID=9 and SLURM_ARRAY_TASK_COUNT=3, which are not all the parts from 0 or 1 on",
        ),
        (  # one task of an array, submitted again
            {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "1", "SLURM_ARRAY_TASK_MIN": "3"},
            "SLURM_ARRAY_TASK_ID=3 and SLURM_ARRAY_TASK_COUNT=1, which are not all the parts from 0 or 1 on",
        ),
    ],
)
def test_what_a_launcher_does_not_tell_is_an_error(environment, message):
    with pytest.raises(RuntimeError) as raised:
        shard_by(environment)
    assert message in str(raised.value)


def test_msruns_scheduler_has_no_part():
    with pytest.raises(SystemExit) as raised:
        shard_by({"MS_ROLE": "MS_SCHED", "RANK_ID": "0", "RANK_SIZE": "2", "MS_WORKER_NUM": "2"})
    assert raised.value.code == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("3", "'3' must be INDEX/COUNT, as 0/16 for the first of sixteen parts, or auto."),
        ("16/16", "'16/16' names no part: of 16 parts the indices are 0 to 15."),
        ("0/0", "'0/0' names no part: there must be at least one."),
    ],
)
def test_what_is_no_part_is_refused_on_the_command_line(given, message, capsys):
    assert main(["run", "--shard", given]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
