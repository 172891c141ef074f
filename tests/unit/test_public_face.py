"""The public names, and the constructors and calls that scripts written for mindspore.explainer rely on."""

import inspect
from importlib.metadata import entry_points

import pytest

import explainer
import explainer.benchmark
import explainer.explanation
from explainer import ImageClassificationRunner, RunOptions

PLACES = inspect.Parameter.POSITIONAL_OR_KEYWORD

# What scripts write before the first name of ours: the parameters of the reference by place, with their defaults.
REFERENCE = {
    "explanation": {
        "Deconvolution": "network",
        "GradCAM": "network, layer=''",
        "Gradient": "network",
        "GuidedBackprop": "network",
        "Occlusion": "network, activation_fn, perturbation_per_eval=32",
        "RISE": "network, activation_fn, perturbation_per_eval=32",
    },
    "benchmark": {
        "ClassSensitivity": "",
        "Faithfulness": "num_labels, activation_fn, metric='NaiveFaithfulness'",
        "Localization": "num_labels, metric='PointingGame'",
        "Robustness": "num_labels, activation_fn",
    },
}
# What the other methods take by place: whoever knows one of the reference knows these.
BESIDE = {
    "GradCAMPlusPlus": "network, layer='auto'",
    "HiResCAM": "network, layer='auto'",
    "InputXGradient": "network",
    "IntegratedGradients": "network",
    "KernelSHAP": "network, activation_fn, perturbation_per_eval=32",
    "LIME": "network, activation_fn, perturbation_per_eval=32",
    "LayerCAM": "network, layer='auto'",
    "ScoreCAM": "network, layer='auto'",
    "SmoothGrad": f"network, method={explainer.explanation.Gradient!r}",
}
KEPT = [
    (room, name)
    for room, classes in REFERENCE.items()
    for name in classes
    if name in getattr(explainer, room).__all__  # the others are held to the reference once they are built
]


def by_place(function):
    """The parameters that can be given by place, as they are written."""
    parameters = [entry for entry in inspect.signature(function).parameters.values() if entry.kind is PLACES]
    written = [
        entry.name if entry.default is entry.empty else f"{entry.name}={entry.default!r}" for entry in parameters
    ]
    return ", ".join(name for name in written if name != "self")


def by_name_only(function):
    parameters = inspect.signature(function).parameters.values()
    return [entry.name for entry in parameters if entry.kind is inspect.Parameter.KEYWORD_ONLY]


def test_the_package_has_these_names():
    assert explainer.__all__ == [
        "ExplainerError",
        "ImageClassificationRunner",
        "OcclusionSensitivity",
        "Preprocess",
        "RunOptions",
        "RunResult",
        "RunView",
        "WrittenReport",
        "__version__",
        "figure",
        "merge",
        "open_run",
        "overlay",
        "read_run",
        "show",
        "spotlight",
        "write_report",
    ]


def test_the_explanations_are_these():
    assert explainer.explanation.__all__ == [
        "LIME",
        "RISE",
        "Attribution",
        "Deconvolution",
        "GradCAM",
        "GradCAMPlusPlus",
        "Gradient",
        "GuidedBackprop",
        "HiResCAM",
        "InputXGradient",
        "IntegratedGradients",
        "KernelSHAP",
        "LayerCAM",
        "Occlusion",
        "ScoreCAM",
        "SmoothGrad",
    ]


def test_the_benchmarks_are_these():
    assert explainer.benchmark.__all__ == [
        "MPRT",
        "ROAD",
        "AttributionAUC",
        "AvgSensitivity",
        "Cascade",
        "Case",
        "ClassSensitivity",
        "Completeness",
        "Complexity",
        "Curve",
        "EfficientMPRT",
        "EnergyPointingGame",
        "Faithfulness",
        "Infidelity",
        "LabelMetric",
        "Localization",
        "MaxSensitivity",
        "Metric",
        "RandomLogit",
        "RelevanceMass",
        "RelevanceRank",
        "Robustness",
        "ScoreBoard",
        "Sparseness",
    ]


@pytest.mark.parametrize("module", [explainer, explainer.explanation, explainer.benchmark])
def test_every_name_is_there_sorted_and_documented(module):
    assert module.__all__ == sorted(module.__all__, key=lambda name: (not name.isupper(), name))  # as ruff sorts them
    for name in module.__all__:
        value = getattr(module, name)
        assert isinstance(value, str) or inspect.getdoc(value), name


@pytest.mark.parametrize(("room", "name"), KEPT)
def test_a_constructor_takes_what_the_reference_takes_by_place_and_order(room, name):
    assert by_place(getattr(getattr(explainer, room), name)) == REFERENCE[room][name]


def test_every_method_of_the_reference_is_there():
    assert REFERENCE["explanation"].keys() <= set(explainer.explanation.__all__)


def test_the_other_methods_take_these_by_place_and_order():
    ours = set(explainer.explanation.__all__) - REFERENCE["explanation"].keys() - {"Attribution"}
    assert {name: by_place(getattr(explainer.explanation, name)) for name in ours} == BESIDE


def test_the_runner_takes_what_the_reference_takes_by_place_and_order():
    assert by_place(ImageClassificationRunner) == "summary_dir, data, network, activation_fn"
    assert by_name_only(ImageClassificationRunner) == ["options"]
    assert by_place(ImageClassificationRunner.register_saliency) == "explainers, benchmarkers=None"
    assert by_place(ImageClassificationRunner.run) == ""


def test_what_is_ours_beside_the_reference_goes_by_name_only():
    assert by_place(RunOptions) == ""
    for name in explainer.explanation.__all__:
        assert "name" in by_name_only(getattr(explainer.explanation, name))


def test_an_explanation_is_asked_with_inputs_and_targets():
    assert by_place(explainer.explanation.Attribution.__call__) == "inputs, targets"
    for name in explainer.explanation.__all__:
        assert "__call__" not in vars(getattr(explainer.explanation, name)) or name == "Attribution"


def test_the_command_is_installed_under_its_name():
    found = [command.value for command in entry_points(group="console_scripts", name="explainer")]
    if not found:
        pytest.skip("the package is on the path, but not installed")
    assert set(found) == {"explainer.command.main:main"}  # twice where an older checkout left its name
