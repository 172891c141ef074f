"""Networks by name, of a module or of MindCV; and what is said when there is none."""

import sys
import types

import numpy as np
import pytest
from mindspore import nn
from networks import LinearNetwork

from explainer.network.mindspore.loading import make_network

FACTORIES = """
import numpy as np
from networks import LinearNetwork, SmallCnn

def small_cnn():
    return SmallCnn(3).set_train(True)

def nothing():
    return None

def wide(inputs, *, classes=2, names=("a",), blank=None):
    network = LinearNetwork(np.zeros((classes, inputs)))
    network.given = (inputs, classes, names, blank)
    return network

def greedy(classes, **rest):
    return LinearNetwork(np.zeros((classes, len(rest))))

def failing(depth=0):
    raise KeyError("no such depth")

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

    def create_model(model_name, num_classes, pretrained, in_channels=3, **rest):
        asked.append((model_name, num_classes, pretrained, *rest.items()))
        return LinearNetwork(np.zeros((num_classes, 6)))

    models = types.ModuleType("mindcv.models")
    models.create_model = create_model
    models.list_models = lambda: ["resnet18", "vgg11"]
    monkeypatch.setitem(sys.modules, "mindcv", types.ModuleType("mindcv"))
    monkeypatch.setitem(sys.modules, "mindcv.models", models)
    return asked


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
        (
            "loading_factories",
            ValueError,
            "--network must be MODULE:FACTORY, mindcv:NAME or a file .mindir, got 'loading_factories'",
        ),
        (
            "loading_factories:",
            ValueError,
            "--network must be MODULE:FACTORY, mindcv:NAME or a file .mindir, got 'loading_factories:'",
        ),
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
        (
            "loading_factories:smal_cnn",
            ValueError,
            "--network: loading_factories has no function 'smal_cnn'; did you mean 'small_cnn' or 'SmallCnn'?",
        ),
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


def test_a_factory_is_called_with_the_arguments_that_are_given():
    network = make_network("loading_factories:wide", 4, {"inputs": 3, "names": ["b"], "blank": None})
    assert network.given == (3, 2, ["b"], None)
    assert make_network("loading_factories:greedy", 4, {"classes": 5, "one": 1, "two": 2}).fc.weight.shape == (5, 2)


@pytest.mark.parametrize(
    ("factory", "given", "message"),
    [
        (
            "wide",
            {"inputs": 3, "clases": 4},
            "--network-args: loading_factories:wide takes classes, names, inputs, blank; got 'clases'; did you mean "
            "'classes' or 'names'?",
        ),
        (
            "wide",
            {"classes": 4},
            "--network-args must give inputs, for which loading_factories:wide has no default; write inputs=VALUE",
        ),
        ("small_cnn", {"classes": 4}, "--network-args: loading_factories:small_cnn takes no arguments; got 'classes'"),
        (
            "failing",
            {"depth": 7},
            "--network loading_factories:failing failed (KeyError: 'no such depth'); --traceback shows where",
        ),
    ],
)
def test_arguments_that_a_factory_does_not_take_are_told_with_those_that_it_takes(factory, given, message):
    with pytest.raises(ValueError) as caught:
        make_network(f"loading_factories:{factory}", 4, given, name="--network", arguments_name="--network-args")
    assert str(caught.value) == message


def test_a_network_of_the_model_zoo_has_a_class_per_label_and_no_weights_from_the_net(model_zoo):
    network = make_network("mindcv:resnet18", 4)
    assert model_zoo == [("resnet18", 4, False)]
    assert network.fc.weight.shape == (4, 6)


def test_arguments_reach_a_network_of_the_model_zoo(model_zoo):
    make_network("mindcv:resnet18", 4, {"num_classes": 7, "width": 0.5})
    assert model_zoo == [("resnet18", 7, False, ("width", 0.5))]


def test_a_network_that_the_model_zoo_has_not_is_told_with_the_nearest_name(model_zoo):
    with pytest.raises(ValueError, match=r"`factory`: MindCV has no network 'resnet_18'; did you mean 'resnet18'\?"):
        make_network("mindcv:resnet_18", 4)
    assert model_zoo == []


def test_mindcv_that_is_not_installed_is_told_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mindcv.models", None)
    with pytest.raises(ValueError, match="--network mindcv:resnet18 needs MindCV: pip install mindcv"):
        make_network("mindcv:resnet18", 4, name="--network")
