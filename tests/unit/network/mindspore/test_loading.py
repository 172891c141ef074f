"""Networks by name and their weights: of a module, of MindCV, of a checkpoint; and what is said when there is none."""

import logging
import os
import sys
import types
from collections import Counter

import mindspore
import numpy as np
import pytest
from mindspore import nn
from networks import LinearNetwork, SmallCnn

from explainer.network.mindspore.loading import load_weights, make_network

FACTORIES = """
import numpy as np
from networks import LinearNetwork, SmallCnn

def small_cnn():
    return SmallCnn(3).set_train(True)

def nothing():
    return None

number = 3
"""


@pytest.fixture(scope="module", autouse=True)
def _code(tmp_path_factory):
    """A folder with the module `loading_factories` and a broken one, on the Python path."""
    folder = tmp_path_factory.mktemp("code")
    (folder / "loading_factories.py").write_text(FACTORIES, encoding="utf-8")
    (folder / "loading_lacking.py").write_text("import a_module_that_is_nowhere\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield
    for name in [name for name in sys.modules if name.startswith("loading_")]:
        del sys.modules[name]


@pytest.fixture
def model_zoo(monkeypatch):
    """Stands for MindCV: two networks, and what was asked of it."""
    asked = []

    def create_model(name, num_classes, pretrained):
        asked.append((name, num_classes, pretrained))
        return LinearNetwork(np.zeros((num_classes, 6)))

    models = types.ModuleType("mindcv.models")
    models.create_model = create_model
    models.list_models = lambda: ["resnet18", "vgg11"]
    monkeypatch.setitem(sys.modules, "mindcv", types.ModuleType("mindcv"))
    monkeypatch.setitem(sys.modules, "mindcv.models", models)
    return asked


@pytest.fixture
def logged():
    """What MindSpore logs."""
    mindspore.log.get_level()  # sets its logger up, which would drop our handler
    logger, records = logging.getLogger(f"ME.mindspore.log.{os.getpid()}"), []
    handler = logging.Handler()
    handler.emit = records.append
    logger.addHandler(handler)
    yield records
    logger.removeHandler(handler)


def checkpoint_of(network, folder, **how):
    path = folder / "weights.ckpt"
    mindspore.save_checkpoint(network, str(path), **how)
    return path


# ---- networks ----


def test_a_network_of_a_module_is_made_in_evaluation_mode():
    network = make_network("loading_factories:small_cnn", 4)
    assert type(network).__name__ == "SmallCnn"
    assert not any(cell.training for _, cell in network.cells_and_names())


def test_a_module_in_the_working_directory_is_found_and_the_path_is_as_before(tmp_path, monkeypatch):
    (tmp_path / "loading_here.py").write_text(FACTORIES, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    assert isinstance(make_network("loading_here:small_cnn", 4), nn.Cell)
    assert sys.path == before
    with pytest.raises(ValueError, match="could not import"):
        make_network("loading_nowhere:small_cnn", 4)
    assert sys.path == before


@pytest.mark.parametrize(
    ("factory", "error", "message"),
    [
        ("loading_factories", ValueError, "--network must be MODULE:FACTORY or mindcv:NAME, got 'loading_factories'"),
        ("loading_factories:", ValueError, "--network must be MODULE:FACTORY or mindcv:NAME, got 'loading_factories:'"),
        (
            "nowhere_at_all:f",
            ValueError,
            "--network: could not import 'nowhere_at_all' (ModuleNotFoundError: No module named 'nowhere_at_all'); is",
        ),
        (
            "loading_lacking:f",
            ValueError,
            "--network: could not import 'loading_lacking' (ModuleNotFoundError: No module named 'a_module_that_is_now",
        ),
        ("loading_factories:smal_cnn", ValueError, "--network: loading_factories has no function 'smal_cnn'"),
        ("loading_factories:number", ValueError, "--network: loading_factories has no function 'number'"),
        (
            "loading_factories:nothing",
            TypeError,
            "--network loading_factories:nothing must make a mindspore.nn.Cell, made NoneType",
        ),
    ],
)
def test_a_network_that_cannot_be_made_is_refused(factory, error, message):
    with pytest.raises(error) as caught:
        make_network(factory, 4, name="--network")
    assert str(caught.value).startswith(message)


def test_a_network_of_the_model_zoo_has_a_class_per_label_and_no_weights_from_the_net(model_zoo):
    network = make_network("mindcv:resnet18", 4)
    assert model_zoo == [("resnet18", 4, False)]
    assert network.fc.weight.shape == (4, 6)


def test_a_network_that_the_model_zoo_has_not_is_told_with_the_nearest_name(model_zoo):
    with pytest.raises(ValueError, match=r"`factory`: MindCV has no network 'resnet_18'; did you mean 'resnet18'\?"):
        make_network("mindcv:resnet_18", 4)
    assert model_zoo == []


def test_mindcv_that_is_not_installed_is_told_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mindcv.models", None)
    with pytest.raises(ValueError, match="--network mindcv:resnet18 needs MindCV: pip install mindcv"):
        make_network("mindcv:resnet18", 4, name="--network")


# ---- weights ----


def test_the_network_has_the_weights_of_the_checkpoint(tmp_path):
    weights = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)
    network = LinearNetwork(np.zeros((4, 6)))
    load_weights(network, checkpoint_of(LinearNetwork(weights), tmp_path))
    np.testing.assert_array_equal(network.fc.weight.asnumpy(), weights)


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        (nn.Dense(2, 3), "lacks 6 weights of the network, the first 'conv1.weight'; explanations of a half-loaded"),
        (SmallCnn(3, classes=5), "does not fit the network: .*fc.weight"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused_with_its_path(tmp_path, saved, message):
    path = checkpoint_of(saved, tmp_path)
    with pytest.raises(ValueError, match=f"--checkpoint {path} {message}"):
        load_weights(SmallCnn(3), path, name="--checkpoint")


def test_a_checkpoint_that_is_missing_or_damaged_is_refused_with_its_path(tmp_path):
    path = tmp_path / "weights.ckpt"
    with pytest.raises(ValueError, match=f"`checkpoint` must be a file, got {path}"):
        load_weights(SmallCnn(3), path)
    path.write_bytes(b"this is no checkpoint")
    with pytest.raises(
        ValueError, match=rf"`checkpoint` {path} could not be read \(.*\): it is damaged, or no checkpoint"
    ):
        load_weights(SmallCnn(3), path)


@pytest.mark.parametrize("with_checksum", [True, False])
def test_a_checkpoint_loads_with_a_checksum_and_without_and_nothing_is_logged(tmp_path, logged, with_checksum):
    weights = np.random.default_rng(1).standard_normal((4, 6)).astype(np.float32)
    path = checkpoint_of(LinearNetwork(weights), tmp_path, crc_check=with_checksum)
    network = LinearNetwork(np.zeros((4, 6)))
    load_weights(network, path)
    np.testing.assert_array_equal(network.fc.weight.asnumpy(), weights)
    assert logged == []


def test_every_flipped_bit_of_a_checkpoint_with_a_checksum_is_told_and_nothing_is_logged(tmp_path, logged):
    path = checkpoint_of(LinearNetwork(np.ones((2, 3))), tmp_path, crc_check=True)
    whole = path.read_bytes()
    network = LinearNetwork(np.zeros((2, 3)))
    told = Counter()
    for place in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError) as caught:
            load_weights(network, path, name="--checkpoint")
        told[str(caught.value).removeprefix(f"--checkpoint {path} ")[:10]] += 1
    assert told == {"is damaged": 8 * (len(whole) - 7), "could not ": 8 * 7}  # 7 bytes say that there is a checksum
    assert not network.fc.weight.asnumpy().any()
    assert logged == []


def test_the_message_on_a_wrong_checksum_says_what_to_do(tmp_path):
    path = checkpoint_of(LinearNetwork(np.ones((2, 3))), tmp_path, crc_check=True)
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ValueError) as caught:
        load_weights(LinearNetwork(np.zeros((2, 3))), path, name="--checkpoint")
    assert str(caught.value) == (
        f"--checkpoint {path} is damaged: its content is not what its checksum (CRC) was made of; copy it again from "
        "where it was saved"
    )


@pytest.mark.parametrize("saved", [nn.Dense(2, 3), SmallCnn(3, classes=5)])
def test_what_is_an_error_of_ours_is_not_logged_by_mindspore_as_well(tmp_path, logged, saved):
    path = checkpoint_of(saved, tmp_path)
    with pytest.raises(ValueError, match="network"):
        load_weights(SmallCnn(3), path)
    assert logged == []
    mindspore.log.error("as before")
    assert [record.getMessage() for record in logged] == ["as before"]
