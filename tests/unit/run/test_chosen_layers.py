"""A layer that the first images choose is recorded; a run that has had none yet is the same run all the same."""

from pathlib import Path

import numpy as np
import pytest
from mindspore import nn
from mindspore.dataset import GeneratorDataset
from networks import SmallCnn

from explainer import ImageClassificationRunner, RunOptions, merge, read_run
from explainer.errors import ResumeError
from explainer.explanation import GradCAM
from explainer.records import SampleDone
from explainer.summary.verify import verify

IMAGES = np.random.default_rng(0).standard_normal((4, 3, 5, 7)).astype(np.float32)
LABELS = ["ant", "bee", "cat", "dog"]


class StopError(Exception):
    """What ends a run in these tests, as a kill would."""


class Stop:
    def write(self, record):
        if isinstance(record, SampleDone):
            raise StopError

    def close(self):
        pass


@pytest.fixture(scope="module")
def network():
    return SmallCnn(channels=3)


def runner_of(folder: Path, network: nn.Cell, count: int = 4) -> ImageClassificationRunner:
    rows = [(image, np.int32(label)) for label, image in enumerate(IMAGES[:count])]
    dataset = GeneratorDataset(rows, ["image", "label"], shuffle=False, num_parallel_workers=1)
    options = RunOptions(progress=False, batch_size=1)
    runner = ImageClassificationRunner(folder, (dataset, LABELS), network, nn.Softmax(), options=options)
    runner.register_saliency([GradCAM(network, "auto")])
    return runner


def chosen_in(folder: Path) -> str:
    return str(read_run(folder).metadata.parameters["explainers"]["GradCAM"]["chosen_layer"])


@pytest.fixture
def stopped(tmp_path, network):
    runner = runner_of(tmp_path / "job", network)
    runner.register_sink(Stop())
    with pytest.raises(StopError):
        runner.run()
    return tmp_path / "job"


def test_a_run_that_was_stopped_goes_on(stopped, network):
    result = runner_of(stopped, network).run(resume=True)
    assert (result.samples, result.resumed) == (4, 1)
    assert chosen_in(stopped) == "relu2"
    assert verify(stopped).problems == ()


def test_a_run_that_has_ended_is_left_as_it_is(tmp_path, network):
    runner_of(tmp_path, network).run()
    assert runner_of(tmp_path, network).run(resume=True).resumed == 4


def test_another_layer_that_is_chosen_now_is_refused(stopped, network, monkeypatch):
    monkeypatch.setattr("explainer.explanation.by_layer.last_spatial_layer", lambda classifier, shape: "conv1")
    with pytest.raises(ResumeError, match=r"GradCAM\.chosen_layer differs: 'relu2' then, 'conv1' now"):
        runner_of(stopped, network).run(resume=True)


def test_shards_are_put_together_of_which_one_has_no_sample(tmp_path, network):
    shards = [runner_of(tmp_path / "shards", network, 2).run(shard=(index, 3)).summary_dir for index in range(3)]
    made = merge(tmp_path / "out", shards[::-1])
    assert made.samples == 2
    assert chosen_in(tmp_path / "out") == "relu2"


def test_a_merged_run_with_gaps_is_completed(tmp_path, network):
    shards = [runner_of(tmp_path / "shards", network).run(shard=(index, 2)).summary_dir for index in range(2)]
    merge(tmp_path / "out", shards[:1], partial=True)
    assert runner_of(tmp_path / "out", network).run(resume=True).samples == 4
