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
        ("Localization", "needs bounding boxes"),
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
