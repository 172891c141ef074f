"""The ReLU rules are what their papers say, for arrays and for tensors."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from mindspore import Tensor

from explainer.relu_rules import ReluRule, deconvolution, guided, plain

CASES = np.array(list(product([-2.0, 0.0, 3.0], [-5.0, 0.0, 7.0])), np.float32).T
UPSTREAM, RELU_INPUT = CASES

RULES = [
    (plain, [UPSTREAM[i] if RELU_INPUT[i] > 0 else 0 for i in range(9)]),
    (deconvolution, [max(UPSTREAM[i], 0) for i in range(9)]),
    (guided, [max(UPSTREAM[i], 0) if RELU_INPUT[i] > 0 else 0 for i in range(9)]),
]


@pytest.mark.parametrize(("rule", "wanted"), RULES)
def test_a_rule_passes_back_what_its_paper_says(rule: ReluRule, wanted: list[float]) -> None:
    np.testing.assert_array_equal(rule(UPSTREAM, RELU_INPUT), wanted)


@pytest.mark.parametrize(("rule", "wanted"), RULES)
def test_a_rule_takes_tensors_as_it_takes_arrays(rule: ReluRule, wanted: list[float]) -> None:
    np.testing.assert_array_equal(rule(Tensor(UPSTREAM), Tensor(RELU_INPUT)).asnumpy(), wanted)


def test_guided_is_what_both_other_rules_let_pass() -> None:
    both = deconvolution(plain(UPSTREAM, RELU_INPUT), RELU_INPUT)
    np.testing.assert_array_equal(guided(UPSTREAM, RELU_INPUT), both)
