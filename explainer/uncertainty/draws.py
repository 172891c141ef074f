"""How sure a network is: probabilities drawn many times, by its dropout, by several networks, by changed images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from explainer.arrays import Float64Array, FloatArray, IndexArray
from explainer.checks import require_choice, require_images, require_integer, require_type
from explainer.errors import NetworkOutputError
from explainer.network.of import classifier_of, require_activation, require_classifiable, weights_of, without_tensor
from explainer.passes import Passes
from explainer.perturb.engine import Request, Variant, evaluated_by
from explainer.representation import changed, line, of_fields
from explainer.streams import sample_streams
from explainer.uncertainty.posterior import INTERVALS, Entropies, entropies_of, interval_of

Augmentation = Callable[[FloatArray, np.random.Generator], FloatArray]
"""An image (C, H, W) and a generator -> the image changed a little, of the same shape."""
AUGMENTATIONS = ("shift", "noise")
DRAWS = 50


class Estimate(NamedTuple):
    """What is known of the probabilities of N images and K labels.

    Attributes:
        mean: of the draws, (N, K).
        deviation: their standard deviation, (N, K).
        low: where their 95 % interval begins, (N, K).
        high: where it ends, (N, K).
        entropies: total, aleatoric and epistemic, (N,) each, in nats.
    """

    mean: Float64Array
    deviation: Float64Array
    low: Float64Array
    high: Float64Array
    entropies: Entropies

    def __repr__(self) -> str:
        """One line, with the shapes of arrays."""
        return of_fields(self)


class Uncertainty(ABC):
    """A way to draw probabilities of an image many times.

    Args:
        interval: "beta" or "quantile"; see `explainer.uncertainty.posterior.interval_of`.

    Raises:
        ValueError: an unknown interval.
    """

    method: str

    def __init__(self, interval: str) -> None:
        require_choice("interval", interval, INTERVALS)
        self._interval = interval
        self._passes = Passes()

    @property
    def passes(self) -> Passes:
        """What goes through the network, or the networks, for an image."""
        return self._passes

    def __repr__(self) -> str:
        """The way, and the settings that are not its defaults."""
        return line(type(self).__name__, **changed(type(self), self.parameters))

    @property
    def parameters(self) -> dict[str, Any]:
        """The settings, as JSON values; a summary keeps them."""
        return {"method": self.method, "interval": self._interval, **self._parameters()}

    def __call__(self, inputs: Any) -> Estimate:
        """Mean, deviation, interval and entropies of the probabilities of each image.

        Args:
            inputs: (N, C, H, W).

        Raises:
            TypeError, ValueError: no batch of finite images.
        """
        return self.estimate(self.draws(inputs))

    def estimate(self, drawn: FloatArray) -> Estimate:
        """What is known of the probabilities that were drawn, (S, N, K)."""
        low, high, deviation = interval_of(drawn, self._interval)
        return Estimate(drawn.mean(axis=0, dtype=np.float64), deviation, low, high, entropies_of(drawn))

    def draws(self, inputs: Any) -> FloatArray:
        """The drawn probabilities, (S, N, K) in [0, 1].

        Args:
            inputs: (N, C, H, W).

        Raises:
            TypeError, ValueError: no batch of finite images.
        """
        return self._draws(require_images(without_tensor(inputs)))

    @abstractmethod
    def _parameters(self) -> dict[str, Any]:
        """The settings of this way, as JSON values."""

    @abstractmethod
    def _draws(self, images: FloatArray) -> FloatArray:
        """(S, N, K) for images (N, C, H, W)."""


class DropoutUncertainty(Uncertainty):
    """By the network's own dropout, at work while it predicts; batch norm and everything else as in evaluation.

    Every draw drops other units: a sample of the networks that training with dropout has made. Draws depend on the
    image and the seed alone, not on batches.

    Source: Gal and Ghahramani 2016, "Dropout as a Bayesian Approximation", section 4. `mindspore.explainer` put an
    untrained dropout in front of the first layer, drew ten times, and let batch norm take its statistics from the
    batch: the numbers described the batch, not the network.

    Args:
        network: images (N, C, H, W) -> logits (N, K), with dropout cells that it was trained with.
        activation_fn: logits -> probabilities.
        draws: how often each image is predicted, at least two.
        seed: what is dropped depends on it.
        interval: "beta" or "quantile".
        batch_size: images in one pass.

    Cost: `draws` forward passes per image.

    Raises:
        TypeError, ValueError: an argument of a wrong type or value.
        NoDropoutError: no cell of the network drops anything.

    >>> from mindspore import nn
    >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(12, 8), nn.ReLU(), nn.Dropout(p=0.5), nn.Dense(8, 3))
    >>> estimate = DropoutUncertainty(network, nn.Softmax())(np.ones((2, 3, 2, 2), np.float32))
    >>> estimate.deviation.shape, bool((estimate.low <= estimate.high).all())
    ((2, 3), True)
    """

    method = "dropout"

    def __init__(
        self,
        network: Any,
        activation_fn: Any,
        *,
        draws: int = DRAWS,
        seed: int = 0,
        interval: str = "beta",
        batch_size: int = 32,
    ) -> None:
        super().__init__(interval)
        require_classifiable("network", network)
        require_activation(activation_fn)
        self._count = require_integer("draws", draws, 2)
        self._passes = Passes(forwards=self._count)
        self._seed = require_integer("seed", seed, 0)
        self._classifier = classifier_of(network, activation_fn, batch_size=batch_size)
        self._classifier.require_dropout()

    def _parameters(self) -> dict[str, Any]:
        return {"draws": self._count, "seed": self._seed}

    def _draws(self, images: FloatArray) -> FloatArray:
        return self._classifier.sampled_probabilities(images, self._count, self._seed)


class EnsembleUncertainty(Uncertainty):
    """By several networks that were trained for the same task: a deep ensemble.

    Each network is a draw. Few networks make narrow intervals: of five, 85 of 100 hold the truth, of ten, 90.

    Source: Lakshminarayanan, Pritzel and Blundell 2017, "Simple and Scalable Predictive Uncertainty Estimation using
    Deep Ensembles".

    Args:
        networks: at least two, each images (N, C, H, W) -> logits (N, K), as by training from several seeds.
        activation_fn: logits -> probabilities.
        interval: "beta" or "quantile".
        batch_size: images in one pass.

    Cost: a forward pass per image and network.

    Raises:
        TypeError, ValueError: an argument of a wrong type or value, a network twice.

    >>> from mindspore import nn
    >>> networks = [nn.SequentialCell(nn.Flatten(), nn.Dense(12, 3)) for _ in range(5)]
    >>> EnsembleUncertainty(networks, nn.Softmax()).draws(np.ones((2, 3, 2, 2), np.float32)).shape
    (5, 2, 3)
    """

    method = "ensemble"

    def __init__(
        self, networks: Sequence[Any], activation_fn: Any, *, interval: str = "beta", batch_size: int = 32
    ) -> None:
        super().__init__(interval)
        require_type("networks", networks, (list, tuple), "a list of networks")
        for index, network in enumerate(networks):
            require_classifiable(f"networks[{index}]", network)
        if len({id(network) for network in networks}) < max(2, len(networks)):
            raise ValueError(
                f"`networks` must hold at least two networks, all different, got {len(networks)}; equal ones would say "
                "that the prediction is sure"
            )
        require_activation(activation_fn)
        self._passes = Passes(forwards=len(networks))
        self._classifiers = [classifier_of(network, activation_fn, batch_size=batch_size) for network in networks]

    @property
    def weights(self) -> list[str | None]:
        """A digest of the weights of each network."""
        return [weights_of(classifier) for classifier in self._classifiers]

    def _parameters(self) -> dict[str, Any]:
        return {"networks": len(self._classifiers)}

    def _draws(self, images: FloatArray) -> FloatArray:
        drawn = [classifier.probabilities(images) for classifier in self._classifiers]
        counts = [probabilities.shape[1] for probabilities in drawn]
        if len(set(counts)) > 1:
            raise NetworkOutputError(f"`networks` must all have the same labels, got {counts} outputs")
        return np.stack(drawn)


class AugmentationUncertainty(Uncertainty):
    """By changing the image a little, many times: how much the prediction depends on what should not matter.

    It needs neither dropout nor further networks, and tells of the image more than of the network. Draws depend on the
    image and the seed alone, not on batches.

    Source: Ayhan and Berens 2018, "Test-time Data Augmentation for Estimation of Heteroscedastic Aleatoric Uncertainty
    in Deep Neural Networks".

    Args:
        network: images (N, C, H, W) -> logits (N, K).
        activation_fn: logits -> probabilities.
        augment: "shift" (by up to a 16th of the shorter side, at least one pixel, edges repeated), "noise" (normal,
            with a deviation of a 20th of the image's range), or a function of an image (C, H, W) and a generator.
        draws: how often each image is changed, at least two.
        seed: the changes depend on it.
        interval: "beta" or "quantile".
        batch_size: images in one pass.

    Cost: `draws` forward passes per image.

    Raises:
        TypeError, ValueError: an argument of a wrong type or value; when called, an augmentation that gives another
            shape or values that are not finite.

    >>> from mindspore import nn
    >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(12, 3))
    >>> AugmentationUncertainty(network, nn.Softmax(), "noise", draws=8).parameters
    {'method': 'augmentation', 'interval': 'beta', 'augment': 'noise', 'draws': 8, 'seed': 0}
    """

    method = "augmentation"

    def __init__(
        self,
        network: Any,
        activation_fn: Any,
        augment: str | Augmentation = "shift",
        *,
        draws: int = DRAWS,
        seed: int = 0,
        interval: str = "beta",
        batch_size: int = 32,
    ) -> None:
        super().__init__(interval)
        require_classifiable("network", network)
        require_activation(activation_fn)
        self._augment = _augmentation(augment)
        self._augment_name = (
            augment if isinstance(augment, str) else getattr(augment, "__name__", type(augment).__name__)
        )
        self._count = require_integer("draws", draws, 2)
        self._passes = Passes(forwards=self._count)
        self._seed = require_integer("seed", seed, 0)
        self._classifier = classifier_of(network, activation_fn, batch_size=batch_size)

    def _parameters(self) -> dict[str, Any]:
        return {"augment": self._augment_name, "draws": self._count, "seed": self._seed}

    def _draws(self, images: FloatArray) -> FloatArray:
        streams = [sample_streams(self._seed, image) for image in images]
        rows = ((draw, index) for draw in range(self._count) for index in range(len(images)))
        requests = (Request(index, Variant(self._changed(images[index], streams[index](draw)))) for draw, index in rows)
        size = self._classifier.batch_size
        batches = evaluated_by(self._classifier, "probabilities", images, requests, batch_size=size)
        drawn: FloatArray = np.concatenate([batch.outputs for batch in batches])
        return drawn.reshape(self._count, len(images), -1)

    def _changed(self, image: FloatArray, stream: np.random.Generator) -> FloatArray:
        changed = np.asarray(self._augment(image.copy(), stream), np.float32)
        if changed.shape != image.shape or not np.isfinite(changed).all():
            raise ValueError(
                f"`augment` must give finite images of shape {image.shape}, gave shape {changed.shape}"
                f"{'' if np.isfinite(changed).all() else ' with a NaN or an infinity'}"
            )
        return changed


def _augmentation(given: Any) -> Augmentation:
    if callable(given):
        augmentation: Augmentation = given
        return augmentation
    require_type("augment", given, str, f"a function, or one of {', '.join(AUGMENTATIONS)}")
    require_choice("augment", given, AUGMENTATIONS)
    return _shifted if given == "shift" else _noisy


def _shifted(image: FloatArray, rng: np.random.Generator) -> FloatArray:
    most = max(1, min(image.shape[1:]) // 16)
    down, right = rng.integers(-most, most + 1, 2)
    height, width = image.shape[1:]
    rows, columns = _held_at_edges(height, down), _held_at_edges(width, right)
    return image.take(rows, axis=1).take(columns, axis=2)


def _held_at_edges(length: int, by: int) -> IndexArray:
    """Where each place along an axis comes from that is moved on by so many."""
    indices: IndexArray = np.minimum(np.maximum(np.arange(-by, length - by), 0), length - 1)
    return indices


def _noisy(image: FloatArray, rng: np.random.Generator) -> FloatArray:
    noise = rng.standard_normal(image.shape) * (float(np.ptp(image)) / 20)
    return (image + noise).astype(np.float32)
