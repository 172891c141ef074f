"""Every metric of ours has words in a report, and no word promises another direction than the metric's."""

from __future__ import annotations

import inspect

import pytest
from mindspore import nn

from explainer import benchmark
from explainer.benchmark.base import Metric
from explainer.report.metric_words import words_of

ROWS = [("Faithfulness", metric) for metric in ("NaiveFaithfulness", "DeletionAUC", "InsertionAUC")]
ROWS += [("Localization", metric) for metric in ("PointingGame", "IoSR")]
ROWS += [("ROAD", order) for order in ("combined", "MoRF", "LeRF")]
OTHERS = [
    name
    for name in benchmark.__all__
    if isinstance(kind := getattr(benchmark, name), type)
    and issubclass(kind, Metric)
    and not inspect.isabstract(kind)
    and name not in {kind for kind, _ in ROWS}
]


def made(name: str, *variant: str) -> Metric:
    kind = getattr(benchmark, name)
    given = {"num_labels": 3, "activation_fn": nn.Softmax()}
    taken = {key: value for key, value in given.items() if key in inspect.signature(kind).parameters}
    return kind(*taken.values(), *variant)


@pytest.mark.parametrize(("name", "variant"), [*((name, "") for name in OTHERS), *ROWS])
def test_a_metric_has_its_question_and_its_formula(name, variant):
    words = words_of(made(name, *([variant] if variant else [])).parameters)
    assert words.question.endswith("?")
    assert words.formula


def test_variants_have_words_of_their_own():
    assert len({words_of(made(*row).parameters) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("settings", [{}, {"class": 7}, {"class": "ROAD", "order": []}, {"class": "Faithfulness"}])
def test_what_is_not_known_has_no_words(settings):
    assert words_of(settings) == ("", "", "")
