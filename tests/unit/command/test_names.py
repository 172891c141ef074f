"""Explainers and metrics from text, on the way through the command."""

import re

import numpy as np
import pytest
from photo_runs import run_of

from explainer.explanation import GradCAM, Gradient


@pytest.mark.parametrize(
    ("explainers", "message"),
    [
        ("Gradeint", "`--explainers` must be one of "),
        ("Gradeint", "got 'Gradeint'; did you mean 'Gradient'"),
        ("Attribution", "got 'Attribution'"),
        ("GradCAM:layr=conv2", "`--explainers: option of GradCAM` must be one of layer, name, batch_size, got 'layr'"),
        ("GradCAM:conv2", "--explainers: options of GradCAM are written key=value, got 'conv2'"),
        ("GradCAM:layer=conv9", "`layer` must name a cell of SmallCnn, got 'conv9'; did you mean"),
        ("Gradient,Gradient", "`explainers` must be distinct, got 'Gradient' twice; pass name="),
        (" , ", "`explainers` must hold at least one explainer"),
        ("Gradient:batch_size=0", "`batch_size` must be at least 1, got 0"),
        ("Gradient:batch_size=few", "`batch_size` must be a whole number, got str 'few'"),
    ],
)
def test_explainers_that_cannot_be_made_are_told_with_exit_status_2(refused, explainers, message):
    status, why = refused(network="folder_run_factories:small_cnn", explainers=explainers)
    assert status == 2
    assert message in why


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ("Sparsness", "`--metrics` must be one of "),
        ("Sparsness", "got 'Sparsness'; did you mean 'Sparseness'"),
        ("Metric", "got 'Metric'"),
        ("Case", "got 'Case'"),
        ("Robustness:tris=2", "`--metrics: option of Robustness` must be one of radius, "),
        ("Sparseness:num_labels=3", "`--metrics: option of Sparseness` must be one of "),
        ("Faithfulness:DeletionAUC", "--metrics: options of Faithfulness are written key=value, got 'DeletionAUC'"),
        ("Faithfulness:metric=Deletion", "`metric` must be one of NaiveFaithfulness, DeletionAUC, InsertionAUC"),
        ("Localization", "--metrics: PointingGame needs the boxes of objects, and no picture has one"),
        ("Sparseness,Sparseness", "`benchmarkers` must be distinct, got 'Sparseness' twice"),
    ],
)
def test_metrics_that_cannot_be_made_are_told_with_exit_status_2(refused, metrics, message):
    status, why = refused(network="folder_run_factories:small_cnn", metrics=metrics)
    assert status == 2
    assert message in why


def test_options_of_an_explainer_are_numbers_pairs_and_words(command, tmp_path):
    explainers = (
        "Occlusion:window=4x6:stride=3:fill=-0.5:signed=true:score=logit,"
        "RISE:masks=7:grid=3x2:probability=0.25,IntegratedGradients:steps=4:baseline=1,ScoreCAM:layer=conv1"
    )
    assert command(network="folder_run_factories:small_cnn", explainers=explainers)[0] == 0
    run = run_of(tmp_path)
    recorded = run.metadata.parameters["explainers"]
    occlusion = {"window": [4, 6], "stride": [3, 3], "fill": -0.5, "signed": True, "score": "logit"}
    assert recorded["Occlusion"] == {**recorded["Occlusion"], "class": "Occlusion", **occlusion}
    assert recorded["RISE"] == {**recorded["RISE"], "masks": 7, "grid": [3, 2], "probability": 0.25}
    gaps = {entry.explainer: entry.completeness_gap for entry in run.samples[0].maps}
    assert [name for name, gap in gaps.items() if gap is not None] == ["IntegratedGradients"]


def test_gradcam_takes_the_last_spatial_layer_where_none_is_named(command, tmp_path):
    assert command(network="folder_run_factories:small_cnn", explainers="GradCAM,LayerCAM")[0] == 0
    recorded = run_of(tmp_path).metadata.parameters["explainers"]
    assert recorded["GradCAM"] == {"class": "GradCAM", "layer": "auto", "chosen_layer": "relu2"}
    assert recorded["LayerCAM"]["chosen_layer"] == "relu2"


OWN = """
import numpy as np
from explainer.benchmark import Metric
from explainer.explanation import Attribution

class Flat(Attribution):
    def __init__(self, network, *, value=1.0, name=None):
        super().__init__(network, name=name, parameters={"value": value})
        self._value = value

    def _explain(self, images, targets):
        maps = np.zeros((*targets.shape, *images.shape[2:]), np.float32)
        maps[..., 1, 2] = self._value
        return maps

class Peak(Metric):
    name = "Peak"
    bounds = (0.0, float("inf"))

    def __init__(self, num_labels, times=1):
        self.settings = {"labels": num_labels, "times": times}

    def score(self, case):
        return self.settings["times"] * case.saliency.max(axis=(1, 2))

class Unfinished(Attribution):
    pass

class Choosy(Attribution):
    def __init__(self, network, window):
        raise KeyError(window)

    def _explain(self, images, targets):
        return None

def function(network):
    return None
"""


@pytest.fixture(scope="module")
def own(code):
    (code / "folder_run_own.py").write_text(OWN, encoding="utf-8")
    return "folder_run_own"


def test_classes_of_the_user_explain_and_score_with_their_options(command, own, tmp_path):
    status, _, error = command(
        explainers=f"Gradient,{own}:Flat:value=2.5,{own}:Flat:name=again", metrics=f"{own}:Peak:times=2"
    )
    assert (status, error) == (0, "")
    run = run_of(tmp_path)
    assert run.metadata.explainers == ("Gradient", "Flat", "again")
    assert run.metadata.parameters["explainers"]["Flat"] == {"class": "Flat", "value": 2.5}
    assert run.metadata.parameters["metrics"]["Peak"]["labels"] == 4
    scores = {(score.explainer, score.value) for score in run.samples[0].scores if score.explainer != "Gradient"}
    assert scores >= {("Flat", 5.0), ("again", 2.0)}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("folder_run_none:Flat", "--explainers: could not import 'folder_run_none' (ModuleNotFoundError: "),
        ("folder_run_own:Flt", "--explainers: folder_run_own has no function 'Flt'; did you mean 'Flat'?"),
        (
            "folder_run_own:function",
            "--explainers folder_run_own:function must be a subclass of explainer.explanation.",
        ),
        (
            "folder_run_own:Peak",
            "--explainers folder_run_own:Peak must be a subclass of explainer.explanation.Attribut",
        ),
        ("folder_run_own:Unfinished", "--explainers folder_run_own:Unfinished lacks _explain: define what its base"),
        ("folder_run_own:Flat:vlaue=2", "must be one of value, name, got 'vlaue'; did you mean 'value'?"),
        ("folder_run_own:Choosy", "--explainers must give window, for which folder_run_own:Choosy has no default"),
        (
            "folder_run_own:Choosy:window=3",
            "--explainers folder_run_own:Choosy:window=3 failed (KeyError: 3); --traceback shows where",
        ),
    ],
)
def test_classes_of_the_user_that_do_not_fit_are_told_before_any_work(refused, own, entry, message):
    status, why = refused(explainers=entry)
    assert status == 2
    assert message in why


def test_an_explainer_may_have_a_name_of_digits(command, tmp_path):
    assert command(explainers="Gradient:name=2021")[0] == 0
    assert run_of(tmp_path).metadata.explainers == ("2021",)


def test_metrics_score_the_maps(command, tmp_path):
    metrics = "Sparseness, Faithfulness:metric=DeletionAUC:steps=3:fill=0.5,ClassSensitivity"
    assert command(network="folder_run_factories:small_cnn", metrics=metrics)[0] == 0
    run = run_of(tmp_path)
    assert run.metadata.metrics == ("Sparseness", "DeletionAUC", "ClassSensitivity")
    deletion = run.metadata.parameters["metrics"]["DeletionAUC"]
    assert (deletion["steps"], deletion["fill"]) == (3, 0.5)
    assert len(run.benchmarks) == 3 and len(run.samples[0].curves[0].fractions) == 4


def test_explainers_are_made_with_their_options(command, checkpoints, tmp_path):
    folder, networks = checkpoints
    status, output, _ = command(
        network="folder_run_factories:small_cnn",
        checkpoint=folder / "small_cnn.ckpt",
        explainers="Gradient, GradCAM:layer=conv2,Gradient:name=small steps:batch_size=2",
    )
    assert status == 0
    run = run_of(tmp_path)
    assert run.metadata.explainers == ("Gradient", "GradCAM", "small steps")
    assert run.metadata.parameters["explainers"]["GradCAM"] == {"class": "GradCAM", "layer": "conv2"}
    assert re.search(rf"\n5 complete .* {sum(len(sample.maps) for sample in run.samples.values())}\n", output)
    network = networks["small_cnn"]
    explainers = {"Gradient": Gradient(network), "GradCAM": GradCAM(network, layer="conv2")}
    explainers["small steps"] = explainers["Gradient"]
    for sample in run.samples.values():
        image = (run.picture(sample.image) / np.float32(255)).transpose(2, 0, 1)[None].astype(np.float32)
        for entry in sample.maps:
            expected = explainers[entry.explainer](image, entry.label)[0, 0]
            tolerance = (entry.high - entry.low) / 510 + 1e-5 * np.abs(expected).max()  # half a grey step, float32
            np.testing.assert_allclose(run.saliency(entry), expected, rtol=0, atol=tolerance)
