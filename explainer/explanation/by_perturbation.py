"""Methods that hide parts of the image and watch what the network then says."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray, LabelArray, Mask
from explainer.checks import require_choice, require_integer
from explainer.explanation.base import Attribution
from explainer.perturb.engine import Evaluated, Request, evaluated
from explainer.perturb.fills import fill_of, recorded_fill

SCORES = ("probability", "logit")


class PerturbationAttribution(Attribution):
    """A method on the perturbation engine; all labels of an image come from the same passes.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K).
        activation_fn: logits -> probabilities; may be None when the logit is explained.
        perturbation_per_eval: perturbed images in one pass through the network.
        fill: what is shown where the image is hidden: a number, one per channel, or a function of the images
            (N, C, H, W) that gives others of the same shape.
        score: what is explained, the "probability" or the "logit" of the target.
        name: what the method is called in a summary.
        parameters: what else a summary records.

    Raises:
        TypeError, ValueError: an argument of a wrong type or value.
    """

    one_pass_per_label = False
    scores: ClassVar[tuple[str, ...]] = SCORES
    """What may be explained, by name."""
    scores_by_function: ClassVar[bool] = False
    """Whether a function may say what is explained."""

    def __init__(
        self,
        network: Any,
        activation_fn: Any,
        perturbation_per_eval: int = 32,
        *,
        fill: Any = 0.0,
        score: Any = "probability",
        name: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        self._score_function = score if self.scores_by_function and callable(score) else None
        if self._score_function is None:
            require_choice("score", score, self.scores)
        if activation_fn is None and score == "probability":
            raise TypeError('`activation_fn` must be a mindspore.nn.Cell, got None; only score="logit" needs none')
        self._score_name = "function" if self._score_function else score
        self._fill = fill_of("fill", fill)
        super().__init__(
            network,
            name=name,
            batch_size=require_integer("perturbation_per_eval", perturbation_per_eval, 1),
            activation_fn=activation_fn,
            parameters={
                "score": getattr(score, "__name__", self._score_name),
                "fill": recorded_fill(fill),
                **(parameters or {}),
            },
        )

    def check(self, inputs: Any) -> None:
        """Nothing; as for any method, from the first perturbed images alone.

        Args:
            inputs: (N, C, H, W), best one image.

        Raises:
            TypeError, ValueError: as for a call.
        """
        images, _ = self._checked(inputs, 0)
        next(self._scores_under(images, self._keeps(images)))

    @abstractmethod
    def _keeps(self, images: FloatArray) -> Iterable[tuple[int, Mask]]:
        """Pairs of a place in the images and a keep mask (H, W), in the order of the places."""

    def _scores(self, images: FloatArray) -> FloatArray:
        """What is explained, (B, K)."""
        if self._score_name == "logit":
            return self._classifier.logits(images)
        return self._classifier.probabilities(images)

    def _clean_scores(self, images: FloatArray) -> FloatArray:
        """As `_scores`, of images as they are in the data."""
        if self._score_name == "logit":
            return self._classifier.clean_logits(images)
        return self._classifier.clean_probabilities(images)

    def _scores_under(
        self, images: FloatArray, keeps: Iterable[tuple[int, NDArray[np.floating[Any]]]]
    ) -> Iterator[Evaluated]:
        """The scores of the images under each (place, keep mask)."""
        requests = (Request(index, keep) for index, keep in keeps)

        def clean(images: FloatArray, indices: LabelArray) -> FloatArray:
            return self._clean_scores(images)

        return evaluated(
            lambda shown, indices: self._scores(shown),
            images,
            requests,
            fill=self._fill,
            batch_size=self._classifier.batch_size,
            evaluate_clean=clean if self._classifier.keeps_outputs else None,
        )


def add_weighted(
    maps: NDArray[np.float64], places: LabelArray, weights: NDArray[np.floating[Any]], masks: FloatArray
) -> None:
    """Adds weight * mask to the maps (N, L, H, W) of each row's image; weights (B, L), masks (B, H, W)."""
    for place in np.unique(places):
        rows = places == place
        maps[place] += np.tensordot(weights[rows].astype(np.float64), masks[rows].astype(np.float64), (0, 0))


def of_targets(scores: FloatArray, places: LabelArray, targets: LabelArray) -> FloatArray:
    """The scores (B, L) of each row's own targets, from scores (B, K) and targets (N, L)."""
    chosen: FloatArray = np.take_along_axis(scores, targets[places], axis=1)
    return chosen
