"""Images of which a window is hidden: computed in part where that pays and is right, in full everywhere else."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn, ops
from numpy.typing import NDArray

from explainer.counterfactual import HierarchicalOcclusion
from explainer.explanation import RISE, Occlusion
from explainer.explanation.occlusion_sensitivity import OcclusionSensitivity
from explainer.network import windowed
from explainer.network.of import classifier_of
from explainer.network.onnx.graph import Batch, Graph, GraphBuilder
from explainer.network.onnx.session import Session
from explainer.network.onnx.windows.laid import Fetched
from explainer.network.windowed import PlanAtWork, WindowSessions
from explainer.perturb.engine import Request, Windows, evaluated, evaluating_perturbed, windows_in

HEIGHT, WIDTH = 29, 31
IMAGES = np.random.default_rng(0).standard_normal((2, 2, HEIGHT, WIDTH)).astype(np.float32)
SOFTMAX = nn.Softmax()
ROUNDING = 1e-6  # of the largest: sums in another order
OF_SCORES = 2e-6  # of scores near 1, of which maps are small differences


@pytest.fixture(autouse=True)
def _worth_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small networks and few windows take the way of large ones and many."""
    monkeypatch.setattr(windowed, "_WORTH", 0.0)
    monkeypatch.setattr(windowed, "_FETCHING", 0.0)


@pytest.fixture
def in_part(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many windows there were in each batch that was computed in part."""
    counts: list[int] = []
    own = PlanAtWork.outputs

    def counted(self: PlanAtWork, images: Any, windows: Windows) -> Any:
        found = own(self, images, windows)
        if found is not None:
            counts.append(len(images))
        return found

    monkeypatch.setattr(PlanAtWork, "outputs", counted)
    return counts


def graph_of_three_layers(seed: int = 1) -> tuple[Graph, dict[str, NDArray[np.float32]]]:
    builder, random, weights = GraphBuilder((Batch(), 2, HEIGHT, WIDTH)), np.random.default_rng(seed), {}
    value = builder.images
    for layer, channels in enumerate((8, 8, 8)):
        shape = (channels, value.shape[1], 3, 3)
        weights[f"w{layer}"] = random.standard_normal(shape).astype(np.float32)
        weight = builder.weight(f"w{layer}", shape, "float32")
        value = builder.node("Conv", value, weight, shape=(Batch(), channels, HEIGHT, WIDTH), pads=[1] * 4)
        value = builder.node("Relu", value)
    mean = builder.node("ReduceMean", value, builder.integers(2, 3), shape=(Batch(), 8), keepdims=0)
    return builder.finished((mean,)), weights


def hidden(rectangles: list[Any], indices: Any = None) -> tuple[NDArray[np.float32], Windows]:
    """Images with rectangles of nines, and what is said of them."""
    numbers = np.zeros(len(rectangles), np.int64) if indices is None else np.array(indices)
    images = IMAGES[numbers]
    for image, (top, left, bottom, right) in zip(images, rectangles, strict=True):
        image[:, top:bottom, left:right] = 9
    return images, Windows(IMAGES, numbers, np.array(rectangles), {})


SQUARES = [(top, left, top + 3, left + 3) for top in (0, 7, 26) for left in (0, 11, 28)]


class Asked:
    """The sessions of a graph under test."""

    def __init__(self, seed: int = 1) -> None:
        self.graph, weights = graph_of_three_layers(seed)
        self.session = Session(self.graph, weights, threads=1)
        self.sessions = WindowSessions(self.graph)

    def outputs(self, images: NDArray[np.float32], windows: Windows) -> Any:
        return self.sessions.outputs(self.session, images, windows)

    def assert_right(self, images: NDArray[np.float32], windows: Windows) -> None:
        found = self.outputs(images, windows)
        assert found is not None
        (expected,) = self.session(images)
        np.testing.assert_allclose(found[0], expected, rtol=0, atol=ROUNDING * np.abs(expected).max())


def test_the_first_batch_is_proven_and_the_next_ones_are_computed_in_part_alone(in_part: list[int]) -> None:
    asked = Asked()
    images, windows = hidden(SQUARES)
    found = asked.outputs(images, windows)
    np.testing.assert_array_equal(found[0], asked.session(images)[0])
    asked.assert_right(images, windows)
    assert in_part == [9, 9]


def test_windows_of_several_sizes_and_cut_off_at_the_border_share_a_plan(in_part: list[int]) -> None:
    asked = Asked()
    rectangles = [(0, 0, 1, 2), (28, 30, 29, 31), (5, 6, 9, 8), (25, 0, 29, 5), (12, 13, 13, 14), (3, 30, 5, 31)]
    for _ in range(2):
        asked.assert_right(*hidden(rectangles))
    assert in_part == [6, 6]


def test_images_that_share_a_batch_are_each_computed_from_what_is_known_of_theirs(in_part: list[int]) -> None:
    asked = Asked()
    images, windows = hidden(SQUARES * 2, [0] * 9 + [1] * 9)
    for _ in range(3):
        asked.assert_right(images, windows)
    assert in_part == [9] * 6


def test_a_single_window_of_an_image_that_is_not_known_is_computed_in_full(in_part: list[int]) -> None:
    asked = Asked()
    images, windows = hidden(SQUARES + SQUARES[:1], [0] * 9 + [1])
    for _ in range(2):
        asked.assert_right(images, windows)
    assert in_part == [9, 9]


@pytest.mark.parametrize(("side", "gain", "counts"), [(11, 1.24, [9]), (12, 1.13, []), (27, 1.0, [])])
def test_a_window_that_spares_too_little_is_computed_in_full(
    side: int, gain: float, counts: list[int], in_part: list[int]
) -> None:
    asked = Asked()
    assert round(windowed.Plan(asked.graph, (side, side)).gain, 2) == gain
    found = asked.outputs(*hidden([(1, 1, 1 + side, 1 + side)] * 9))
    assert in_part == counts
    assert (found is None) == (not counts)


def test_images_into_which_somebody_wrote_are_computed_in_full(in_part: list[int]) -> None:
    asked = Asked()
    images, windows = hidden(SQUARES)
    asked.outputs(images, windows)
    images[4, 1, 20, 20] += 1
    assert asked.outputs(images, windows) is None
    assert in_part == [9]


def test_a_known_image_that_its_owner_changes_is_not_taken_for_what_it_was(in_part: list[int]) -> None:
    asked = Asked()
    images, windows = hidden(SQUARES)
    own = windows.images.copy()
    windows = Windows(own, windows.indices, windows.rectangles, windows.kept)
    asked.outputs(images, windows)
    own += 1
    assert asked.outputs(images + 1, windows) is None
    assert in_part == [9]


def test_other_weights_are_those_that_answer(in_part: list[int]) -> None:
    asked = Asked()
    for seed in (1, 2, 1):
        asked.session = Session(asked.graph, graph_of_three_layers(seed)[1], threads=1)
        for _ in range(2):
            asked.assert_right(*hidden(SQUARES))
    assert in_part == [9] * 6


def test_a_plan_that_gives_other_outputs_is_never_used_and_told_of_once(
    in_part: list[int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    own = Fetched.places
    monkeypatch.setattr(Fetched, "places", lambda self, tops, lefts: own(self, tops, lefts[::-1]))
    asked = Asked()
    with caplog.at_level(logging.INFO, "explainer"):
        for _ in range(3):
            assert asked.outputs(*hidden(SQUARES)) is None
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "window of 3 x 3 hidden are computed in full, not in part: the outputs are others, by" in record.message
    assert in_part == []


def test_a_session_that_fails_hands_over_to_the_whole_network(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(self: Fetched, *given: Any) -> Any:
        raise RuntimeError("no memory")

    monkeypatch.setattr(Fetched, "places", failing)
    asked = Asked()
    with caplog.at_level(logging.INFO, "explainer"):
        assert [asked.outputs(*hidden(SQUARES)) for _ in range(2)] == [None, None]
    assert [(record.levelname, record.message.split(": ")[1]) for record in caplog.records] == [("INFO", "no memory")]


def test_sessions_are_made_once_enough_could_have_been_spared(
    in_part: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked()
    plan = windowed.Plan(asked.graph, (3, 3))
    spared = 9 * plan.spared - plan.whole  # what is known of the image must be computed, too
    monkeypatch.setattr(windowed, "_WORTH", 1.5 * spared)
    for _ in range(4):
        asked.outputs(*hidden(SQUARES))
    assert in_part == [9, 9]


def test_sessions_are_kept_for_the_last_sizes_alone() -> None:
    asked = Asked()
    for side in (1, 2, 3, 4, 1):
        asked.assert_right(*hidden([(9, 9, 9 + side, 9 + side)] * 5))
    assert list(asked.sessions._at_work) == [(3, 3), (4, 4), (1, 1)]


# What the engine tells.


def told(requests: list[Any], images: NDArray[np.float32] = IMAGES, batch_size: int = 32) -> list[Windows | None]:
    found: list[Windows | None] = []

    def evaluate(shown: Any, indices: Any) -> Any:
        assert windows_in(shown.copy()) is None and windows_in(shown[:, :1]) is None
        found.append(windows_in(shown[:]))
        return np.zeros(len(shown))

    requested = (Request(*request) for request in requests)
    list(evaluated(evaluate, images, requested, batch_size=batch_size, fill=np.zeros_like))
    return found


def test_the_engine_tells_of_rectangles_where_all_of_a_batch_is_hidden_by_them() -> None:
    first, second = np.s_[:, 2:5, 3:7], np.s_[1:, :4, 20:99]
    mask = np.ones((HEIGHT, WIDTH))
    found = told([(0, first), (1, second), (1, first), (1, mask), (0, np.s_[:, 2:5])], batch_size=2)
    assert found[1:] == [None, None]
    assert found[0] is not None and found[0].images is IMAGES
    assert found[0].indices.tolist() == [0, 1]
    assert found[0].rectangles.tolist() == [[2, 3, 5, 7], [0, 20, 4, WIDTH]]
    assert found[0].by_image() == [slice(0, 1), slice(1, 2)]


def test_the_engine_tells_nothing_of_volumes() -> None:
    volumes = np.zeros((1, 2, 3, 4, 5), np.float32)
    assert told([(0, np.s_[:, :1, :1, :1])], volumes) == [None]


def test_what_is_known_is_kept_for_one_call_of_the_engine() -> None:
    requests = [(0, np.s_[:, 2:5, 3:7])] * 2
    one, other = told(requests, batch_size=1), told(requests, batch_size=1)
    assert one[0] is not None and one[1] is not None and other[0] is not None
    assert one[0].kept is one[1].kept and one[0].kept is not other[0].kept


# All who hide windows.


class Deep(nn.Cell):
    """Small, with enough layers that a window is felt in a part of them."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.SequentialCell(
            *(nn.Conv2d(2, 8, 3, pad_mode="pad", padding=1, has_bias=True), nn.BatchNorm2d(8), nn.ReLU()),
            *(nn.Conv2d(8, 8, 3, pad_mode="pad", padding=1, has_bias=True), nn.ReLU(), nn.MaxPool2d(3, 2)),
        )
        self.side = nn.Conv2d(8, 8, 3, pad_mode="same", has_bias=True)
        self.fc = nn.Dense(8, 4)

    def construct(self, images: Tensor) -> Tensor:
        features = self.features(images)
        return self.fc(ops.relu(features + self.side(features)).mean((2, 3)))


@pytest.fixture(scope="module")
def network() -> nn.Cell:
    return Deep().set_train(False)


def maps_of(method: Any, network: nn.Cell) -> NDArray[Any]:
    return np.asarray(method(classifier_of(network, SOFTMAX, engine="onnxruntime", batch_size=16))(IMAGES, [1, 3]))


METHODS = {
    "windows": lambda asked: Occlusion(asked, SOFTMAX, 16, window=(3, 4), stride=2, signed=True),
    "cut off": lambda asked: Occlusion(asked, SOFTMAX, 16, window=4, stride=3, edges="clip", score="logit"),
    "refined": lambda asked: Occlusion(asked, SOFTMAX, 16, window=3, refine=0.2, score="logit"),
    "by channel": lambda asked: Occlusion(asked, SOFTMAX, 16, window=3, stride=3, per_channel=True),
    "filled by surroundings": lambda asked: Occlusion(asked, SOFTMAX, 16, window=3, stride=3, fill="local_mean"),
    "regression": lambda asked: Occlusion(
        asked, SOFTMAX, 16, window=3, stride=3, score=lambda model, x, y: model(x)[:, 2]
    ),
}


@pytest.mark.parametrize("name", METHODS)
def test_occlusion_is_computed_in_part_with_the_same_maps(
    name: str, network: nn.Cell, in_part: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = maps_of(METHODS[name], network)
    assert sum(in_part) > 60
    monkeypatch.setattr(WindowSessions, "outputs", lambda *given: None)
    expected = maps_of(METHODS[name], network)
    np.testing.assert_allclose(found, expected, rtol=0, atol=OF_SCORES)


def test_a_score_that_writes_into_its_images_is_that_of_what_it_wrote(network: nn.Cell, in_part: list[int]) -> None:
    def of_negatives(model: Any, x: Any, y: Any) -> Any:
        if not evaluating_perturbed():  # then they are the caller's
            return model(-x)[:, 1]
        x *= -1
        return model(x)[:, 1]

    def method(asked: Any) -> Occlusion:
        return Occlusion(asked, None, 16, window=3, stride=3, score=of_negatives, signed=True)

    def negated(asked: Any) -> Occlusion:
        return Occlusion(asked, None, 16, window=3, stride=3, score=lambda model, x, y: model(-x)[:, 1], signed=True)

    np.testing.assert_allclose(maps_of(method, network), maps_of(negated, network), rtol=0, atol=OF_SCORES)
    assert in_part == []


def test_masks_of_other_shapes_are_computed_in_full(network: nn.Cell, in_part: list[int]) -> None:
    maps_of(lambda asked: RISE(asked, SOFTMAX, masks=20), network)
    assert in_part == []


def test_mindspore_computes_images_in_full(network: nn.Cell, in_part: list[int]) -> None:
    asked = classifier_of(network, SOFTMAX, engine="mindspore")
    Occlusion(asked, SOFTMAX, window=3, stride=3)(IMAGES, 1)
    assert in_part == []


def test_occlusion_sensitivity_is_computed_in_part_with_the_same_map(
    network: nn.Cell, in_part: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def sensitivity() -> Any:
        metric = OcclusionSensitivity(margin=[2, 1, 2], n_batch=32, b_box=[0, 1, 0, 14, 3, 12])
        metric.update(classifier_of(network, engine="onnxruntime"), IMAGES[:1], 2)
        return metric.eval()

    found = sensitivity()
    assert sum(in_part) > 60
    monkeypatch.setattr(WindowSessions, "outputs", lambda *given: None)
    expected = sensitivity()
    np.testing.assert_allclose(found, expected, rtol=0, atol=OF_SCORES)


@pytest.mark.parametrize("by_masking", [False, True])
def test_hierarchical_occlusion_is_computed_in_part_with_the_same_tree(
    by_masking: bool, network: nn.Cell, in_part: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def tree() -> Any:
        asked = classifier_of(network, SOFTMAX, engine="onnxruntime")
        shown, hidden = (asked.probabilities(images)[0] for images in (IMAGES[:1], np.zeros_like(IMAGES[:1])))
        label = int((shown - hidden).argmax())  # the network is untrained: its likeliest may gain by hiding all
        start, end = float(shown[label]), float(hidden[label])
        search = HierarchicalOcclusion(
            asked, SOFTMAX, [6, 3], [2, 1], threshold=(start + 2 * end) / 3, by_masking=by_masking
        )
        root, outputs = search.search(IMAGES[0], label, 0.0)
        return [step.box for layer in range(root.max_layer + 1) for step in root.get_layer_steps(layer)], outputs

    boxes, outputs = tree()
    assert sum(in_part) > 60
    monkeypatch.setattr(WindowSessions, "outputs", lambda *given: None)
    expected_boxes, expected = tree()
    assert boxes == expected_boxes
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=OF_SCORES)


def test_weights_that_change_are_those_that_answer(in_part: list[int]) -> None:
    network = Deep().set_train(False)

    def method(asked: Any) -> Occlusion:
        return Occlusion(asked, SOFTMAX, 16, window=3, stride=3, score="logit", signed=True)

    before = maps_of(method, network)
    network.fc.weight.set_data(network.fc.weight * 3)
    np.testing.assert_allclose(maps_of(method, network), 3 * before, rtol=0, atol=3 * OF_SCORES)
    assert sum(in_part) > 300
