"""Intervals and entropies of draws: closed forms, coverage where the truth is known, and the limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from replicas import sigmoid
from scipy.stats import beta as beta_distribution
from scipy.stats import norm

from explainer.uncertainty.posterior import INTERVALS, Interval, beta_by_moments, entropies_of, interval_of

FloatArray = NDArray[Any]
CASES = 2000
DRAWS = np.random.default_rng(5).random((9, 3, 4))  # S, N, K

both_kinds = pytest.mark.parametrize("kind", INTERVALS)


def part_inside(interval: Interval, truth: FloatArray) -> float:
    """How many of the true values lie in their intervals, in percent."""
    return float(100 * ((interval.low <= truth) & (truth <= interval.high)).mean())


# The Beta distribution of two moments.


@pytest.mark.parametrize(("a", "b"), [(1, 1), (2, 5), (0.4, 0.7), (30, 1.5), (4000, 900)])
def test_a_beta_distribution_is_found_again_by_its_moments(a: float, b: float) -> None:
    known = beta_distribution(a, b)
    found = beta_by_moments(known.mean(), known.var())
    # The quantiles of what differs by rounding in a and b.
    np.testing.assert_allclose(found, [known.ppf(0.025), known.ppf(0.975), known.std()], rtol=1e-9)


def test_the_quantiles_of_the_powers_are_their_closed_forms() -> None:
    """Beta(a, 1) has the distribution function p ** a, Beta(1, b) the mirrored one."""
    a = np.array([0.5, 1, 3, 8])
    mean, variance = a / (a + 1), a / ((a + 1) ** 2 * (a + 2))
    rising, falling = beta_by_moments(mean, variance), beta_by_moments(1 - mean, variance)
    np.testing.assert_allclose(rising.low, 0.025 ** (1 / a), rtol=1e-9)
    np.testing.assert_allclose(rising.high, 0.975 ** (1 / a), rtol=1e-9)
    np.testing.assert_allclose(falling.low, 1 - 0.975 ** (1 / a), rtol=1e-9)
    np.testing.assert_allclose(falling.high, 1 - 0.025 ** (1 / a), rtol=1e-9)


def test_a_narrow_beta_is_nearly_normal() -> None:
    found = beta_by_moments(np.array([0.3, 0.8]), np.array([1e-8, 1e-8]))
    # Its skewness is (1 - 2 m) * 2e-4 / (m (1 - m)): below 1e-3 of a deviation.
    np.testing.assert_allclose(found.low, np.array([0.3, 0.8]) - norm.ppf(0.975) * 1e-4, atol=1e-7)
    np.testing.assert_allclose(found.high, np.array([0.3, 0.8]) + norm.ppf(0.975) * 1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("mean", "variance"), [(0.3, 0.0), (0.5, 0.25), (0.5, 0.3), (0.25, 0.1875), (0.0, 0.01), (1.0, 0.01), (0.0, 0.0)]
)
def test_without_such_a_distribution_both_ends_are_the_mean(mean: float, variance: float) -> None:
    assert [float(value) for value in beta_by_moments(np.array(mean), np.array(variance))] == [mean, mean, 0]


@pytest.mark.parametrize("exponent", range(-40, 0))
def test_ends_are_in_order_and_in_the_unit_interval_for_variances_of_every_size(exponent: int) -> None:
    means = np.array([1e-12, 1e-6, 0.001, 0.3, 0.5, 0.9, 1 - 1e-6])
    low, high, deviation = beta_by_moments(means, np.full(7, 10.0**exponent))
    assert ((low >= 0) & (low <= high) & (high <= 1)).all()
    assert set((deviation**2 / 10.0**exponent).round(9).tolist()) <= {0.0, 1.0}


# What intervals promise: they hold the truth.


def tosses(draws: int, seed: int, cases: int = CASES) -> tuple[FloatArray, FloatArray]:
    """Draws of the exact posterior of coins after 10 tosses, (S, N), and how often each coin truly shows heads, (N,).

    p ~ Beta(1, 1); after h heads in 10 tosses p ~ Beta(1 + h, 11 - h).
    """
    rng = np.random.default_rng(seed)
    truth = rng.random(cases)
    heads = rng.binomial(10, truth)
    return rng.beta(1 + heads, 11 - heads, (draws, cases)), truth


def linear_models(draws: int, seed: int, cases: int = CASES) -> tuple[FloatArray, FloatArray]:
    """Draws of p = sigmoid(w x) from the exact posterior of the weights of a linear model, (S, N), and the truth, (N,).

    w ~ N(0, I); y = X w + noise of variance v; then w ~ N(m, C), with C = (I + X'X / v)^-1 and m = C X'y / v.
    """
    rng = np.random.default_rng(seed)
    design, variance = rng.standard_normal((8, 3)), 0.64
    weights = rng.standard_normal((cases, 3))
    seen = weights @ design.T + np.sqrt(variance) * rng.standard_normal((cases, 8))
    covariance = np.linalg.inv(np.eye(3) + design.T @ design / variance)
    means = seen @ design @ covariance / variance
    drawn = means + rng.standard_normal((draws, cases, 3)) @ np.linalg.cholesky(covariance).T
    asked = 2 * rng.standard_normal((cases, 3))
    return sigmoid((drawn * asked).sum(axis=2)), sigmoid((weights * asked).sum(axis=1))


@both_kinds
def test_ninety_five_of_a_hundred_coins_are_in_the_intervals_of_fifty_draws(kind: str) -> None:
    drawn, truth = tosses(50, seed=1)
    assert 93 < part_inside(interval_of(drawn, kind), truth) < 97


@both_kinds
def test_ninety_five_of_a_hundred_linear_models_are_in_the_intervals_of_fifty_draws(kind: str) -> None:
    drawn, truth = linear_models(50, seed=1)
    assert 93 < part_inside(interval_of(drawn, kind), truth) < 97


# Three standard errors of 2,000 cases are 2 % or less.
@pytest.mark.parametrize(("draws", "promised"), [(5, 85), (10, 90), (50, 94)])
def test_beta_intervals_of_few_draws_hold_the_truth_as_often_as_documented(draws: int, promised: float) -> None:
    drawn, truth = tosses(draws, seed=2)
    assert part_inside(interval_of(drawn, "beta"), truth) == pytest.approx(promised, abs=2)


@pytest.mark.parametrize("draws", [2, 5, 10, 39])
def test_quantiles_of_few_draws_are_the_least_and_the_largest(draws: int) -> None:
    """Of S + 1 draws of one distribution, two in S + 1 are the least or the largest: so often the truth is outside."""
    drawn, truth = tosses(draws, seed=3, cases=20000)
    found = interval_of(drawn, "quantile")
    np.testing.assert_array_equal(found.low, drawn.min(axis=0))
    np.testing.assert_array_equal(found.high, drawn.max(axis=0))
    wanted = (draws - 1) / (draws + 1)
    # 20,000 cases: three standard errors.
    error = 100 * 3 * np.sqrt(wanted * (1 - wanted) / 20000)
    assert part_inside(found, truth) == pytest.approx(100 * wanted, abs=error)


# The interval of draws.


def test_a_beta_interval_is_that_of_the_mean_and_the_unbiased_variance_of_the_draws() -> None:
    found = interval_of(DRAWS)
    mean = DRAWS.sum(axis=0) / 9
    variance = ((DRAWS - mean) ** 2).sum(axis=0) / 8
    wanted = beta_by_moments(mean, variance)
    np.testing.assert_allclose(found.low, wanted.low, rtol=1e-12)
    np.testing.assert_allclose(found.high, wanted.high, rtol=1e-12)
    np.testing.assert_allclose(found.deviation, np.sqrt(variance), rtol=1e-12)


def test_beta_is_the_default() -> None:
    np.testing.assert_array_equal(interval_of(DRAWS), interval_of(DRAWS, "beta"))


def test_quantiles_by_hand() -> None:
    """79 draws 0.01, 0.02, ... 0.79: the quantile q stands at place q (79 + 1) of them, 2 and 78."""
    found = interval_of(np.random.default_rng(0).permutation(np.arange(1, 80)) / 100, "quantile")
    assert [float(found.low), float(found.high)] == pytest.approx([0.02, 0.78])
    assert float(found.deviation) == pytest.approx(np.sqrt(79 * 80 / 12) / 100)  # of 1 ... n: n (n + 1) / 12


def test_quantiles_between_draws_are_linear() -> None:
    """50 draws: places 51 * 0.025 = 1.275 and 49.725, counted from 1."""
    draws = np.arange(50.0) ** 2 / 2500
    low, high, _ = interval_of(draws, "quantile")
    assert float(low) == pytest.approx(draws[0] + 0.275 * (draws[1] - draws[0]))
    assert float(high) == pytest.approx(draws[48] + 0.725 * (draws[49] - draws[48]))


@both_kinds
@pytest.mark.parametrize("value", [0.0, 0.1, 0.7, 1.0, 1e-30])
@pytest.mark.parametrize("count", [2, 3, 50])
def test_equal_draws_are_an_interval_of_one_exact_point(kind: str, value: float, count: int) -> None:
    """0.1 is no sum of powers of two: a mean of it that is rounded would be another number."""
    found = interval_of(np.full((count, 1), value), kind)
    assert [part.tolist() for part in found] == [[value], [value], [0]]


@both_kinds
def test_equal_draws_of_float32_are_an_interval_of_one_exact_point(kind: str) -> None:
    value = np.float32(0.1)
    assert [part.tolist() for part in interval_of(np.full((50, 1), value), kind)] == [[value], [value], [0]]


def test_draws_at_zero_and_one_have_the_interval_of_their_quantiles_and_their_deviation() -> None:
    """20 draws of 0 and 30 of 1: their variance, 0.6 * 0.4 * 50 / 49, is more than a Beta distribution can have."""
    draws = np.repeat([0.0, 1.0], [20, 30])
    low, high, deviation = interval_of(draws, "beta")
    assert [float(low), float(high)] == [0, 1]
    assert float(deviation) == pytest.approx(np.sqrt(0.6 * 0.4 * 50 / 49))


def test_one_draw_of_one_among_fifty_is_not_taken_for_certainty() -> None:
    draws = np.array([0.0] * 49 + [1.0])
    low, high, deviation = interval_of(draws, "beta")
    assert [float(low), float(high)] == pytest.approx([0, 0.725])  # place 49.725 of 50
    assert float(deviation) == pytest.approx(np.sqrt(0.02 * 0.98 * 50 / 49))


def test_each_probability_chooses_between_beta_and_quantiles_for_itself() -> None:
    two_peaks, one_peak = np.tile([0.0, 1.0], 10), np.linspace(0.2, 0.6, 20)
    together = interval_of(np.stack([two_peaks, one_peak, np.full(20, 0.3)], axis=1))
    for place, draws in enumerate([two_peaks, one_peak, np.full(20, 0.3)]):
        np.testing.assert_allclose([part[place] for part in together], interval_of(draws), rtol=1e-12)


def test_draws_that_differ_by_less_than_beta_quantiles_can_tell_still_have_an_interval_in_order() -> None:
    draws = 0.3 + 1e-10 * np.array([-1.0, 0, 1])
    low, high, deviation = interval_of(draws)
    assert float(low) < 0.3 < float(high)
    assert float(deviation) == pytest.approx(1e-10, rel=1e-5)


@both_kinds
def test_intervals_of_every_form_of_draws_stay_in_the_unit_interval_and_in_order(kind: str) -> None:
    rng = np.random.default_rng(4)
    for a, b in [(1, 1), (0.01, 0.01), (0.05, 3), (3, 0.05), (500, 0.5), (1e-3, 1e3)]:
        low, high, deviation = interval_of(rng.beta(a, b, (7, 300)).round(6), kind)
        assert ((low >= 0) & (low <= high) & (high <= 1) & (deviation >= 0)).all()


@both_kinds
def test_draws_of_float32_give_what_they_give_as_float64(kind: str) -> None:
    draws = DRAWS.astype(np.float32)
    for single, double in zip(interval_of(draws, kind), interval_of(draws.astype(np.float64), kind), strict=True):
        assert single.dtype == np.float64
        np.testing.assert_array_equal(single, double)


@both_kinds
def test_draws_of_one_number_of_rows_or_of_a_batch_are_the_same(kind: str) -> None:
    batch = interval_of(DRAWS, kind)
    for n in range(3):
        np.testing.assert_allclose(interval_of(DRAWS[:, n], kind), [part[n] for part in batch], rtol=1e-12)
        for k in range(4):
            one = interval_of(DRAWS[:, n, k], kind)
            np.testing.assert_allclose(one, [part[n, k] for part in batch], rtol=1e-12)


@both_kinds
def test_the_order_of_draws_says_nothing(kind: str) -> None:
    np.testing.assert_allclose(interval_of(DRAWS[::-1], kind), interval_of(DRAWS, kind), rtol=1e-12)


def test_a_beta_interval_of_the_opposite_event_is_mirrored() -> None:
    found, mirrored = interval_of(DRAWS), interval_of(1 - DRAWS)
    np.testing.assert_allclose(mirrored.low, 1 - found.high, atol=1e-9)
    np.testing.assert_allclose(mirrored.high, 1 - found.low, atol=1e-9)


@both_kinds
@pytest.mark.parametrize("place", [0, 1, 8])
def test_a_draw_that_is_nan_makes_its_interval_nan_and_no_other(kind: str, place: int) -> None:
    draws = np.full((9, 2), 0.25)
    draws[place, 0] = np.nan
    found = interval_of(draws, kind)
    assert np.isnan([part[0] for part in found]).all()
    assert [part[1] for part in found] == [0.25, 0.25, 0]


# Entropies.


def nats(*probabilities: float) -> float:
    """The entropy of classes that exclude one another; 0 log 0 is 0."""
    return float(-sum(p * np.log(p) for p in probabilities if p > 0))


def binary(p: float) -> float:
    return nats(p, 1 - p)


def test_entropies_by_hand() -> None:
    draws = np.array([[[0.7, 0.2, 0.1]], [[0.1, 0.4, 0.5]]])
    total, aleatoric, epistemic = entropies_of(draws)
    wanted = nats(0.4, 0.3, 0.3), (nats(0.7, 0.2, 0.1) + nats(0.1, 0.4, 0.5)) / 2
    assert [total.tolist(), aleatoric.tolist()] == [[pytest.approx(wanted[0])], [pytest.approx(wanted[1])]]
    assert epistemic.tolist() == [pytest.approx(wanted[0] - wanted[1])]


def test_entropies_of_a_batch_are_those_of_a_slow_loop() -> None:
    draws = DRAWS / DRAWS.sum(axis=2, keepdims=True)
    found = entropies_of(draws)
    for n in range(3):
        total = nats(*draws[:, n].mean(axis=0))
        aleatoric = np.mean([nats(*draw) for draw in draws[:, n]])
        assert [part[n] for part in found] == pytest.approx([total, aleatoric, total - aleatoric])


def test_equal_draws_leave_no_doubt_about_the_network() -> None:
    total, aleatoric, epistemic = entropies_of(np.tile([[0.5, 0.25, 0.25]], (50, 1, 1)))
    assert [total[0], aleatoric[0]] == pytest.approx([1.5 * np.log(2)] * 2)
    assert epistemic[0] == pytest.approx(0, abs=1e-15)  # a rounding of the others


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_certain_draws_for_every_class_in_turn_are_nothing_but_doubt_about_the_network(classes: int) -> None:
    total, aleatoric, epistemic = entropies_of(np.eye(classes)[:, None])
    assert total.tolist() == epistemic.tolist() == [pytest.approx(np.log(classes))]
    assert aleatoric.tolist() == [0]


def test_doubt_about_the_network_is_the_mean_divergence_of_draws_from_their_mean() -> None:
    """Mutual information: the mean of sum p log(p / mean)."""
    draws = DRAWS / DRAWS.sum(axis=2, keepdims=True)
    divergence = (draws * np.log(draws / draws.mean(axis=0))).sum(axis=2).mean(axis=0)
    np.testing.assert_allclose(entropies_of(draws).epistemic, divergence, rtol=1e-9)


def test_of_labels_that_may_each_be_true_the_binary_entropies_are_summed() -> None:
    draws = np.array([[[0.9, 0.6, 0.2]], [[0.7, 0.8, 0.0]]])
    total, aleatoric, epistemic = entropies_of(draws)
    wanted = (
        binary(0.8) + binary(0.7) + binary(0.1),
        (binary(0.9) + binary(0.6) + binary(0.2) + binary(0.7) + binary(0.8)) / 2,
    )
    assert [total[0], aleatoric[0], epistemic[0]] == pytest.approx([*wanted, wanted[0] - wanted[1]])


def test_one_label_alone_has_the_binary_entropy_even_where_it_is_certain() -> None:
    draws = np.array([[[0.75], [1.0]], [[0.25], [1.0]]])
    total, aleatoric, epistemic = entropies_of(draws)
    assert total.tolist() == [pytest.approx(np.log(2)), 0]
    assert aleatoric.tolist() == [pytest.approx(binary(0.25)), 0]
    assert epistemic.tolist() == [pytest.approx(np.log(2) - binary(0.25)), 0]


def test_one_label_alone_that_is_nearly_certain_is_no_class_that_sums_to_one() -> None:
    assert entropies_of(np.full((3, 1, 1), 0.9995)).total[0] == pytest.approx(binary(0.9995))


def test_rounding_of_float32_does_not_make_labels_of_classes() -> None:
    classes = np.full((5, 1, 1000), 0.001, np.float32) * np.float32(1.0002)
    assert entropies_of(classes).total[0] == pytest.approx(np.log(1000), rel=1e-3)  # as labels it would be 7.9


@pytest.mark.parametrize("one_sum", [0.99, 1.01])
def test_one_draw_that_does_not_sum_to_one_makes_labels_of_classes(one_sum: float) -> None:
    draws = np.full((3, 1, 2), 0.5)
    draws[1] *= one_sum
    assert entropies_of(draws).total[0] == pytest.approx(2 * np.log(2), rel=1e-3)


@pytest.mark.parametrize("other", [[0.9, 0.9], [np.nan, np.nan]])
def test_entropies_of_an_image_do_not_depend_on_the_images_beside_it(other: list[float]) -> None:
    image = np.array([[[0.7, 0.3]], [[0.4, 0.6]]])
    beside = np.concatenate([image, np.broadcast_to(other, (2, 1, 2))], axis=1)
    assert [part[0] for part in entropies_of(beside)] == [part[0] for part in entropies_of(image)]
    assert entropies_of(image).total[0] == pytest.approx(binary(0.55))


def test_an_image_with_a_nan_has_entropies_of_nan() -> None:
    draws = np.full((2, 1, 2), 0.5)
    draws[1, 0] = np.nan
    assert np.isnan(entropies_of(draws)).all()


@pytest.mark.parametrize("classes", [1, 2, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_entropies_are_defined_and_never_negative_at_zero_and_one(classes: int, dtype: type) -> None:
    corners: FloatArray = np.random.default_rng(6).integers(0, 2, (5, 40, classes)).astype(dtype)
    almost: FloatArray = np.clip(corners, 1e-7, 1 - 1e-7).astype(dtype)
    equal: FloatArray = np.repeat(np.random.default_rng(7).random((1, 40, classes)), 5, axis=0).astype(dtype)
    for draws in (corners, almost, equal):
        for part in entropies_of(draws):
            assert part.shape == (40,)
            assert (part >= 0).all()
    assert (entropies_of(corners).aleatoric == 0).all()


def test_an_unknown_kind_of_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="`kind` must be one of beta, quantile, got 'normal'"):
        interval_of(np.array([[0.25], [0.5]]), "normal")


@pytest.mark.parametrize(("mean", "total"), [(0.5, 4e7), (0.7, 1e8), (0.001, 2e10), (0.999, 2e10)])
def test_the_ends_of_a_narrow_distribution_are_those_of_scipy(mean: float, total: float) -> None:
    """By an expansion here, whose first term alone would be off by up to 2e-3 of a deviation."""
    deviation = np.sqrt(mean * (1 - mean) / (total + 1))
    found = beta_by_moments(np.array(mean), np.array(deviation**2))
    wanted = beta_distribution.ppf([0.025, 0.975], mean * total, (1 - mean) * total)
    np.testing.assert_allclose((np.array([found.low, found.high]) - wanted) / deviation, 0, atol=1e-7)
