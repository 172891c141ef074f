"""The seam: all that explainers, metrics and jobs know of a network. NumPy in, NumPy out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol, runtime_checkable

from explainer.arrays import FloatArray
from explainer.relu_rules import ReluRule, plain


class LayerOutput(NamedTuple):
    """What a layer gives for one image.

    Attributes:
        name: the layer's name.
        kind: its class.
        shape: of its output, without the batch axis.
        channel_axis: of its channels, the batch axis counted: 1 or -1; None where the class of the layer does not tell.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    channel_axis: int | None = None


@runtime_checkable
class Evaluator(Protocol):
    """What gives outputs for inputs (N, ...) float32, in any number."""

    @property
    def network(self) -> Any:
        """What is evaluated: what a user handed in."""

    @property
    def batch_size(self) -> int:
        """Inputs in one pass, at most."""

    @property
    def keeps_outputs(self) -> bool:
        """Whether outputs for clean images are remembered, as in a run."""

    def outputs(self, images: FloatArray) -> Any:
        """The output, whatever it is: an array (N, ...), or a tuple of them; images may have any axes."""

    def output_shapes(self, images: FloatArray) -> list[tuple[int, ...]]:
        """The shapes of the output's arrays for images of this shape, without the batch axis."""

    def probabilities(self, images: FloatArray) -> FloatArray:
        """The output after the activation, (N, K) in [0, 1]."""

    def clean_probabilities(self, images: FloatArray) -> FloatArray:
        """As `probabilities`, of images as they are in the data: in a run they are not computed twice."""


@runtime_checkable
class Classifier(Evaluator, Protocol):
    """An image classifier of K classes; images are (N, C, H, W) float32 and come in any number."""

    def class_count(self, images: FloatArray) -> int:
        """K, for images of this shape."""

    def logits(self, images: FloatArray) -> FloatArray:
        """The network's output, (N, K)."""

    def clean_logits(self, images: FloatArray) -> FloatArray:
        """As `logits`, of images as they are in the data: in a run they are not computed twice."""

    def unchanged(self) -> AbstractContextManager[None]:
        """Nobody trains or changes the network meanwhile, so that it need not be looked at for each evaluation."""

    def gradient(self, images: FloatArray, seed: FloatArray, *, relu_rule: ReluRule = plain) -> FloatArray:
        """D <seed, logits> / d images, (N, C, H, W), for a seed of (N, K)."""

    def layer_name(self, layer: Any) -> str:
        """The name of a layer that a user gives, by name or as a part of the network; "" is the input."""

    def layer(self, images: FloatArray, seed: FloatArray, name: str) -> tuple[FloatArray, FloatArray]:
        """The output of a layer and d <seed, logits> / d output, both (N, ...)."""

    def activations(self, images: FloatArray, name: str) -> FloatArray:
        """The output of a layer, (N, ...); no gradient is needed."""

    def layer_output(self, images: FloatArray, name: str) -> LayerOutput:
        """What a layer gives for images of this shape."""

    def layers(self, images: FloatArray) -> list[LayerOutput]:
        """The layers that run once for an image and give one array, in the order in which they end."""

    def layers_with_weights(self) -> list[str]:
        """The names of the layers that hold weights of their own, the first layer first."""

    def randomised(self, seed: int) -> AbstractContextManager[Callable[[str], None]]:
        """A function that shuffles the weights of a layer by its name; all are put back at the end."""

    def require_dropout(self) -> None:
        """Raises NoDropoutError when nothing in the network drops anything."""

    def sampled_probabilities(self, images: FloatArray, draws: int, seed: int) -> FloatArray:
        """Probabilities with the dropout at work and the batch norm frozen, (draws, N, K)."""
