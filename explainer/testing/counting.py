"""A classifier that counts its evaluations, and takes perturbed images from the perturbation engine alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from explainer.arrays import FloatArray
from explainer.classifier import LayerOutput
from explainer.explanation.layer_maps import probing_images
from explainer.network.of import classifier_of
from explainer.passes import Passes
from explainer.perturb.engine import evaluating_perturbed
from explainer.relu_rules import ReluRule, plain

_BACKWARDS = ("gradient", "layer")  # of which a gradient is taken


class CountingClassifier:
    """A network's classifier, handed to an explainer in place of the network, that counts images by question.

    It raises an AssertionError for an image that is none of the clean ones, unless the engine is having perturbed
    images evaluated: then nothing goes past the engine, and whatever makes it faster serves every method. The noise
    with which the layer of a method is found (`explainer.explanation.layer_maps.probing_images`) is no perturbed
    image; it is known by its content and counted by itself. What depends on the shape of images alone may be evaluated
    with any.

    Args:
        network: as for `classifier_of`.
        activation_fn: as for `classifier_of`.
        clean: the images (N, C, H, W) that are no perturbed ones.
        batch_size: as for `classifier_of`.

    Attributes:
        clean: how many of the clean images came, by question ("logits", "probabilities", "gradient", "layer", ...).
        perturbed: how many images the engine gave, by question.
        probes: how many images of noise came, by question.

    Raises:
        TypeError, ValueError: as for `classifier_of`.

    >>> from mindspore import nn
    >>> from explainer.explanation import SmoothGrad
    >>> images = np.ones((2, 1, 4, 3), np.float32)
    >>> classifier = CountingClassifier(nn.SequentialCell(nn.Flatten(), nn.Dense(12, 5)), clean=images)
    >>> SmoothGrad(classifier, samples=3)(images, [1, 4]).shape
    (2, 1, 4, 3)
    >>> dict(classifier.perturbed), dict(classifier.clean)
    ({'gradient': 6}, {})
    """

    def __init__(self, network: Any, activation_fn: Any = None, *, clean: FloatArray, batch_size: int = 32) -> None:
        self._classifier = classifier_of(network, activation_fn, batch_size=batch_size)
        self._known = {_content(image) for image in np.asarray(clean, np.float32)}
        self._noise: dict[tuple[int, ...], set[bytes]] = {}
        self.clean: Counter[str] = Counter()
        self.perturbed: Counter[str] = Counter()
        self.probes: Counter[str] = Counter()

    @property
    def network(self) -> Any:
        """The counting classifier itself, so that a metric that asks an explainer for its network is counted, too."""
        return self

    @property
    def batch_size(self) -> int:
        """Images in one pass."""
        return self._classifier.batch_size

    @property
    def keeps_outputs(self) -> bool:
        """Whether outputs for clean images are remembered."""
        return self._classifier.keeps_outputs

    @property
    def passes(self) -> Passes:
        """All images that came, but for probes."""
        counted = self.clean + self.perturbed
        backwards = sum(counted[question] for question in _BACKWARDS)
        return Passes(forwards=counted.total() - backwards, backwards=backwards)

    def outputs(self, images: FloatArray) -> Any:
        """Counted."""
        return self._classifier.outputs(self._counted("outputs", images))

    def logits(self, images: FloatArray) -> FloatArray:
        """Counted."""
        return self._classifier.logits(self._counted("logits", images))

    def clean_logits(self, images: FloatArray) -> FloatArray:
        """Counted as "logits"."""
        return self._classifier.clean_logits(self._counted("logits", images))

    def probabilities(self, images: FloatArray) -> FloatArray:
        """Counted."""
        return self._classifier.probabilities(self._counted("probabilities", images))

    def clean_probabilities(self, images: FloatArray) -> FloatArray:
        """Counted as "probabilities"."""
        return self._classifier.clean_probabilities(self._counted("probabilities", images))

    def unchanged(self) -> AbstractContextManager[None]:
        """No image is needed."""
        return self._classifier.unchanged()

    def gradient(self, images: FloatArray, seed: FloatArray, *, relu_rule: ReluRule = plain) -> FloatArray:
        """Counted."""
        return self._classifier.gradient(self._counted("gradient", images), seed, relu_rule=relu_rule)

    def layer(self, images: FloatArray, seed: FloatArray, name: str) -> tuple[FloatArray, FloatArray]:
        """Counted."""
        return self._classifier.layer(self._counted("layer", images), seed, name)

    def activations(self, images: FloatArray, name: str) -> FloatArray:
        """Counted."""
        return self._classifier.activations(self._counted("activations", images), name)

    def sampled_probabilities(self, images: FloatArray, draws: int, seed: int) -> FloatArray:
        """Counted, each image once."""
        return self._classifier.sampled_probabilities(self._counted("sampled_probabilities", images), draws, seed)

    def class_count(self, images: FloatArray) -> int:
        """Not counted: the shape decides."""
        return self._classifier.class_count(images)

    def output_shapes(self, images: FloatArray) -> list[tuple[int, ...]]:
        """Not counted: the shape decides."""
        return self._classifier.output_shapes(images)

    def layer_output(self, images: FloatArray, name: str) -> LayerOutput:
        """Not counted: the shape decides."""
        return self._classifier.layer_output(images, name)

    def layers(self, images: FloatArray) -> list[LayerOutput]:
        """Not counted: the shape decides."""
        return self._classifier.layers(images)

    def layer_name(self, layer: Any) -> str:
        """No image is needed."""
        return self._classifier.layer_name(layer)

    def layers_with_weights(self) -> list[str]:
        """No image is needed."""
        return self._classifier.layers_with_weights()

    def randomised(self, seed: int) -> AbstractContextManager[Callable[[str], None]]:
        """No image is needed."""
        return self._classifier.randomised(seed)

    def require_dropout(self) -> None:
        """No image is needed."""
        self._classifier.require_dropout()

    def _counted(self, question: str, images: FloatArray) -> FloatArray:
        if evaluating_perturbed():
            self.perturbed[question] += len(images)
            return images
        for image in images:
            self._counts_of(question, image)[question] += 1
        return images

    def _counts_of(self, question: str, image: FloatArray) -> Counter[str]:
        if _content(image) in self._known:
            return self.clean
        if image.ndim == 3 and _content(image) in self._noise_of(image.shape):
            return self.probes
        raise AssertionError(
            f"`{question}` was evaluated past the engine for an image that is not a clean one; have perturbed "
            "images evaluated by `evaluated`, `evaluated_by` or `outputs_of_variants` of explainer.perturb.engine"
        )

    def _noise_of(self, shape: tuple[int, ...]) -> set[bytes]:
        if shape not in self._noise:
            self._noise[shape] = {_content(image) for image in probing_images(shape)}
        return self._noise[shape]


def _content(image: FloatArray) -> bytes:
    return np.ascontiguousarray(image, np.float32).tobytes()
