"""Where a run comes from is in its summary, and a changed weight shows."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import Any

import mindspore
import numpy as np
import pytest
from mindspore import Parameter, Tensor, nn
from mindspore.dataset import NumpySlicesDataset

import explainer
from explainer import ImageClassificationRunner, RunOptions, read_run
from explainer.digests import digest_of, digest_of_array
from explainer.errors import BadSampleError
from explainer.explanation import Gradient
from explainer.network.mindspore.shared import weights_digest
from explainer.records import SampleOrigin


def network_of(seed: int = 0) -> nn.Cell:
    weights = np.random.default_rng(seed).standard_normal((2, 60)).astype(np.float32)
    return nn.SequentialCell(nn.Flatten(), nn.Dense(60, 2, weight_init=Tensor(weights), has_bias=False))


def recorded(folder: Path, network: nn.Cell, **options: Any) -> dict[str, object]:
    data = NumpySlicesDataset({"image": np.ones((1, 3, 4, 5), np.float32)}, shuffle=False), ["a", "b"]
    runner = ImageClassificationRunner(
        folder, data, network, nn.Softmax(), options=RunOptions(progress=False, **options)
    )
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


def test_what_the_user_says_is_kept_beside_and_does_not_replace_what_is_known(tmp_path: Path) -> None:
    more = {"checkpoint": "resnet20.ckpt", "weights": "mine"}
    found = recorded(tmp_path, network_of(), provenance=more)
    assert found["checkpoint"] == "resnet20.ckpt" and found["weights"] == weights_digest(network_of())


def test_the_files_of_the_samples_are_kept_by_name_and_digest(tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(b"content")
    recorded(tmp_path / "job", network_of(), sources=[tmp_path / "one.png"])
    origin = read_run(tmp_path / "job").samples[0].origin
    image = np.ones((3, 4, 5), np.float32)
    assert origin == SampleOrigin(0, digest_of_array(image), str(tmp_path / "one.png"), digest_of(b"content"))


def test_messages_name_the_file(tmp_path: Path) -> None:
    network = network_of()
    network[1].weight.set_data(Tensor(np.full((2, 60), np.inf, np.float32)))
    with pytest.raises(BadSampleError, match=r"the output of sample 0 \(ants/one.png\) has a NaN or an infinity"):
        recorded(tmp_path / "job", network, sources=["ants/one.png"])


def test_a_file_that_cannot_be_read_has_a_name_and_no_digest(tmp_path: Path) -> None:
    recorded(tmp_path / "job", network_of(), sources=["gone.png"])
    origin = read_run(tmp_path / "job").samples[0].origin
    assert origin is not None and (origin.source, origin.source_digest) == ("gone.png", b"")


def test_files_that_are_not_one_for_each_sample_are_refused_at_the_door(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`sources` must name the file of each sample, got 2 for 1 samples"):
        recorded(tmp_path / "job", network_of(), sources=["one.png", "two.png"])
    assert not (tmp_path / "job").exists()


def test_a_last_batch_that_is_smaller_has_its_files_too(tmp_path: Path) -> None:
    network = network_of()
    data = NumpySlicesDataset({"image": np.ones((3, 3, 4, 5), np.float32)}, shuffle=False).batch(2), ["a", "b"]
    names = ["one.png", "two.png", "three.png"]
    for given in (names, names[:2]):
        options = RunOptions(progress=False, sources=given)
        runner = ImageClassificationRunner(tmp_path, data, network, nn.Softmax(), options=options)
        runner.register_saliency([Gradient(network)])
        if given is names:
            assert [sample.source for sample in read_run(runner.run().summary_dir).samples.values()] == names
        else:
            with pytest.raises(ValueError, match="`sources` must name the file of every sample, got 2, and the data"):
                runner.run()
    assert (
        read_run(tmp_path, run=read_run(tmp_path).older[0].timestamp).metadata.parameters["dataset"]["samples"] is None
    )


def test_the_metadata_describes_the_data(tmp_path: Path) -> None:
    recorded(tmp_path, network_of())
    described = read_run(tmp_path).metadata.parameters["dataset"]
    assert described == {"class": "NumpySlicesDataset", "columns": ["image"], "samples": 1}


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
