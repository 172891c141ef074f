"""What is other in the settings of two runs."""

from __future__ import annotations

from explainer.summary.settings import differences, mapping


def test_settings_are_compared_one_by_one() -> None:
    first = {"seed": 7, "explainers": {"GradCAM": {"layer": "a", "name": "x"}, "RISE": {"masks": 9}}, "old": 0}
    second = {"seed": 8, "explainers": {"GradCAM": {"layer": "b", "name": "x"}}, "new": [1, 2]}
    assert list(differences(first, second)) == [
        ("seed", 7, 8),
        ("explainers.GradCAM.layer", "a", "b"),
        ("explainers.RISE", {"masks": 9}, None),
        ("old", 0, None),
        ("new", None, [1, 2]),
    ]


def test_lists_are_compared_as_one_and_kinds_with_one_another() -> None:
    assert list(differences({"std": [1, 2]}, {"std": [1, 3]})) == [("std", [1, 2], [1, 3])]
    assert list(differences({"data": {"size": 3}}, {"data": "digits"})) == [("data", {"size": 3}, "digits")]


def test_what_is_alike_is_no_difference() -> None:
    assert list(differences({"a": {"b": [1, {"c": None}]}}, {"a": {"b": [1, {"c": None}]}})) == []
    assert list(differences({"a": None}, {})) == []


def test_what_is_no_mapping_has_no_settings() -> None:
    assert mapping(["a"]) == {} == mapping(None)
    assert mapping({"a": 1}) == {"a": 1}
