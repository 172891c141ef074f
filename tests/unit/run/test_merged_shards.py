"""Runs of shards by the runner, put together: the run in one piece, bit for bit where batches are the same."""

from pathlib import Path

import numpy as np
import pytest
from mindspore import Tensor, nn
from mindspore.dataset import GeneratorDataset
from run_leaves import compared, leaves_of

from explainer import ImageClassificationRunner, RunOptions, merge, read_run
from explainer.benchmark import Faithfulness, Sparseness
from explainer.errors import MergeError, ResumeError
from explainer.explanation import RISE, Gradient, SmoothGrad
from explainer.summary.verify import verify

LABELS = ["ant", "bee", "cat", "dog"]
IMAGES = np.random.default_rng(0).standard_normal((8, 3, 16, 16)).astype(np.float32)
IMAGES[6, 0, 3, 3] = np.nan  # left out


@pytest.fixture(scope="module")
def network():
    weights = np.random.default_rng(1).standard_normal((4, 768)).astype(np.float32) / 12
    return nn.SequentialCell(nn.Flatten(), nn.Dense(768, 4, weight_init=Tensor(weights), has_bias=False))


def runner_of(folder, network, order=range(8), *, smooth_seed=3):
    """A runner whose batches hold one sample, so that a sample's numbers do not depend on its company."""
    rows = [(IMAGES[index], np.int32(index % 4)) for index in order]
    dataset = GeneratorDataset(rows, ["image", "label"], shuffle=False, num_parallel_workers=1)
    options = RunOptions(progress=False, batch_size=1, on_bad_sample="skip", raw_maps="float32")
    runner = ImageClassificationRunner(folder, (dataset, LABELS), network, nn.Softmax(), options=options)
    explainers = [
        Gradient(network),
        SmoothGrad(network, samples=2, seed=smooth_seed),
        RISE(network, nn.Softmax(), masks=8, grid=4),
    ]
    deletion = Faithfulness(4, nn.Softmax(), "DeletionAUC", steps=5)
    runner.register_saliency(explainers, [deletion, Sparseness(4)])
    runner.register_uncertainty(augment="noise", draws=4)
    runner.register_hierarchical_occlusion(win_sizes=[8, 4], strides=[8, 4], threshold=0.2)
    return runner


def run_shards(folder, network, count, **given) -> list[Path]:
    return [runner_of(folder, network, **given).run(shard=(index, count)).summary_dir for index in range(count)]


def values_of(folder):
    own = ("metadata.parameters.merged", "metadata.parameters.length", "metadata.parameters.engine.difference")
    return {where: value for where, value in leaves_of(folder) if not where.startswith(own)}


@pytest.fixture(scope="module")
def whole(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    runner_of(folder, network).run()
    return values_of(folder)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shards_put_together_are_the_run_in_one_piece(tmp_path, network, whole, count):
    shards = run_shards(tmp_path / "shards", network, count)
    made = merge(tmp_path / "out", shards)
    different, _ = compared(whole, values_of(tmp_path / "out"))
    assert different == ()
    assert (made.samples, made.skipped) == (7, 1)
    assert verify(tmp_path / "out").problems == ()


def test_what_is_missing_is_worked_on_when_the_merged_run_is_gone_on_with(tmp_path, network, whole):
    shards = run_shards(tmp_path / "shards", network, 3)
    merge(tmp_path / "out", [shards[0], shards[2]], partial=True)
    result = runner_of(tmp_path / "out", network).run(resume=True)
    assert (result.samples, result.resumed) == (7, 4)  # one of the five was left out
    different, _ = compared(whole, values_of(tmp_path / "out"))
    assert different == ()
    assert read_run(tmp_path / "out").repaired == ""
    assert verify(tmp_path / "out").problems == ()


def test_other_data_is_told_when_the_merged_run_is_gone_on_with(tmp_path, network):
    shards = run_shards(tmp_path / "shards", network, 3)
    merge(tmp_path / "out", [shards[0], shards[2]], partial=True)
    with pytest.raises(ResumeError, match="images differ"):
        runner_of(tmp_path / "out", network, [7, *range(1, 7), 0]).run(resume=True)


def test_shards_of_data_that_was_shuffled_otherwise_are_refused(tmp_path, network):
    first = runner_of(tmp_path / "a", network).run(shard=(0, 2)).summary_dir
    second = runner_of(tmp_path / "b", network, [0, 1, 2, 3, 4, 7, 6, 5]).run(shard=(1, 2)).summary_dir
    with pytest.raises(MergeError, match="the dataset came in another order, or had other labels"):
        merge(tmp_path / "out", [first, second])


def test_shards_by_other_settings_are_refused(tmp_path, network):
    first = runner_of(tmp_path / "a", network).run(shard=(0, 2)).summary_dir
    second = runner_of(tmp_path / "b", network, smooth_seed=4).run(shard=(1, 2)).summary_dir
    with pytest.raises(MergeError, match=r"explainers\.SmoothGrad\.seed differs: 3 in the first, 4 in the second"):
        merge(tmp_path / "out", [first, second])


def test_a_run_of_everything_is_no_shard(tmp_path, network):
    run = runner_of(tmp_path / "a", network).run().summary_dir
    with pytest.raises(MergeError, match="as it is not the run of a shard"):
        merge(tmp_path / "out", [run])
