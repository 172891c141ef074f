"""Where a run comes from is in its summary, and a changed weight shows."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import mindspore
import numpy as np
from mindspore import Parameter, Tensor, nn
from mindspore.dataset import NumpySlicesDataset

import explainer
from explainer import ImageClassificationRunner, RunOptions, read_run
from explainer.explanation import Gradient
from explainer.network.mindspore.shared import weights_digest


def network_of(seed: int = 0) -> nn.Cell:
    weights = np.random.default_rng(seed).standard_normal((2, 60)).astype(np.float32)
    return nn.SequentialCell(nn.Flatten(), nn.Dense(60, 2, weight_init=Tensor(weights), has_bias=False))


def recorded(folder: Path, network: nn.Cell) -> dict[str, object]:
    data = NumpySlicesDataset({"image": np.ones((1, 3, 4, 5), np.float32)}, shuffle=False), ["a", "b"]
    runner = ImageClassificationRunner(folder, data, network, nn.Softmax(), options=RunOptions(progress=False))
    runner.register_saliency([Gradient(network)])
    return dict(read_run(runner.run().summary_dir).metadata.parameters["provenance"])


def test_a_summary_says_where_it_comes_from(tmp_path: Path) -> None:
    network = network_of()
    assert recorded(tmp_path, network) == {
        "network": "mindspore.nn.layer.container.SequentialCell",
        "weights": weights_digest(network),
        "command": sys.argv,
        "explainer": explainer.__version__,
        "mindspore": mindspore.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }


def test_equal_weights_have_one_digest_and_a_changed_one_another() -> None:
    digest = weights_digest(network_of())
    assert digest == weights_digest(network_of()) and len(digest) == 32
    assert digest != weights_digest(network_of(seed=1))
    changed = network_of()
    values = changed[1].weight.asnumpy().copy()
    values[1, 7] = np.nextafter(values[1, 7], np.float32(9))
    changed[1].weight.set_data(Tensor(values))
    assert digest != weights_digest(changed)


def test_a_digest_depends_on_names_types_and_shapes() -> None:
    class Named(nn.Cell):
        def __init__(self, name: str, values: np.ndarray) -> None:
            super().__init__()
            setattr(self, name, Parameter(Tensor(values)))

    values = np.zeros((2, 3), np.float32)
    others = [Named("b", values), Named("a", values.reshape(3, 2)), Named("a", values.astype(np.float16))]
    assert len({weights_digest(network) for network in [Named("a", values), *others]}) == 4
