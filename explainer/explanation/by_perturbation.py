"""Methods that hide parts of the image and compare the network's outputs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray, LabelArray, Mask
from explainer.checks import require_integer
from explainer.explanation.base import ONE_PASS, Attribution, Parameters, Traits
from explainer.explanation.scores import ExplainedOutput
from explainer.perturb.engine import Evaluated, Request, evaluated_by
from explainer.perturb.fills import fill_of, recorded_fill

_OUTPUTS = {"probability": "probabilities", "logit": "logits"}


class PerturbationAttribution(Attribution):
    """A method on the perturbation engine; all labels of an image come from the same passes.

    The declared holes are `_keeps` and `_explain`.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K).
        activation_fn: logits -> probabilities; may be None when the logit is explained.
        perturbation_per_eval: perturbed images in one pass through the network.
        fill: what is shown where the image is hidden: a number, one per channel, or a function of the images
            (N, C, H, W) that gives others of the same shape.
        score: what is explained, the "probability" or the "logit" of the target.
        name: what the method is called in a summary.
        parameters: what else a summary records.
        traits: what the kind of method declares of itself.

    Raises:
        TypeError, ValueError: an argument of a wrong type or value.
    """

    one_pass_per_label = False

    def __init__(
        self,
        network: Any,
        activation_fn: Any,
        perturbation_per_eval: int = 32,
        *,
        fill: Any = 0.0,
        score: str = "probability",
        name: str | None = None,
        parameters: Parameters | None = None,
        traits: Traits = ONE_PASS,
    ) -> None:
        self._output = _OUTPUTS[ExplainedOutput.given(score, activation_fn, _OUTPUTS).name]
        self._fill = fill_of("fill", fill)
        own = {"score": score, "fill": recorded_fill(fill)}
        super().__init__(
            network,
            name=name,
            batch_size=require_integer("perturbation_per_eval", perturbation_per_eval, 1),
            activation_fn=activation_fn,
            parameters=(lambda: own | dict(parameters())) if callable(parameters) else own | dict(parameters or {}),
            traits=replace(traits, trial=first_batch),
        )

    @abstractmethod
    def _keeps(self, images: FloatArray) -> Iterable[tuple[int, Mask]]:
        """Pairs of an index into the images and a keep mask (H, W), in the order of the indices."""

    def _outputs_under(
        self, images: FloatArray, keeps: Iterable[tuple[int, NDArray[np.floating[Any]]]]
    ) -> Iterator[Evaluated]:
        """The explained output of the images under each (index, keep mask)."""
        requests = (Request(index, keep) for index, keep in keeps)
        size = self._classifier.batch_size
        return evaluated_by(self._classifier, self._output, images, requests, batch_size=size, fill=self._fill)


def first_batch(method: PerturbationAttribution, images: FloatArray, targets: LabelArray) -> None:
    """Evaluates the first perturbed images alone, where the whole takes long."""
    next(method._outputs_under(images, method._keeps(images)))


def add_weighted(
    maps: NDArray[np.float64], indices: LabelArray, weights: NDArray[np.floating[Any]], masks: FloatArray
) -> None:
    """Adds weight * mask to the maps (N, L, H, W) of each row's image; weights (B, L), masks (B, H, W)."""
    for index in np.unique(indices):
        rows = indices == index
        maps[index] += np.tensordot(weights[rows].astype(np.float64), masks[rows].astype(np.float64), (0, 0))


def of_targets(outputs: FloatArray, indices: LabelArray, targets: LabelArray) -> FloatArray:
    """The outputs (B, L) of each row's own targets, from outputs (B, K) and targets (N, L)."""
    chosen: FloatArray = np.take_along_axis(outputs, targets[indices], axis=1)
    return chosen
