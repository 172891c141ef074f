"""Two runs compared, by hand."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from paired_runs import MAP, METADATA, Item, write
from scipy.stats import spearmanr

from explainer.analysis.comparison import compare_runs
from explainer.analysis.score_changes import BETTER, SAME, UNCLEAR, WORSE
from explainer.analysis.statistics import difference_of, summary_of
from explainer.errors import ComparisonError, SummaryReadError
from explainer.records import RunMetadata

NAN = math.nan
DELETION, POINTING = ("DeletionAUC", "GradCAM"), ("PointingGame", "GradCAM")


def compared(
    folder: Path, first: Sequence[Item], second: Sequence[Item], metadata: RunMetadata = METADATA
) -> dict[str, Any]:
    return compare_runs(write(folder / "a", first), write(folder / "b", second, metadata))


def scored(values: Sequence[float], method: tuple[str, str] = DELETION) -> list[Item]:
    return [Item(number, f"{number}.png", scores={(*method, 1): value}) for number, value in enumerate(values)]


# ------------------------------------------------- scores


def test_scores_of_paired_samples_have_means_and_a_mean_difference(tmp_path: Path) -> None:
    before, after = [0.5, 0.25, 0.75, 0.5, 0.625, 0.375], [0.25, 0.25, 0.5, 0.375, 0.5, 0.125]
    extra = Item(9, "only.png", scores={(*DELETION, 1): 1.0})
    (score,) = compared(tmp_path, scored(before), [extra, *reversed(scored(after))])["scores"]
    wanted = difference_of(before, after, (0, 1))
    assert score["a"]["mean"] == 0.5
    assert score["b"]["mean"] == pytest.approx(2 / 6)
    assert score["difference"] == {"mean": -1 / 6, "low": wanted.low, "high": wanted.high}
    assert (score["a"]["low"], score["a"]["high"]) == summary_of(before)[3:5]
    assert (score["samples"], score["undefined_pairs"]) == (6, 0)
    assert (score["metric"], score["explainer"], score["control"]) == (*DELETION, False)


@pytest.mark.parametrize(
    ("method", "shift", "verdict"),
    [(DELETION, -0.25, BETTER), (DELETION, 0.25, WORSE), (DELETION, 0.0, UNCLEAR), (POINTING, 0.25, BETTER)],
)
def test_the_verdict_follows_the_direction_of_the_metric(
    tmp_path: Path, method: tuple[str, str], shift: float, verdict: str
) -> None:
    before = [0.5, 0.25, 0.625, 0.375, 0.5, 0.6875]
    noise = [0.01, -0.01, 0.02, -0.02, 0.03, -0.03]
    after = [value + shift + more for value, more in zip(before, noise, strict=True)]
    (score,) = compared(tmp_path, scored(before, method), scored(after, method))["scores"]
    assert score["verdict"] == verdict
    assert score["higher_is_better"] == (method == POINTING)


def test_fewer_than_five_samples_have_no_interval_and_no_verdict(tmp_path: Path) -> None:
    (score,) = compared(tmp_path, scored([0.5] * 4), scored([0.25] * 4))["scores"]
    assert score["difference"] == {"mean": -0.25, "low": None, "high": None}
    assert score["verdict"] is None


BOUNDLESS = ("Distance", "GradCAM")
NEARLY_ALL_THE_SAME = [0.0] * 98 + [3e-5, 3e-5]


@pytest.mark.parametrize(
    ("method", "changes", "verdict"),
    [
        (DELETION, [0.0] * 6, SAME),
        (DELETION, [1e-7] * 6, SAME),  # an interval that does not hold 0
        (DELETION, [9e-6] * 3, SAME),  # nothing is inferred, so three are enough
        (DELETION, NEARLY_ALL_THE_SAME, SAME),
        (DELETION, [2e-5, 3e-5] * 3, WORSE),
        (POINTING, [0.0] * 6, SAME),
        (BOUNDLESS, [4e-6] * 6, SAME),  # of scores of 0.5
        (BOUNDLESS, [1e-5, 2e-5] * 3, BETTER),
    ],
)
def test_scores_that_differ_by_rounding_are_the_same(
    tmp_path: Path, method: tuple[str, str], changes: list[float], verdict: str
) -> None:
    before = [1.0, 0.0] * 3 if method == POINTING else [0.5] * len(changes)
    after = [value + change for value, change in zip(before, changes, strict=True)]
    (score,) = compared(tmp_path, scored(before, method), scored(after, method))["scores"]
    assert score["verdict"] == verdict


def test_an_accuracy_of_which_no_sample_changed_is_the_same(tmp_path: Path) -> None:
    items = [Item(number, f"{number}.png", truth=(number % 2,)) for number in range(6)]
    found = compared(tmp_path, items, items)["predictions"]
    assert (found["a"]["mean"], found["verdict"]) == (0.5, SAME)


def test_a_pair_with_an_undefined_score_is_counted_and_left_out(tmp_path: Path) -> None:
    (score,) = compared(tmp_path, scored([0.5, NAN, 0.25, 0.0]), scored([0.75, 0.5, NAN, 0.5]))["scores"]
    assert (score["samples"], score["undefined_pairs"]) == (2, 2)
    assert (score["a"]["mean"], score["difference"]["mean"]) == (0.25, 0.375)


def test_a_sample_counts_once_with_the_labels_that_both_runs_scored(tmp_path: Path) -> None:
    first = Item(0, "x", scores={(*DELETION, 0): 0.25, (*DELETION, 1): 0.5, (*DELETION, 2): 1.0})
    second = Item(0, "x", scores={(*DELETION, 0): 0.5, (*DELETION, 1): 0.75})
    other = Item(1, "y", scores={(*DELETION, 1): 0.0})
    (score,) = compared(tmp_path, [first, other], [second, other])["scores"]
    assert (score["a"]["mean"], score["b"]["mean"], score["samples"]) == (0.1875, 0.3125, 2)


def test_scores_stand_by_metric_and_controls_are_told(tmp_path: Path) -> None:
    rise = ("DeletionAUC", "RISE")
    items = [Item(0, "x", scores={(*DELETION, 1): 0.5, (*POINTING, 1): 1.0, (*rise, 1): 0.5, ("Other", "RISE", 1): 0})]
    metadata = replace(METADATA, parameters={**METADATA.parameters, "controls": {"RISE": {}}})
    found = compare_runs(write(tmp_path / "a", items, metadata), write(tmp_path / "b", items[:1], metadata))["scores"]
    assert [(score["metric"], score["explainer"]) for score in found] == [DELETION, rise, POINTING, ("Other", "RISE")]
    assert [score["control"] for score in found] == [False, True, False, True]


def test_a_metric_with_two_directions_is_refused(tmp_path: Path) -> None:
    other = replace(METADATA, parameters={"metrics": {"DeletionAUC": {"higher_is_better": True}}})
    with pytest.raises(ComparisonError, match=r"higher values of DeletionAUC are better in one .* lower ones"):
        compared(tmp_path, scored([0.5]), scored([0.5]), other)


# ------------------------------------------------- predictions

CAT, DOG = (0.75, 0.125, 0.125), (0.125, 0.75, 0.125)


def test_what_became_correct_and_incorrect_is_counted_and_named(tmp_path: Path) -> None:
    first = [Item(number, f"{number}.png", probabilities=DOG) for number in range(10)]
    second = [*(item.but(probabilities=CAT) for item in first[:1]), *first[1:]]
    first[2:6] = [item.but(probabilities=CAT) for item in first[2:6]]
    second[5] = first[5]
    found = compared(tmp_path, first, second)["predictions"]
    assert (found["both_correct"], found["both_incorrect"], found["samples"]) == (5, 1, 10)
    assert [sample["name"] for sample in found["became_correct"]] == ["2.png", "3.png", "4.png"]
    assert found["became_incorrect"] == [
        {
            "name": "0.png",
            "sample_a": 0,
            "sample_b": 0,
            "true_labels": ["dog"],
            "a": {"label": "dog", "probability": 0.75},
            "b": {"label": "cat", "probability": 0.75},
        }
    ]
    assert (found["a"]["mean"], found["b"]["mean"]) == (0.6, 0.8)
    wanted = difference_of([1, 1, 0, 0, 0, 0, 1, 1, 1, 1], [0, 1, 1, 1, 1, 0, 1, 1, 1, 1], (0, 1))
    assert found["difference"] == {"mean": pytest.approx(0.2), "low": wanted.low, "high": wanted.high}
    assert found["verdict"] == UNCLEAR
    assert found["other_top_label"] == 4


def test_another_label_that_makes_nothing_correct_or_incorrect_is_named_too(tmp_path: Path) -> None:
    eel = (0.125, 0.125, 0.75)
    first = [Item(0, "a"), Item(1, "b", truth=(1, 2)), Item(2, "c", truth=()), Item(3, "d", truth=(0,)), Item(4, "e")]
    second = [first[0], *(item.but(probabilities=eel) for item in first[1:4]), first[4].but(probabilities=CAT)]
    second[2] = replace(second[2], truth=(1,))
    found = compared(tmp_path, first, second)["predictions"]
    names = [(sample["name"], sample["a"]["label"], sample["b"]["label"]) for sample in found["relabelled"]]
    assert names == [("b", "dog", "eel"), ("c", "dog", "eel"), ("d", "dog", "eel")]
    assert [sample["name"] for sample in found["became_incorrect"]] == ["e"]
    assert found["other_top_label"] == 4


def test_samples_without_a_true_label_or_with_another_one_are_left_out_of_the_accuracy(tmp_path: Path) -> None:
    first = [Item(0, "a"), Item(1, "b", truth=()), Item(2, "c", truth=(0,)), Item(3, "d", truth=(2, 1))]
    second = [Item(0, "a"), Item(1, "b"), Item(2, "c"), Item(3, "d", truth=(1, 2))]
    found = compared(tmp_path, first, second)["predictions"]
    assert (found["samples"], found["other_true_labels"], found["both_correct"]) == (2, 1, 2)


def test_without_true_labels_the_accuracy_is_undefined(tmp_path: Path) -> None:
    found = compared(tmp_path, [Item(0, truth=())], [Item(0, truth=(), probabilities=CAT)])["predictions"]
    assert (found["samples"], found["a"]["mean"], found["verdict"]) == (0, None, None)
    assert found["other_top_label"] == 1


# ------------------------------------------------- maps


def test_maps_have_the_mean_of_their_rank_correlations(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pairs = [(MAP, rng.permutation(35).reshape(5, 7)) for _ in range(7)]
    first = [Item(n, f"{n}", maps={("RISE", 1): a, ("GradCAM", 0): a}) for n, (a, _) in enumerate(pairs)]
    second = [Item(n, f"{n}", maps={("GradCAM", 0): -3 * a, ("RISE", 1): b}) for n, (a, b) in enumerate(pairs)]
    rise, gradcam = compared(tmp_path, first, second)["maps"]
    wanted = [spearmanr(a.ravel(), b.ravel())[0] for a, b in pairs]
    assert (rise["explainer"], gradcam["explainer"]) == ("RISE", "GradCAM")
    assert rise["mean"] == pytest.approx(np.mean(wanted), abs=1e-12)
    assert rise["median"] == pytest.approx(np.median(wanted), abs=1e-12)
    assert [entry["sample_a"] for entry in rise["most_changed"]] == np.argsort(wanted)[:5].tolist()
    assert rise["most_changed"][0]["correlation"] == rise["lowest"] == pytest.approx(min(wanted), abs=1e-12)
    assert (gradcam["mean"], gradcam["samples"]) == (-1, 7)
    assert [entry["name"] for entry in gradcam["most_changed"]] == ["0", "1", "2", "3", "4"]


def test_a_sample_s_labels_are_averaged_and_those_of_one_run_left_out(tmp_path: Path) -> None:
    first = [Item(0, "x", maps={("RISE", 0): MAP, ("RISE", 1): MAP, ("RISE", 2): MAP})]
    second = [Item(0, "x", maps={("RISE", 0): MAP, ("RISE", 1): -MAP})]
    (found,) = compared(tmp_path, first, second)["maps"]
    assert (found["mean"], found["samples"]) == (0, 1)


def test_constant_unreadable_and_resized_maps_are_counted(tmp_path: Path) -> None:
    coarse = np.repeat(np.repeat(MAP, 2, axis=0), 2, axis=1)
    maps = [MAP, MAP, MAP, MAP * 0]
    others = [MAP, coarse, MAP, MAP]
    first = write(tmp_path / "a", [Item(n, str(n), maps={("RISE", 1): one}) for n, one in enumerate(maps)])
    second = write(tmp_path / "b", [Item(n, str(n), maps={("RISE", 1): one}) for n, one in enumerate(others)])
    (lost,) = second.glob("_explain_*/heatmap/RISE/0/2_1.png")
    lost.unlink()
    (found,) = compare_runs(first, second)["maps"]
    assert (found["constant_pairs"], found["unreadable_pairs"], found["resized_pairs"]) == (1, 1, 1)
    assert found["samples"] == 2
    assert found["mean"] > 0.99


def test_a_map_of_too_many_pixels_is_not_read(tmp_path: Path) -> None:
    items = [Item(0, "x", maps={("RISE", 1): MAP})]
    first, second = write(tmp_path / "a", items), write(tmp_path / "b", items)
    (found,) = compare_runs(first, second, most_pixels=34)["maps"]
    assert (found["unreadable_pairs"], found["mean"]) == (1, None)


# ------------------------------------------------- what is compared


def test_every_setting_that_differs_is_told(tmp_path: Path) -> None:
    other = replace(
        METADATA,
        explainers=("GradCAM", "Gradient"),
        parameters={
            **METADATA.parameters,
            "seed": 8,
            "explainers": {"GradCAM": {"layer": "conv3"}, "RISE": {"masks": 500}},
        },
    )
    found = compared(tmp_path, [Item(0)], [Item(0)], other)
    assert found["differences"] == [
        {"name": "explainers.GradCAM.layer", "a": "conv2", "b": "conv3"},
        {"name": "seed", "a": 7, "b": 8},
    ]
    assert found["explainers"] == {"in_both": ["GradCAM"], "only_in_a": ["RISE"], "only_in_b": ["Gradient"]}
    assert found["metrics"]["only_in_a"] == found["metrics"]["only_in_b"] == []


def test_the_pairs_are_told_and_other_images_counted(tmp_path: Path) -> None:
    first = [Item(0, "a", b"1" * 16), Item(1, "b", b"2" * 16), Item(2, "c", b"3" * 16)]
    second = [Item(0, "b", b"2" * 16), Item(1, "d", b"4" * 16), Item(2, "a", b"9" * 16)]
    assert compared(tmp_path, first, second)["paired"] == {
        "by": "source",
        "samples": 2,
        "pairs": [[0, 2], [1, 0]],
        "only_in_a": ["c"],
        "only_in_b": ["d"],
        "other_input": 1,
        "input_unknown": 0,
    }


def test_runs_of_earlier_versions_are_paired_by_their_pictures(tmp_path: Path) -> None:
    pictures = [np.full((4, 4), grey, np.uint8) for grey in (1, 2, 3)]
    first = [Item(number, pixels=picture) for number, picture in enumerate(pictures)]
    second = [Item(number, pixels=picture) for number, picture in enumerate(pictures[:0:-1])]
    found = compared(tmp_path, first, second)["paired"]
    assert (found["by"], found["pairs"]) == ("picture_digest", [[1, 1], [2, 0]])
    assert found["only_in_a"] == ["sample 0"]
    assert found["input_unknown"] == 2


def test_two_runs_of_one_folder_are_compared(tmp_path: Path) -> None:
    write(tmp_path, scored([0.5] * 3))
    write(tmp_path, scored([0.25] * 3), clock=1700000100)
    found = compare_runs(tmp_path, tmp_path, run_a=1700000000)
    assert found["scores"][0]["difference"]["mean"] == -0.25
    assert found["a"]["event_file"] != found["b"]["event_file"]
    assert (found["a"]["state"], found["a"]["samples"]) == ("ended", 3)
    same = compare_runs(tmp_path, tmp_path)
    assert same["differences"] == []
    assert same["scores"][0]["difference"]["mean"] == 0


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (("cat", "dog"), "they have 3 and 2 labels"),
        (("cat", "eel", "dog"), "the same labels in another order"),
        (("cat", "fox", "eel"), "label 1 is 'dog' in the first and 'fox' in the second"),
    ],
)
def test_other_labels_are_refused(tmp_path: Path, labels: tuple[str, ...], told: str) -> None:
    short = Item(0, probabilities=(0.25, 0.75, 0.0)[: len(labels)])
    with pytest.raises(ComparisonError, match=f"labels differ: .*{told}"):
        compared(tmp_path, [Item(0)], [short], replace(METADATA, labels=labels))


def test_what_is_no_summary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SummaryReadError, match="found no summary"):
        compare_runs(write(tmp_path / "a", [Item(0)]), tmp_path / "b")


def test_the_facts_are_json(tmp_path: Path) -> None:
    found = compared(tmp_path, scored([NAN, 0.5]), scored([NAN, NAN]))
    assert found["scores"][0]["difference"] == {"mean": None, "low": None, "high": None}
    assert json.loads(json.dumps(found, allow_nan=False)) == found
