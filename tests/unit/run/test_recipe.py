"""A runner goes to another process as what it was put together from; what cannot go is named."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import mindspore
import numpy as np
import pytest
from mindspore import Tensor, nn
from mindspore.dataset import GeneratorDataset
from networks import SmallCnn

from explainer import ImageClassificationRunner, RunOptions
from explainer.benchmark import Faithfulness, Sparseness
from explainer.explanation import RISE, GradCAM, Gradient
from explainer.run import recipe

LABELS = ["ant", "bee", "cat", "dog"]
IMAGES = np.random.default_rng(0).standard_normal((5, 3, 8, 9)).astype(np.float32)


class Doubling:
    """Any own dataset."""

    def __len__(self) -> int:
        return len(IMAGES)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return IMAGES[index], np.int32(index % 4)


def runner_of(folder: Path, **options: Any) -> ImageClassificationRunner:
    rows = GeneratorDataset(Doubling(), ["image", "label"], shuffle=False, num_parallel_workers=1)
    data = rows.map(lambda image: image * 2, "image") if options.pop("by_lambda", False) else rows.batch(2)
    network, softmax = SmallCnn(channels=3), nn.Softmax()
    runner = ImageClassificationRunner(
        folder, (data, LABELS), network, softmax, options=RunOptions(progress=False, **options)
    )
    methods = [Gradient(network), GradCAM(network, layer="conv2", name="CAM"), RISE(network, softmax, masks=8, grid=3)]
    runner.register_saliency(methods, [Faithfulness(4, softmax, steps=3).named("other"), Sparseness(4)])
    return runner


def test_the_runner_that_comes_out_is_like_the_one_that_went_in(tmp_path: Path) -> None:
    runner = runner_of(tmp_path / "one", batch_size=2)
    with pytest.warns(UserWarning, match="no dropout"):
        linear = nn.SequentialCell(nn.Flatten(), nn.Dense(3 * 8 * 9, 4))
        other = ImageClassificationRunner(tmp_path, (runner._dataset, LABELS), linear, nn.Softmax())
        other.register_saliency([Gradient(linear)])
        other.register_uncertainty()
    found = pickle.loads(runner._recipe.pickled())(tmp_path / "two")
    assert repr(found) == repr(runner).replace("/one'", "/two'")
    wanted, given = runner._setup.jobs[0], found._setup.jobs[0]
    assert repr(given.explainers) == repr(wanted.explainers)
    assert [metric.parameters for metric in given.metrics] == [metric.parameters for metric in wanted.metrics]
    assert [metric.name for metric in given.metrics] == ["other", "Sparseness"]
    images = Tensor(IMAGES)
    assert np.array_equal(found._network(images).asnumpy(), runner._network(images).asnumpy())
    rows = found._dataset.create_tuple_iterator(num_epochs=1, output_numpy=True)
    assert np.array_equal(np.concatenate([image for image, _ in rows]), IMAGES)
    assert repr(pickle.loads(other._recipe.pickled())(tmp_path)) == repr(other)  # and warns no more


def test_all_methods_of_it_are_for_one_network(tmp_path: Path) -> None:
    found = pickle.loads(runner_of(tmp_path)._recipe.pickled())(tmp_path)
    assert all(explainer.network is found._network for explainer in found._setup.jobs[0].explainers)


def test_a_network_that_was_at_work_goes_with_the_weights_of_that_moment(tmp_path: Path) -> None:
    runner = runner_of(tmp_path)
    runner._network.fc.weight.set_data(Tensor(np.full((4, 6), 2.0, np.float32)))
    runner.estimate()
    found = pickle.loads(runner._recipe.pickled())(tmp_path)
    assert found._setup.classifier.weights_digest() == runner._setup.classifier.weights_digest()
    assert not found._network.training
    assert found._network.fc.weight.dtype == mindspore.float32


def test_names_of_classes_that_a_method_was_given_go_with_it() -> None:
    named = Gradient(SmallCnn(channels=3)).with_labels(LABELS)
    assert pickle.loads(recipe._pickled(named)).labels == tuple(LABELS)


@pytest.mark.parametrize(
    ("options", "named"),
    [({"to_display": lambda image: image}, "`options`"), ({"by_lambda": True}, "`data`")],
)
def test_what_cannot_be_sent_is_named_with_the_way_out(tmp_path: Path, options: Any, named: str) -> None:
    with pytest.raises(TypeError, match=rf"{named} cannot be sent to another process: .*workers.run\(make_runner"):
        runner_of(tmp_path, **options)._recipe.pickled()


def test_a_setting_of_what_was_registered_is_named(tmp_path: Path) -> None:
    runner = runner_of(tmp_path)
    runner.register_uncertainty(augment=lambda image, rng: image)
    with pytest.raises(TypeError, match="`function of register_uncertainty` cannot be sent"):
        runner._recipe.pickled()


def test_what_was_defined_at_a_prompt_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(SmallCnn, "__module__", "__main__")
    monkeypatch.delattr("__main__.__file__", raising=False)
    with pytest.raises(
        TypeError, match=r"`network` cannot be sent .*SmallCnn was defined at a prompt or in a notebook"
    ):
        runner_of(tmp_path)._recipe.pickled()
