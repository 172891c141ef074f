"""The runner with hierarchical occlusion and uncertainty: registrations, runs of all jobs, and the user's network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mindspore
import numpy as np
import pytest
from mindspore import nn
from mindspore.dataset import GeneratorDataset
from networks import LinearNetwork, NormalisedCnn
from numpy.typing import NDArray
from replicas import normal_images

from explainer import ImageClassificationRunner, RunOptions, RunResult, read_run
from explainer.analysis.view import RunView
from explainer.benchmark import Metric
from explainer.counterfactual import HierarchicalOcclusion
from explainer.explanation import Gradient
from explainer.records import EditTree, RunMetadata, SampleDone, Uncertainty
from explainer.summary.explain_pb2 import Event, Explain
from explainer.summary.reader import SampleView
from explainer.summary.recordfile import read_frames
from explainer.testing.networks import FailingNetwork
from explainer.uncertainty import AugmentationUncertainty, DropoutUncertainty, EnsembleUncertainty

FloatArray = NDArray[Any]
LABELS = ["ant", "bee", "cat", "dog"]
IMAGES = normal_images(4, 3, 8, 12) * 3
TRUTH = [2, 0, 1, 3]
OCCLUSION: dict[str, Any] = {"win_sizes": [5, 2], "strides": [3, 2], "threshold": 0.4, "mask": "gaussian:2"}
DRAWN: dict[str, Any] = {"draws": 4, "seed": 11}


class Brightness(Metric):
    """The mean of each map."""

    name = "Brightness"

    def score(self, case: Any) -> FloatArray:
        return case.saliency.mean(axis=(1, 2), dtype=np.float64)


class Collector:
    """A sink that remembers, and can fail at its first record of a kind."""

    def __init__(self, fail_at: type | None = None) -> None:
        self.records: list[Any] = []
        self.fail_at = fail_at

    def write(self, record: Any) -> None:
        if self.fail_at is not None and isinstance(record, self.fail_at):
            raise OSError("the sink failed on purpose")
        self.records.append(record)

    def close(self) -> None:
        pass


@dataclass
class Setting:
    """A runner before its registrations, with its network and the folder of its summary."""

    runner: ImageClassificationRunner
    network: nn.Cell
    folder: Path

    def saliency(self) -> None:
        self.runner.register_saliency([Gradient(self.network)], [Brightness()])

    def occlusion(self, **kwargs: Any) -> None:
        self.runner.register_hierarchical_occlusion(**(OCCLUSION | kwargs))

    def uncertainty(self, **kwargs: Any) -> None:
        self.runner.register_uncertainty(**(DRAWN | kwargs))

    def register(self, *names: str) -> Setting:
        for name in names:
            getattr(self, name)()
        return self

    def run(self) -> RunView:
        self.runner.run()
        return read_run(self.folder)


Make = Callable[..., Setting]


@pytest.fixture
def setting(tmp_path: Path) -> Make:
    """Makes a runner on four images, each in a folder of its own."""
    made: list[Setting] = []

    def make(
        images: FloatArray = IMAGES, network: nn.Cell | None = None, labels: list[str] = LABELS, **options: Any
    ) -> Setting:
        network = network or NormalisedCnn(images.shape[1])
        rows = [(image, np.int32(label)) for image, label in zip(images, TRUTH, strict=False)]
        dataset = GeneratorDataset(rows, ["image", "label"], shuffle=False, num_parallel_workers=1)
        folder = tmp_path / f"job{len(made)}"
        options = {"batch_size": 64, "threshold": 0.3} | options
        runner = ImageClassificationRunner(
            folder, (dataset, labels), network, nn.Softmax(), options=RunOptions(**options)
        )
        made.append(Setting(runner, network, folder))
        return made[-1]

    return make


def undropping() -> LinearNetwork:
    """A network without dropout."""
    return LinearNetwork(np.eye(4, IMAGES[0].size) * 2)


def messages_of(run: RunView) -> list[Explain]:
    with run.files.event_file.open("rb") as file:
        return [Event.FromString(frame.payload).explain for frame in read_frames(file)]


def manifest_of(result: RunResult) -> dict[str, bool]:
    return json.loads((result.data_dir / "manifest.json").read_text(encoding="utf-8"))


# ---- registrations ----


@pytest.mark.parametrize("name", ["occlusion", "uncertainty"])
def test_a_second_registration_is_refused_and_the_first_stays(setting: Make, name: str) -> None:
    made = setting().register("saliency", name)
    method, second = {
        "occlusion": ("hierarchical_occlusion", {"threshold": 0.9}),
        "uncertainty": ("uncertainty", {"draws": 9}),
    }[name]
    with pytest.raises(RuntimeError, match=f"register_{method} was called before"):
        getattr(made, name)(**second)
    parameters = made.run().metadata.parameters[method]
    assert (parameters.get("threshold"), parameters.get("draws")) == ((0.4, None) if name == "occlusion" else (None, 4))


@pytest.mark.parametrize("names", [["uncertainty"], ["uncertainty", "occlusion"], ["occlusion", "uncertainty"]])
def test_uncertainty_without_saliency_is_refused_by_run_and_nothing_is_written(setting: Make, names: list[str]) -> None:
    made = setting().register(*names)
    with pytest.raises(
        RuntimeError, match=r"register_uncertainty was called without register_saliency; .* register saliency, too"
    ):
        made.runner.run()
    assert not made.folder.exists()
    made.saliency()  # and then it works
    assert set(made.run().metadata.jobs) == {
        "saliency",
        "benchmark",
        *({"occlusion": "hierarchical_occlusion"}.get(name, name) for name in names),
    }


@pytest.mark.parametrize("names", [["saliency", "uncertainty"], ["uncertainty", "saliency"]])
def test_uncertainty_and_saliency_may_be_registered_in_either_order(setting: Make, names: list[str]) -> None:
    found = setting().register(*names).run()
    assert found.metadata.jobs == (*names, "benchmark")
    assert all(sample.uncertainty is not None and sample.maps for sample in found.samples.values())


def test_networks_and_augment_together_are_refused(setting: Make) -> None:
    with pytest.raises(ValueError, match="`networks` and `augment` are two ways to draw, got both; give one of them"):
        setting().uncertainty(networks=[undropping(), undropping()], augment="shift")


def test_without_dropout_the_images_are_shifted_and_a_warning_says_so(setting: Make) -> None:
    made = setting(network=undropping()).register("saliency")
    with pytest.warns(
        UserWarning, match=r"LinearNetwork has no dropout.*images are shifted.*networks=\[...\].*augment="
    ):
        made.uncertainty(draws=5)
    found = made.run()
    asked_for = setting(network=undropping()).register("saliency")
    asked_for.uncertainty(augment="shift", draws=5)
    wanted = asked_for.run()
    recorded = found.metadata.parameters["uncertainty"]
    assert recorded == wanted.metadata.parameters["uncertainty"]
    assert (recorded["method"], recorded["augment"]) == ("augmentation", "shift")
    for number, sample in wanted.samples.items():
        np.testing.assert_array_equal(found.samples[number].uncertainty.deviation, sample.uncertainty.deviation)


def test_a_network_without_dropout_is_fine_for_an_ensemble(setting: Make) -> None:
    made = setting(network=undropping()).register("saliency")
    made.uncertainty(networks=[made.network, undropping()])
    found = made.run()
    assert found.metadata.parameters["uncertainty"] == {"method": "ensemble", "interval": "beta", "networks": 2}


WRONG: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    ("occlusion", {"win_sizes": None}, ValueError, "`win_sizes` and `strides` must be given both or not at all"),
    ("occlusion", {"strides": None}, ValueError, "`win_sizes` and `strides` must be given both or not at all"),
    ("occlusion", {"win_sizes": 5}, TypeError, "`win_sizes` must be a list of whole numbers, got int"),
    ("occlusion", {"strides": "32"}, TypeError, "`strides` must be a list of whole numbers, got str"),
    ("occlusion", {"win_sizes": [2, 5]}, ValueError, "`win_sizes` must fall from layer to layer"),
    ("occlusion", {"strides": [6, 2]}, ValueError, "`strides` must not be larger than their windows"),
    ("occlusion", {"threshold": 1}, ValueError, "`threshold` must be below 1"),
    ("occlusion", {"threshold": -0.1}, ValueError, "`threshold` must lie in"),
    ("occlusion", {"by_masking": 1}, TypeError, "`by_masking` must be True or False"),
    ("uncertainty", {"draws": 1}, ValueError, "`draws` must be at least 2, got 1"),
    ("uncertainty", {"seed": -1}, ValueError, "`seed` must be at least 0, got -1"),
    ("uncertainty", {"interval": "normal"}, ValueError, "`interval` must be one of beta, quantile, got 'normal'"),
    ("uncertainty", {"augment": "rotate"}, ValueError, "`augment` must be one of shift, noise, got 'rotate'"),
    ("uncertainty", {"augment": 3}, TypeError, "`augment` must be a function, or one of"),
    ("uncertainty", {"augment": "shift", "draws": 1}, ValueError, "`draws` must be at least 2, got 1"),
    ("uncertainty", {"networks": undropping()}, TypeError, "`networks` must be a list of networks"),
    ("uncertainty", {"networks": [undropping()]}, ValueError, "`networks` must hold at least two networks"),
    ("uncertainty", {"networks": [undropping(), 3]}, TypeError, r"`networks\[1\]` must be a mindspore.nn.Cell"),
    (
        "uncertainty",
        {"networks": [undropping(), undropping()], "interval": "normal"},
        ValueError,
        "`interval` must be one of",
    ),
    ("uncertainty", {"networks": [undropping()] * 2, "augment": "shift"}, ValueError, "two ways to draw"),
]


@pytest.mark.parametrize(("name", "kwargs", "error", "message"), WRONG)
def test_a_failed_registration_says_why_and_leaves_the_runner_as_it_was(
    setting: Make, name: str, kwargs: dict[str, Any], error: type[Exception], message: str
) -> None:
    made = setting()
    with pytest.raises(error, match=message):
        getattr(made, name)(**kwargs)
    with pytest.raises(RuntimeError, match="nothing to do"):
        made.runner.run()
    assert not made.folder.exists()
    getattr(made, name)()  # not "called before"


def test_windows_may_be_given_as_tuples(setting: Make) -> None:
    made = setting()
    made.occlusion(win_sizes=(5, 2), strides=(3, 2))
    assert made.run().metadata.parameters["hierarchical_occlusion"]["win_sizes"] == [5, 2]


# ---- what a run brings ----


def told(sample: SampleView) -> list[tuple[Any, ...]]:
    return [(tree.label, tree.mask, tree.by_masking, tree.layers, tree.tree, tree.reason) for tree in sample.edit_trees]


def test_occlusion_alone_works(setting: Make) -> None:
    made = setting().register("occlusion")
    result = made.runner.run()
    found = read_run(made.folder)
    assert (result.samples, result.maps, found.ended, found.findings) == (4, 0, True, ())
    assert (found.metadata.explainers, found.metadata.metrics) == ((), ())
    assert found.metadata.jobs == ("hierarchical_occlusion",)
    assert found.metadata.parameters["hierarchical_occlusion"] == {
        "win_sizes": [5, 2],
        "strides": [3, 2],
        "threshold": 0.4,
        "by_masking": False,
        "mask": "gaussian:2",
    }
    assert "uncertainty" not in found.metadata.parameters
    assert manifest_of(result) == {
        "saliency_map": False,
        "benchmark": False,
        "uncertainty": False,
        "hierarchical_occlusion": True,
    }


@pytest.mark.parametrize("by_masking", [False, True])
def test_the_trees_of_a_run_are_those_of_the_search_alone(setting: Make, by_masking: bool) -> None:
    made = setting()
    made.occlusion(by_masking=by_masking)
    found = made.run()
    search = HierarchicalOcclusion(made.network, nn.Softmax(), [5, 2], [3, 2], threshold=0.4, by_masking=by_masking)
    results = 0
    for number, sample in found.samples.items():
        above = np.flatnonzero(sample.prediction.probabilities > 0.4).tolist()
        assert [tree.label for tree in sample.edit_trees] == above
        for tree in sample.edit_trees:
            if not tree.layers:
                assert tree.reason
                continue
            root, outputs = search.search(IMAGES[number], tree.label, "gaussian:2")
            assert [layer.output for layer in tree.layers] == pytest.approx(outputs, abs=1e-5)
            assert [layer.boxes for layer in tree.layers] == [
                tuple(step.box for step in root.get_layer_or_leaf_steps(layer)) for layer in range(len(outputs))
            ]
            assert tree.by_masking is by_masking
            results += 1
    assert results == (4 if by_masking else 2)


def test_mindinsight_gets_the_trees_of_the_labels_that_it_lists_and_they_say_what_ours_say(setting: Make) -> None:
    found = setting().register("occlusion").run()
    shown = 0
    for message in messages_of(found):
        sample = found.samples.get(message.sample_id) if message.edit_tree else None
        if sample is None:
            assert not message.hoc
            continue
        likely = {label for label in sample.prediction.predicted if sample.prediction.probabilities[label] > 0.5}
        listed = likely | set(sample.prediction.ground_truth)
        trees = {tree.label: tree for tree in sample.edit_trees if tree.layers and tree.label in listed}
        assert {hoc.label for hoc in message.hoc} == set(trees)
        for hoc in message.hoc:
            assert hoc.mask == "gaussian:2"
            assert [(layer.prob, list(layer.box)) for layer in hoc.layer] == [
                (layer.output, [value for box in layer.boxes for value in box]) for layer in trees[hoc.label].layers
            ]
            shown += 1
    assert shown >= 2


def test_boxes_for_mindinsight_are_in_pixels_of_the_picture_that_to_display_gives(setting: Make) -> None:
    made = setting(to_display=lambda image: np.zeros((24, 24, 3), np.uint8)).register("occlusion")
    found = made.run()
    plain = setting().register("occlusion").run()
    for large, small in zip(messages_of(found), messages_of(plain), strict=True):
        assert [[list(layer.box) for layer in hoc.layer] for hoc in large.hoc] == [
            [[value * (2, 3)[place % 2] for place, value in enumerate(layer.box)] for layer in hoc.layer]
            for hoc in small.hoc
        ]
    assert list(map(told, found.samples.values())) == list(map(told, plain.samples.values()))


WAYS: dict[str, tuple[Callable[[Any], dict[str, Any]], Callable[[Any], Any], dict[str, Any]]] = {
    "dropout": (
        lambda network: {},
        lambda network: DropoutUncertainty(network, nn.Softmax(), draws=4, seed=11),
        {"method": "dropout", "interval": "beta", "draws": 4, "seed": 11},
    ),
    "shift": (
        lambda network: {"augment": "shift", "interval": "quantile"},
        lambda network: AugmentationUncertainty(network, nn.Softmax(), "shift", draws=4, seed=11, interval="quantile"),
        {"method": "augmentation", "interval": "quantile", "augment": "shift", "draws": 4, "seed": 11},
    ),
    "ensemble": (
        lambda network: {"networks": [network, undropping(), UNLIKE]},
        lambda network: EnsembleUncertainty([network, undropping(), UNLIKE], nn.Softmax()),
        {"method": "ensemble", "interval": "beta", "networks": 3},
    ),
}
UNLIKE = LinearNetwork(np.eye(4, IMAGES[0].size)[::-1].copy())


@pytest.mark.parametrize("way", WAYS)
def test_uncertainty_in_a_run_is_that_of_the_object_alone(setting: Make, way: str) -> None:
    kwargs, make, parameters = WAYS[way]
    made = setting(batch_size=3).register("saliency")
    made.uncertainty(**kwargs(made.network))
    found = made.run()
    assert found.metadata.parameters["uncertainty"] == parameters
    assert found.metadata.jobs == ("saliency", "uncertainty", "benchmark")
    for number, sample in found.samples.items():
        alone, record = make(made.network)(IMAGES[number : number + 1]), sample.uncertainty
        assert record is not None
        for name in ("mean", "deviation", "low", "high"):
            np.testing.assert_allclose(getattr(record, name), getattr(alone, name)[0], atol=1e-5, err_msg=name)
        assert (record.total, record.aleatoric, record.epistemic) == pytest.approx(
            [float(part[0]) for part in alone.entropies], abs=1e-5
        )


def test_every_label_that_mindinsight_lists_has_a_deviation_and_both_bounds(setting: Make) -> None:
    """Where one of them has none, its page is blank."""
    found = setting().register("saliency", "uncertainty").run()
    inferences = [
        (found.samples[message.sample_id], message) for message in messages_of(found) if message.HasField("inference")
    ]
    assert len(inferences) == 4
    for sample, message in inferences:
        doubt, inference = sample.uncertainty, message.inference
        assert doubt is not None and message.ground_truth_label
        for labels, kind in ((message.ground_truth_label, "ground_truth"), (inference.predicted_label, "predicted")):
            for part, column in (("sd", doubt.deviation), ("itl95_low", doubt.low), ("itl95_hi", doubt.high)):
                assert list(getattr(inference, f"{kind}_prob_{part}")) == [float(column[label]) for label in labels]


def facts(found: RunView) -> dict[int, tuple[Any, Any, Any, Any]]:
    """All of each sample that jobs brought: maps, scores, trees and uncertainty, in a form that compares."""
    told_of = {}
    for number, sample in found.samples.items():
        maps = [
            (entry.explainer, entry.label, entry.low, entry.high, found.saliency(entry).tobytes())
            for entry in sample.maps
        ]
        doubt = sample.uncertainty
        numbers = doubt and (
            [column.tolist() for column in (doubt.mean, doubt.deviation, doubt.low, doubt.high)],
            (doubt.total, doubt.aleatoric, doubt.epistemic),
        )
        told_of[number] = maps, sample.scores, told(sample), numbers
    return told_of


def test_all_three_together_bring_what_each_brings_alone(setting: Make) -> None:
    together = facts(setting().register("uncertainty", "occlusion", "saliency").run())
    parts = [
        facts(setting().register(*names).run()) for names in (["saliency"], ["occlusion"], ["saliency", "uncertainty"])
    ]
    assert list(together) == [0, 1, 2, 3]
    for number, (maps, scores, trees, doubt) in together.items():
        saliency, occlusion, uncertainty = (part[number] for part in parts)
        assert maps and scores and trees and doubt
        assert (maps, scores) == saliency[:2] == uncertainty[:2]
        assert trees == occlusion[2]
        assert doubt == uncertainty[3]
        assert (saliency[2], saliency[3], occlusion[0], occlusion[3], uncertainty[2]) == ([], None, [], None, [])


def test_all_three_together_are_named_in_the_metadata_and_the_manifest(setting: Make) -> None:
    made = setting().register("uncertainty", "occlusion", "saliency")
    result = made.runner.run()
    metadata = read_run(made.folder).metadata
    assert metadata.jobs == ("uncertainty", "hierarchical_occlusion", "saliency", "benchmark")
    assert metadata.parameters["uncertainty"]["draws"] == 4
    assert metadata.parameters["hierarchical_occlusion"]["mask"] == "gaussian:2"
    assert set(manifest_of(result).values()) == {True}


def test_a_second_run_of_the_same_runner_brings_the_same(setting: Make) -> None:
    made = setting().register("saliency", "occlusion", "uncertainty")
    first = facts(made.run())
    assert facts(made.run()) == first
    assert len(read_run(made.folder).older) == 1


def test_a_sink_gets_trees_and_uncertainty_before_their_sample_is_done(setting: Make) -> None:
    made = setting().register("saliency", "occlusion", "uncertainty")
    sink = Collector()
    made.runner.register_sink(sink)
    found = made.run()
    done: set[int] = set()
    for record in sink.records:
        if isinstance(record, SampleDone):
            done.add(record.sample_id)
        assert not (isinstance(record, EditTree | Uncertainty) and record.sample_id in done)
    for number, sample in found.samples.items():
        of_sample = [record for record in sink.records if getattr(record, "sample_id", None) == number]
        trees = [record for record in of_sample if isinstance(record, EditTree)]
        assert [(tree.label, tree.tree) for tree in trees] == [(tree.label, tree.tree) for tree in sample.edit_trees]
        assert len([record for record in of_sample if isinstance(record, Uncertainty)]) == 1


def test_a_label_with_an_underscore_keeps_it_in_our_own_fields(setting: Make) -> None:
    made = setting(labels=["ant", "honey_bee", "cat", "dog"]).register("occlusion")
    with pytest.warns(UserWarning, match="labels with '_' are shown with a blank"):
        made.runner.run()
    found = read_run(made.folder)
    assert found.metadata.labels == ("ant", "honey_bee", "cat", "dog")
    assert list(messages_of(found)[0].metadata.label) == ["ant", "honey bee", "cat", "dog"]


def test_automatic_windows_and_mask_are_recorded_as_such(setting: Make) -> None:
    images = normal_images(1, 3, 56, 60) * 3
    made = setting(images)
    made.runner.register_hierarchical_occlusion(threshold=0.5)
    found = made.run()
    assert found.metadata.parameters["hierarchical_occlusion"] == {
        "win_sizes": None,
        "strides": None,
        "threshold": 0.5,
        "by_masking": False,
        "mask": "auto",
    }
    trees = [tree for tree in found.samples[0].edit_trees if tree.layers]
    assert trees and {tree.mask for tree in trees} == {"gaussian:2"}
    for tree in trees:
        root, _ = HierarchicalOcclusion(made.network, nn.Softmax(), threshold=0.5).search(images[0], tree.label)
        assert tree.layers[0].boxes == tuple(step.box for step in root.get_layer_or_leaf_steps(0))
        assert all(box[2:] == (28, 28) for box in tree.layers[0].boxes)


# ---- what a failure leaves ----


@pytest.mark.parametrize(
    ("images", "register", "message"),
    [
        (IMAGES[:, :1], lambda made: made.occlusion(), "needs images of 3 channels, got 1"),
        (IMAGES, lambda made: made.runner.register_hierarchical_occlusion(), "at least 56 pixels, got 8"),
        (IMAGES, lambda made: made.occlusion(mask="gaussian:0"), "`mask` must be 'gaussian:N'"),
        (
            IMAGES,
            lambda made: made.uncertainty(networks=[LinearNetwork(np.eye(5, 288)), LinearNetwork(np.eye(5, 288))]),
            "`networks` must have an output for each of 4 labels, got 5",
        ),
        (
            IMAGES,
            lambda made: made.uncertainty(augment=lambda image, rng: image[:, 1:]),
            r"`augment` must give finite images of shape \(3, 8, 12\)",
        ),
    ],
)
def test_a_failed_check_leaves_the_folder_as_it_was(
    setting: Make, images: FloatArray, register: Callable[[Setting], None], message: str
) -> None:
    made = setting(images).register("saliency")
    made.runner.run()
    before = {path: path.is_file() and path.read_bytes() for path in made.folder.rglob("*")}
    sink = Collector()
    made.runner.register_sink(sink)
    with pytest.raises(ValueError, match=message):
        register(made)  # some are refused here already
        made.runner.run()
    assert {path: path.is_file() and path.read_bytes() for path in made.folder.rglob("*")} == before
    assert sink.records == []


def state_of(network: nn.Cell) -> Any:
    """Everything of a network that a run might touch."""
    cells = [
        (name, id(cell), type(cell), cell.training, cell.requires_grad, cell.phase, cell.has_bprop)
        for name, cell in network.cells_and_names()
    ]
    parameters = [
        (entry.name, id(entry), entry.requires_grad, entry.asnumpy().tobytes()) for entry in network.get_parameters()
    ]
    return cells, parameters, mindspore.get_context("mode")


def half_trained() -> NormalisedCnn:
    """A network in training, but for its norm, with gradients, but for its last layer; one weight frozen."""
    network = NormalisedCnn(3)
    network.set_train(True)
    network.set_grad(True)
    network.fc.set_grad(False)
    network.norm.set_train(False)
    network.conv.weight.requires_grad = False
    return network


ALL = ("saliency", "uncertainty", "occlusion")


def test_a_run_of_all_jobs_leaves_the_network_as_it_was(setting: Make) -> None:
    network = half_trained()
    made = setting(network=network, batch_size=2).register(*ALL)
    before = state_of(network)
    assert made.runner.run().samples == 4
    assert state_of(network) == before


def test_a_run_leaves_the_networks_of_an_ensemble_as_they_were(setting: Make) -> None:
    networks = [half_trained(), NormalisedCnn(3)]
    networks[1].norm.set_train(True)
    made = setting().register("saliency")
    made.uncertainty(networks=networks)
    before = list(map(state_of, networks))
    made.runner.run()
    assert list(map(state_of, networks)) == before


@pytest.mark.parametrize(
    ("names", "part"), [(("saliency", "uncertainty"), 1.0), (ALL, 1.0), (ALL, 0.5), (("occlusion",), 0.5)]
)
def test_a_run_whose_network_raises_leaves_it_as_it_was(
    setting: Make, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], part: float
) -> None:
    """In the last call of all, which is a draw of the last batch, or a step of its last search; and before."""
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")  # a compiled network does not count its calls
    network = FailingNetwork(half_trained(), 10**6)
    network.set_train(True)
    network.network.norm.set_train(False)
    setting(network=network).register(*names).runner.run()
    calls, network.calls = network.calls, 0
    network.good_calls = int(calls * part) - 1
    made = setting(network=network).register(*names)
    before = state_of(network)
    with pytest.raises(RuntimeError, match="the network failed on purpose"):
        made.runner.run()
    assert network.calls == network.good_calls + 1
    assert state_of(network) == before


@pytest.mark.parametrize("kind", [RunMetadata, EditTree, Uncertainty, SampleDone])
def test_a_run_whose_sink_raises_leaves_the_network_and_the_samples_before(setting: Make, kind: type) -> None:
    network = half_trained()
    made = setting(network=network, batch_size=3).register(*ALL)
    made.runner.register_sink(Collector(fail_at=kind))
    before = state_of(network)
    with pytest.raises(OSError, match="the sink failed on purpose"):
        made.runner.run()
    assert state_of(network) == before
    found = read_run(made.folder)
    assert (list(found.samples), found.ended) == ([0] if kind is SampleDone else [], False)  # the summary comes first
