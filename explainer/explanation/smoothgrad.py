"""SmoothGrad: a gradient method averaged over noisy copies of the image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from explainer.arrays import FloatArray, LabelArray
from explainer.checks import require_integer, require_number, require_type
from explainer.explanation.base import Attribution, Traits
from explainer.explanation.by_channel import ByChannel, ChannelAttribution
from explainer.explanation.gradient import Gradient
from explainer.passes import Passes
from explainer.streams import sample_stream


class SmoothGrad(ChannelAttribution):
    """A gradient method's mean over noisy copies of the image, then its absolute maximum over the channels.

    Source: Smilkov et al. 2017, "SmoothGrad: removing noise by adding noise", section 3: the mean over n copies
    x + N(0, sigma^2), sigma = noise * (max(x) - min(x)). The mean is taken before the channels are reduced, so that
    noise of both signs cancels. Noise belongs to the image alone: the same for all its labels, batches and orders.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K).
        method: the method to be averaged, a class such as Gradient, GuidedBackprop or InputXGradient, or a function
            network -> explainer that sets its options, such as functools.partial(IntegratedGradients, steps=10).
        samples: noisy copies of each image.
        noise: the standard deviation of the noise, as a fraction of the image's range.
        seed: of the noise, a whole number >= 0.
        reduction: "abs_max", or, with signs, "signed" (the channel of the largest absolute value) or "sum".
        name: what the method is called in a summary.
        batch_size: images in one pass through the network.

    Cost: `samples` times that of its method: forward and backward passes per label.

    Raises:
        TypeError: an argument of a wrong type, or a method that has no attributions per channel (GradCAM, RISE).
        ValueError: `samples` below 1, `noise` outside [0, 10], a negative seed, an unknown `reduction`.

    >>> from mindspore import Tensor, nn
    >>> network = nn.SequentialCell(nn.Flatten(), nn.Dense(2, 2, weight_init=Tensor([[1.0, -2], [3, 4]])))
    >>> SmoothGrad(network, samples=5)(np.float32([[[[10, 20]]]]), 0).tolist()
    [[[[1.0, 2.0]]]]
    """

    def __init__(
        self,
        network: Any,
        method: Callable[..., ByChannel] = Gradient,
        *,
        samples: int = 50,
        noise: float = 0.15,
        seed: int = 0,
        reduction: str = "abs_max",
        name: str | None = None,
        batch_size: int = 32,
    ) -> None:
        self._method = _made(method, network, batch_size)
        self._samples = require_integer("samples", samples, 1)
        self._noise = require_number("noise", noise, 0.0, 10.0)
        self._seed = require_integer("seed", seed, 0)
        super().__init__(
            network,
            reduction=reduction,
            name=name,
            batch_size=batch_size,
            parameters={
                "method": self._method.parameters,
                "samples": self._samples,
                "noise": self._noise,
                "seed": self._seed,
            },
        )
        self._traits = Traits(passes=self._of_copies, cheaper="fewer `samples`")

    def _of_copies(self, image_shape: tuple[int, ...], labels: int) -> Passes:
        """The gradients alone: attributions of copies need no output of theirs."""
        return self._samples * Passes(backwards=self._method.passes(image_shape, labels).backwards)

    def _explain_channels(self, images: FloatArray, labels: LabelArray) -> FloatArray:
        """The method's mean attribution over the noisy copies of each image, (M, C, H, W)."""
        return self._weighted_sums(self._method.attributions, self._copies(images), images, labels)

    def _copies(self, images: FloatArray) -> Iterator[tuple[int, FloatArray, float]]:
        for index, image in enumerate(images):
            stream = sample_stream(self._seed, image)
            deviation = np.float32(self._noise) * np.ptp(image)
            for _ in range(self._samples):
                copy = image + deviation * stream.standard_normal(image.shape, np.float32)
                yield index, copy, 1 / self._samples


def _made(method: Any, network: Any, batch_size: int) -> ByChannel:
    """The method for the network; a class takes our batch size, a function of the user's own sets its own."""
    if isinstance(method, Attribution) or not callable(method):
        raise TypeError(f"`method` must be a class of explainers or a function of the network, got {method!r}")
    gradient_method = "a gradient method such as Gradient"
    if isinstance(method, type) and not issubclass(method, ByChannel):
        raise TypeError(f"`method` must be {gradient_method}, got {method.__name__}")
    takes_size = isinstance(method, type | partial)
    made = method(network, batch_size=batch_size) if takes_size else method(network)
    require_type("method", made, ByChannel, gradient_method)
    return made  # type: ignore[no-any-return]
