"""How little a map changes under noise: by hand, at the limits, and against slow replicas."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import exp, sqrt
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn
from networks import LinearNetwork, SmallCnn
from numpy.typing import NDArray
from replicas import TARGETS, linear_scores, normal_images, sigmoid, softmax, whole_numbers

from explainer.benchmark import AvgSensitivity, Case, MaxSensitivity, Robustness
from explainer.explanation import RISE, Gradient, InputXGradient
from explainer.streams import sample_stream

FloatArray = NDArray[Any]

HEIGHT, WIDTH = 5, 7
FEATURES = 2 * HEIGHT * WIDTH
WEIGHTS = whole_numbers(4, FEATURES, seed=1) / 16
IMAGES = normal_images(3)
ROUNDING = {"rtol": 0, "atol": 1e-6}  # perturbed images and maps are float32: some 1e-7 of their norm
STEADY = {"threshold": 1}  # every draw is accepted


def bent(image: FloatArray, label: int) -> FloatArray:
    """A map (H, W) that depends on the image and the label, and not linearly."""
    return image[0] * (label + 1) + image[1] ** 2


class Remembering:
    """An explainer whose maps are known, and which remembers what it was asked."""

    def __init__(self, network: nn.Cell, map_of: Callable[[FloatArray, int], FloatArray] = bent) -> None:
        self.network = network
        self.map_of = map_of
        self.asked: list[tuple[FloatArray, NDArray[np.int64]]] = []

    def __call__(self, images: FloatArray, labels: NDArray[np.int64]) -> FloatArray:
        self.asked.append((images.copy(), labels.copy()))
        pairs = zip(images, labels, strict=True)
        return np.array([[self.map_of(image, label) for label in of_image] for image, of_image in pairs], np.float32)


class Given(Robustness):
    """Robustness with noise that the test gives, by (number, attempt), and remembers what was drawn."""

    def __init__(self, noise: dict[tuple[int, int], Any], *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.noise = noise
        self.drawn: list[tuple[int, int]] = []

    def _noise(self, image: FloatArray, number: int, attempt: int) -> FloatArray:
        self.drawn.append((number, attempt))
        return np.broadcast_to(np.float64(self.noise[number, attempt]), image.shape)


def linear() -> nn.Cell:
    return LinearNetwork(WEIGHTS)


def blind() -> nn.Cell:
    """A network that gives the same logits for every image."""
    return LinearNetwork(np.zeros((4, FEATURES)))


# By hand.


def test_the_gradient_of_a_linear_network_is_perfectly_robust() -> None:
    scores = Robustness(4, nn.Softmax(), **STEADY).evaluate(Gradient(linear()), IMAGES, TARGETS)
    # Each gradient is its row of weights, summed once more or less by a compiled graph.
    np.testing.assert_allclose(scores, np.ones((3, 2)), **ROUNDING)


def test_input_x_gradient_of_a_linear_network_is_robust_as_its_weighted_noise_is_small() -> None:
    stream = np.random.default_rng(0)
    noise = {(number, 0): stream.uniform(-0.5, 0.5, (2, HEIGHT, WIDTH)) for number in range(3)}
    metric = Given(noise, 4, nn.Softmax(), perturbations=3, **STEADY)
    scores = metric.evaluate(InputXGradient(linear()), IMAGES[:1], 2)
    weights = WEIGHTS[2].reshape(2, HEIGHT, WIDTH).astype(np.float64)
    whole, *changes = (np.linalg.norm((weights * values).sum(axis=0)) for values in (IMAGES[0], *noise.values()))
    np.testing.assert_allclose(scores, [exp(-max(changes) / whole)], **ROUNDING)


def test_the_largest_change_counts_relative_to_the_map() -> None:
    explainer = Remembering(blind(), lambda image, label: image[0])
    metric = Given({(0, 0): 0.25, (1, 0): -0.75, (2, 0): 0.5}, 4, nn.Softmax(), perturbations=3)
    (score,) = metric.evaluate(explainer, np.full((1, 2, HEIGHT, WIDTH), 2.0), 1)
    assert score == pytest.approx(exp(-0.75 / 2), abs=1e-12)  # all numbers are exact in float32


def test_the_norm_is_euclidean() -> None:
    spot = np.zeros((2, HEIGHT, WIDTH))
    spot[0, 1, 2], spot[0, 4, 5] = 3, 4
    metric = Given({(0, 0): spot}, 4, nn.Softmax(), perturbations=1)
    (score,) = metric.evaluate(Remembering(blind(), lambda image, label: image[0]), np.ones((1, 2, HEIGHT, WIDTH)), 1)
    assert score == pytest.approx(exp(-5 / sqrt(HEIGHT * WIDTH)), abs=1e-12)


def test_a_map_that_does_not_look_at_the_image_is_perfectly_robust() -> None:
    explainer = Remembering(blind(), lambda image, label: np.full((HEIGHT, WIDTH), label + 1))
    assert Robustness(4, nn.Softmax()).evaluate(explainer, IMAGES, TARGETS).tolist() == [[1, 1]] * 3


# The slow replica.


def replica(
    images: FloatArray, targets: FloatArray, map_of: Any, probabilities: Any, *, draws: int, threshold: float, seed: int
) -> tuple[FloatArray, list[tuple[int, ...]]]:
    """The scores, one image, label, perturbation and attempt after the other; and which attempts were accepted."""
    scores, accepted = np.full(targets.shape, np.nan), []
    for place, column in np.ndindex(*targets.shape):
        image, label = images[place], targets[place, column]
        whole, before = np.float64(map_of(image, label)), probabilities(image[None])[0, label]
        changes = []
        for number in range(draws):
            for attempt in range(3):
                noise = sample_stream(seed, image, number, attempt).uniform(-0.2, 0.2, image.shape)
                shown = (image + noise).astype(np.float32)
                if abs(probabilities(shown[None])[0, label] - before) <= threshold:
                    changes.append(np.linalg.norm(map_of(shown, label) - whole))
                    accepted.append((place, column, number, attempt))
                    break
        if changes:
            scores[place, column] = np.exp(-max(changes) / np.linalg.norm(whole))
    return scores, accepted


@pytest.mark.parametrize(("activation", "squash"), [(nn.Softmax(), softmax), (nn.Sigmoid(), sigmoid)])
@pytest.mark.parametrize("batch_size", [1, 7, 32])
def test_scores_are_the_slow_replicas(activation: nn.Cell, squash: Any, batch_size: int) -> None:
    options = {"threshold": 0.02, "seed": 3}
    metric = Robustness(4, activation, perturbations=5, batch_size=batch_size, **options)
    scores = metric.evaluate(Remembering(linear()), IMAGES, TARGETS)
    logits = linear_scores(WEIGHTS)
    wanted, accepted = replica(IMAGES, TARGETS, bent, lambda shown: squash(logits(shown)), draws=5, **options)
    np.testing.assert_allclose(scores, wanted, **ROUNDING)
    assert metric.left_out == TARGETS.size * 5 - len(accepted)
    assert 0 < metric.left_out < TARGETS.size * 5
    assert {attempt for *_, attempt in accepted} == {0, 1, 2}


@pytest.mark.parametrize(
    "make", [Gradient, lambda network: RISE(network, nn.Softmax(), masks=20, grid=(2, 3))], ids=["Gradient", "RISE"]
)
def test_methods_score_as_by_single_maps(make: Any) -> None:
    explainer = make(SmallCnn())
    scores = Robustness(4, nn.Softmax(), perturbations=3, **STEADY).evaluate(explainer, IMAGES[:2], TARGETS[:2])

    def map_of(image: FloatArray, label: int) -> FloatArray:
        return explainer(image[None], int(label))[0, 0]

    options = {"draws": 3, "threshold": 1, "seed": 0}
    wanted, _ = replica(IMAGES[:2], TARGETS[:2], map_of, lambda shown: np.zeros((1, 4)), **options)
    np.testing.assert_allclose(scores, wanted, rtol=0, atol=1e-5)  # float32 maps of one batch or of several


# What is accepted.


def test_where_the_output_jumps_every_draw_is_refused_and_there_is_no_score() -> None:
    explainer = Remembering(LinearNetwork(WEIGHTS * 1e6))  # a probability of 0.5 for zeros, of 0 or 1 for noise
    metric = Robustness(4, nn.Sigmoid(), perturbations=4)
    maps = np.ones((3, 2, HEIGHT, WIDTH))
    assert np.isnan(metric.evaluate(explainer, np.zeros_like(IMAGES), TARGETS, maps)).all()
    assert metric.left_out == 4 * TARGETS.size
    assert explainer.asked == []


def test_a_threshold_of_1_accepts_the_first_draw() -> None:
    metric = Given({(number, 0): 0.1 * (number + 1) for number in range(4)}, 4, nn.Sigmoid(), perturbations=4, **STEADY)
    metric.evaluate(Remembering(LinearNetwork(WEIGHTS * 1e6)), IMAGES[:1], 1)
    assert set(metric.drawn) == {(0, 0), (1, 0), (2, 0), (3, 0)}
    assert metric.left_out == 0


@pytest.mark.parametrize(("tries", "left_out"), [(2, 1), (3, 0)])
def test_a_draw_that_changes_the_output_too_much_is_drawn_anew(tries: int, left_out: int) -> None:
    network = LinearNetwork(np.full((4, FEATURES), 1 / FEATURES))  # the logit is the mean: 0, then the noise
    # Sigmoid changes by 0.1 at a logit of log(0.6 / 0.4) = 0.405.
    noise = {(0, 0): 0.125, (1, 0): 0.5, (1, 1): -0.4375, (1, 2): 0.375}
    metric = Given(noise, 4, nn.Sigmoid(), perturbations=2, tries=tries)
    explainer = Remembering(network, lambda image, label: image[0] + 1)
    (score,) = metric.evaluate(explainer, np.zeros((1, 2, HEIGHT, WIDTH)), 3)
    assert score == pytest.approx(exp(-0.125 if left_out else -0.375), abs=1e-12)
    assert metric.left_out == left_out


def test_labels_accept_different_draws() -> None:
    weights = np.zeros((4, FEATURES))
    weights[1, 3], weights[2, 20] = 9, 9  # label 1 looks at pixel 3, label 2 at pixel 20
    first, second = np.zeros((2, 2, HEIGHT, WIDTH))
    first.ravel()[3], second.ravel()[20] = 2, 4
    metric = Given({(0, 0): first, (0, 1): second}, 4, nn.Sigmoid(), perturbations=1, tries=2)
    explainer = Remembering(LinearNetwork(weights), lambda image, label: image[0] + 1)
    scores = metric.evaluate(explainer, np.zeros((1, 2, HEIGHT, WIDTH)), [[1, 2, 3]])
    wanted = [exp(-distance / sqrt(HEIGHT * WIDTH)) for distance in (4, 2, 2)]  # label 3 accepts the first draw
    np.testing.assert_allclose(scores, [wanted], rtol=0, atol=1e-12)
    assert metric.left_out == 0


@pytest.mark.parametrize(("image", "options"), [(0.5, {"relative": True}), (1e9, {})], ids=["constant", "rounded off"])
def test_noise_that_changes_nothing_is_refused(image: float, options: dict[str, Any]) -> None:
    metric = Robustness(4, nn.Softmax(), perturbations=2, **options)
    assert np.isnan(metric.evaluate(Remembering(blind()), np.full((1, 2, HEIGHT, WIDTH), image), 1)).all()
    assert metric.left_out == 2


def test_a_map_of_zeros_has_no_score() -> None:
    metric = Robustness(4, nn.Softmax())
    scores = metric.evaluate(Remembering(blind()), IMAGES[:1], [[1, 2]], np.eye(2)[:, :1, None] * np.ones((1, 2, 5, 7)))
    assert np.isnan(scores).tolist() == [[False, True]]
    assert metric.left_out == 0


# The noise.


def noise_of(images: FloatArray, **options: Any) -> FloatArray:
    """What is added to the images, in order: (N * 10, C, H, W)."""
    explainer = Remembering(blind())
    Robustness(4, nn.Softmax(), batch_size=100, **options).evaluate(
        explainer, images, 1, np.ones((len(images), 1, 5, 7))
    )
    return explainer.asked[0][0] - np.repeat(images, 10, axis=0)


@pytest.mark.parametrize("radius", [0.2, 1.5])
def test_noise_is_uniform_within_the_radius(radius: float) -> None:
    noise = noise_of(np.zeros((1, 2, HEIGHT, WIDTH), np.float32), radius=radius).ravel() / radius
    assert np.abs(noise).max() <= 1 + 1e-7
    assert len(np.unique(noise)) > 0.99 * noise.size  # of its own for each pixel, channel and perturbation
    # 700 uniform numbers: the empirical distribution strays by 1.63 / sqrt(700) = 0.06 in one case of a hundred.
    steps = np.arange(noise.size) / noise.size
    assert np.abs((np.sort(noise) + 1) / 2 - steps).max() < 0.06


def test_a_relative_radius_is_a_part_of_the_range_of_each_image() -> None:
    images = np.float32([[[1]], [[10]]])[..., None] * np.linspace(0, 3, FEATURES, dtype=np.float32).reshape(1, 2, 5, 7)
    noise = noise_of(images, radius=0.1, relative=True).reshape(2, -1)
    assert np.abs(noise[0]).max() == pytest.approx(0.3, rel=0.02)
    assert np.abs(noise[1]).max() == pytest.approx(3, rel=0.02)


def scores_with(images: FloatArray = IMAGES, targets: Any = TARGETS, **options: Any) -> FloatArray:
    metric = Robustness(4, nn.Softmax(), perturbations=4, **{"threshold": 0.05, **options})
    return metric.evaluate(Remembering(linear()), images, targets)


def test_the_same_seed_gives_the_same_score_and_another_another() -> None:
    np.testing.assert_array_equal(scores_with(seed=5), scores_with(seed=5))
    assert (scores_with(seed=5) != scores_with(seed=6)).all()


@pytest.mark.parametrize("batch_size", [1, 5, 12, 100])
def test_scores_do_not_depend_on_the_batch_size(batch_size: int) -> None:
    np.testing.assert_array_equal(scores_with(batch_size=batch_size), scores_with())


def test_scores_do_not_depend_on_the_order_of_images_and_labels() -> None:
    np.testing.assert_array_equal(scores_with(IMAGES[::-1], TARGETS[::-1, ::-1]), scores_with()[::-1, ::-1])


def test_labels_at_once_score_as_each_alone() -> None:
    columns = [scores_with(targets=column) for column in TARGETS.T]
    assert columns[0].shape == (3,)
    np.testing.assert_array_equal(np.stack(columns, axis=1), scores_with())


# What the explainer is asked.


def test_a_given_map_is_not_computed_anew() -> None:
    explainer = Remembering(linear())
    maps = np.array([[bent(image, label) for label in of] for image, of in zip(IMAGES, TARGETS, strict=True)])
    given = Robustness(4, nn.Softmax(), perturbations=4, threshold=0.05).evaluate(explainer, IMAGES, TARGETS, maps)
    np.testing.assert_array_equal(given, scores_with())
    shown = np.concatenate([images for images, _ in explainer.asked])
    assert not any((image == original).all() for image in shown for original in IMAGES)


def test_perturbed_images_come_in_full_batches_with_all_labels_of_their_image() -> None:
    explainer = Remembering(linear())
    Robustness(4, nn.Softmax(), batch_size=8, **STEADY).evaluate(explainer, IMAGES, TARGETS)
    assert [images.shape[0] for images, _ in explainer.asked] == [3, 8, 8, 8, 6]  # first the images themselves
    labels = np.concatenate([labels for _, labels in explainer.asked[1:]])
    np.testing.assert_array_equal(labels, np.repeat(TARGETS, 10, axis=0))


def test_another_network_is_asked_when_the_explainer_has_another() -> None:
    metric = Robustness(4, nn.Sigmoid(), perturbations=2)
    maps = np.ones((1, 1, HEIGHT, WIDTH))
    images = np.zeros((1, 2, HEIGHT, WIDTH))
    jumps = metric.evaluate(Remembering(LinearNetwork(WEIGHTS * 1e6)), images, 1, maps)
    assert np.isnan(jumps).all()
    assert np.isfinite(metric.evaluate(Remembering(blind()), images, 1, maps)).all()


def test_a_case_scores_as_its_image_and_labels() -> None:
    explainer = Remembering(linear())
    maps = np.array([bent(IMAGES[1], label) for label in TARGETS[1]])
    metric = Robustness(4, nn.Softmax(), perturbations=4, threshold=0.05)
    assert metric.score(Case(IMAGES[1], (3, 3), maps, None, explainer)).tolist() == scores_with()[1].tolist()


def test_tensors_are_arrays() -> None:
    metric, explainer = Robustness(4, nn.Softmax()), InputXGradient(linear())
    maps = explainer(IMAGES, [1, 2, 3])
    scores = metric.evaluate(explainer, Tensor(IMAGES), Tensor([1, 2, 3]), Tensor(maps))
    np.testing.assert_array_equal(scores, metric.evaluate(explainer, IMAGES, [1, 2, 3], maps))


# The reference's verbs, and what the metric declares.


def test_what_was_left_out_is_counted_until_a_reset() -> None:
    metric = Robustness(4, nn.Softmax(), perturbations=2, relative=True)
    for _ in range(2):
        metric.aggregate(metric.evaluate(Remembering(blind()), np.ones((1, 2, HEIGHT, WIDTH)), 1), 1)
    assert (metric.left_out, metric.undefined) == (4, 2)
    metric.reset()
    assert (metric.left_out, metric.undefined) == (0, 0)


def test_it_declares_itself_in_json() -> None:
    metric = Robustness(4, nn.Softmax(), radius=np.float32(0.5), relative=True, perturbations=np.int64(7), seed=5)
    assert json.loads(json.dumps(metric.parameters)) == {
        "class": "Robustness",
        "higher_is_better": True,
        "bounds": [0, 1],
        "per_label": True,
        "radius": 0.5,
        "relative": True,
        "perturbations": 7,
        "threshold": 0.1,
        "tries": 3,
        "seed": 5,
    }
    assert (metric.name, metric.needs, metric.num_labels) == ("Robustness", {"explainer"}, 4)


# Errors.


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"radius": 0}, ValueError),
        ({"radius": -0.1}, ValueError),
        ({"radius": np.inf}, ValueError),
        ({"radius": np.nan}, ValueError),
        ({"radius": "0.2"}, TypeError),
        ({"relative": 1}, TypeError),
        ({"perturbations": 0}, ValueError),
        ({"perturbations": 2.5}, TypeError),
        ({"threshold": 1.1}, ValueError),
        ({"threshold": None}, TypeError),
        ({"tries": 0}, ValueError),
        ({"seed": -1}, ValueError),
        ({"seed": None}, TypeError),
        ({"batch_size": 0}, ValueError),
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(options: dict[str, Any], error: type[Exception]) -> None:
    (name,) = options
    with pytest.raises(error, match=f"`{name}` must "):
        Robustness(4, nn.Softmax(), **options)


@pytest.mark.parametrize("activation", [None, "softmax", softmax])
def test_the_activation_must_be_a_cell(activation: Any) -> None:
    with pytest.raises(TypeError, match=r"`activation_fn` must be a mindspore\.nn\.Cell"):
        Robustness(4, activation)


@pytest.mark.parametrize(
    ("changed", "error", "told"),
    [
        ({"explainer": None}, TypeError, "`explainer` must be an explainer"),
        ({"inputs": IMAGES[0]}, ValueError, r"inputs\[None\]"),
        ({"inputs": IMAGES * np.nan}, ValueError, "`inputs` must be finite"),
        ({"targets": [0, 1, 6]}, ValueError, r"`targets` must lie in \[0, 5\] as `num_labels` says, got 6"),
        ({"targets": [0, 1, 5]}, ValueError, r"`targets` must lie in \[0, 3\] as the network has 4 classes, got 5"),
        ({"targets": 1.5}, TypeError, "`targets` must be whole numbers"),
        ({"saliency": np.ones((3, 2, HEIGHT, WIDTH))}, ValueError, r"`saliency` must have shape \(3, 1, 5, 7\)"),
        ({"saliency": np.full((3, 1, HEIGHT, WIDTH), np.inf)}, ValueError, "`saliency` must be finite"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(changed: dict[str, Any], error: type[Exception], told: str) -> None:
    fitting = {"explainer": Remembering(linear()), "inputs": IMAGES, "targets": 1, "saliency": np.ones((3, 1, 5, 7))}
    with pytest.raises(error, match=told):
        Robustness(6, nn.Softmax()).evaluate(**fitting | changed)


# Largest and mean change.


@pytest.mark.parametrize("attempts", [1, 3])
def test_largest_and_mean_change_are_those_of_each_perturbation(attempts: int) -> None:
    """Every draw is accepted, so the maps are those of the first attempts."""
    explainer = Gradient(SmallCnn())
    options = {"perturbations": 4, "threshold": 1, "tries": attempts, "seed": 5}
    largest = MaxSensitivity(4, nn.Softmax(), **options)
    maps = explainer(IMAGES, TARGETS).astype(np.float64)
    changes = []
    for number in range(4):
        shown = np.stack([image + largest._noise(image, number, 0) for image in IMAGES]).astype(np.float32)
        distances = np.sqrt(((explainer(shown, TARGETS) - maps) ** 2).sum(axis=(2, 3)))
        changes.append(distances / np.sqrt((maps**2).sum(axis=(2, 3))))
    np.testing.assert_allclose(largest.evaluate(explainer, IMAGES, TARGETS), np.max(changes, axis=0), rtol=1e-5)
    mean = AvgSensitivity(4, nn.Softmax(), **options).evaluate(explainer, IMAGES, TARGETS)
    np.testing.assert_allclose(mean, np.mean(changes, axis=0), rtol=1e-5)
    robust = Robustness(4, nn.Softmax(), **options).evaluate(explainer, IMAGES, TARGETS)
    np.testing.assert_allclose(robust, np.exp(-np.max(changes, axis=0)), rtol=1e-5)


@pytest.mark.parametrize("metric", [MaxSensitivity, AvgSensitivity])
def test_a_map_that_stays_has_no_change_and_one_of_zeros_no_score(metric: Any) -> None:
    scores = metric(4, nn.Softmax(), threshold=1).evaluate(Gradient(linear()), IMAGES, TARGETS)
    np.testing.assert_allclose(scores, np.zeros(scores.shape), atol=1e-6)
    zero = np.zeros((len(IMAGES), 1, *IMAGES.shape[2:]), np.float32)
    assert np.isnan(metric(4, nn.Softmax(), threshold=1).evaluate(Gradient(linear()), IMAGES, 1, zero)).all()


@pytest.mark.parametrize("metric", [MaxSensitivity, AvgSensitivity])
def test_where_no_draw_is_accepted_there_is_no_change_to_tell(metric: Any) -> None:
    scored = metric(4, nn.Softmax(), threshold=0, perturbations=2)
    assert np.isnan(scored.evaluate(Gradient(SmallCnn()), IMAGES, 1)).all()
    assert scored.left_out == 2 * len(IMAGES)
    assert scored.parameters["higher_is_better"] is False
    assert scored.name == metric.__name__
