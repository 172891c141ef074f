"""Robustness: whether a map stays what it is when the image changes a little."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import Float64Array, FloatArray, LabelArray
from explainer.benchmark.base import Case, LabelMetric, passes_of_maps, require_maps
from explainer.benchmark.network_probe import NetworkProbe
from explainer.checks import require_flag, require_integer, require_labels_in_range, require_number
from explainer.classifier import Classifier
from explainer.network.of import require_activation
from explainer.passes import Passes
from explainer.perturb.engine import Evaluate, Evaluated, Request, Variant, evaluated
from explainer.streams import sample_stream

_NONE = -1  # the attempt of a perturbation that no label's test lets pass


class _PerturbedMaps(LabelMetric):
    """A metric of how the map of each image changes when noise is added to it; the hole is `_score_changes`."""

    needs = frozenset({"explainer"})
    cheaper = "fewer `perturbations`"

    def __init__(
        self,
        num_labels: int,
        activation_fn: Any,
        *,
        radius: float = 0.2,
        relative: bool = False,
        perturbations: int = 10,
        threshold: float = 0.1,
        tries: int = 3,
        seed: int = 0,
        batch_size: int = 32,
    ) -> None:
        super().__init__(num_labels)
        require_activation(activation_fn)
        self._radius = require_number("radius", radius, 0.0, float(np.finfo(np.float32).max))
        if self._radius == 0:
            raise ValueError("`radius` must be above 0: nothing would be changed")
        self._relative = require_flag("relative", relative)
        self._perturbations = require_integer("perturbations", perturbations, 1)
        self._threshold = require_number("threshold", threshold, 0.0, 1.0)
        self._tries = require_integer("tries", tries, 1)
        self._seed = require_integer("seed", seed, 0)
        self._batch_size = require_integer("batch_size", batch_size, 1)
        self._probe = NetworkProbe(activation_fn, self._batch_size)
        self.settings = {
            "radius": self._radius,
            "relative": self._relative,
            "perturbations": self._perturbations,
            "threshold": self._threshold,
            "tries": self._tries,
            "seed": self._seed,
        }
        self._left_out = 0

    @property
    def left_out(self) -> int:
        """How many perturbations were left out of the scores since the last `reset`, each map's counted by itself."""
        return self._board.left_out

    def passes(self, case: Case) -> Passes:
        """The image's own; for each perturbation one and new maps, where its first try is taken by every label."""
        noisy = Passes(forwards=1, is_exact=False) + passes_of_maps(case, len(case.labels)).of_changed
        return Passes(forwards=1, known=1) + self._perturbations * noisy

    def _scores(
        self,
        images: FloatArray,
        labels: LabelArray,
        saliency: FloatArray,
        regions: NDArray[np.bool_] | None,
        explainer: Any,
    ) -> Float64Array:
        norms = _norms(saliency)
        changes = self._distances(images, labels, saliency, explainer) / np.where(norms > 0, norms, np.nan)[..., None]
        return self._score_changes(changes)

    @abstractmethod
    def _score_changes(self, changes: Float64Array) -> Float64Array:
        """The scores (N, L) of the maps' relative changes (N, L, perturbations); nan where one was left out."""

    def _distances(self, images: FloatArray, labels: LabelArray, saliency: FloatArray, explainer: Any) -> Float64Array:
        """How far the map of each perturbed image is from the image's, (N, L, perturbations); nan where left out."""
        accepted = self._accepted(images, labels, self._probe.of(explainer))
        self._board.left_out += int((accepted == _NONE).sum())
        found = np.full(accepted.shape, np.nan)
        shape = saliency.shape[1:]

        def maps_of(shown: FloatArray, indices: LabelArray) -> FloatArray:
            return require_maps("saliency", explainer(shown, labels[indices]), (len(indices), *shape))

        for batch in self._evaluated(maps_of, images, _draws_of(accepted)):
            for (index, _, (number, attempt)), maps in zip(batch.requests, batch.outputs, strict=True):
                takers = accepted[index, :, number] == attempt
                found[index, takers, number] = _norms(maps.astype(np.float64) - saliency[index])[takers]
        return found

    def _accepted(self, images: FloatArray, labels: LabelArray, classifier: Classifier) -> LabelArray:
        """The first attempt at each perturbation that the label accepts, or _NONE: (N, L, perturbations)."""
        whole = classifier.clean_probabilities(images).astype(np.float64)
        require_labels_in_range(labels, whole.shape[1])
        accepted = np.full((*labels.shape, self._perturbations), _NONE, np.int64)

        def changes_of(shown: FloatArray, indices: LabelArray) -> Float64Array:
            changes = np.abs(classifier.probabilities(shown) - whole[indices])
            changed = (shown != images[indices]).any(axis=(1, 2, 3))
            return np.where(changed[:, None], changes, np.inf)  # noise lost in rounding tells nothing

        for attempt in range(self._tries):
            # Only what some label of the image still waits for; an accepted draw is never replaced.
            waiting = np.argwhere((accepted == _NONE).any(axis=1))
            for batch in self._evaluated(changes_of, images, np.insert(waiting, 2, attempt, axis=1)):
                numbers = np.array([request.payload[0] for request in batch.requests])
                fits = np.take_along_axis(batch.outputs, labels[batch.indices], 1) <= self._threshold
                known = accepted[batch.indices, :, numbers]
                accepted[batch.indices, :, numbers] = np.where((known == _NONE) & fits, attempt, known)
        return accepted

    def _evaluated(self, evaluate: Evaluate, images: FloatArray, draws: LabelArray) -> Iterator[Evaluated]:
        """What is computed of the image of each draw (index, number, attempt) with its noise."""
        requests = (
            Request(index, Variant(self._noisy(images[index], number, attempt)), (number, attempt))
            for index, number, attempt in draws.tolist()
        )
        return evaluated(evaluate, images, requests, batch_size=self._batch_size)

    def _noisy(self, image: FloatArray, number: int, attempt: int) -> FloatArray:
        """The image with the noise of an attempt at a perturbation."""
        noisy: FloatArray = (image + self._noise(image, number, attempt)).astype(np.float32)
        return noisy

    def _noise(self, image: FloatArray, number: int, attempt: int) -> Float64Array:
        """The noise of an attempt at a perturbation, of the image's shape."""
        radius = self._radius * (float(image.max()) - float(image.min())) if self._relative else self._radius
        return sample_stream(self._seed, image, number, attempt).uniform(-radius, radius, image.shape)


class Robustness(_PerturbedMaps):
    """How little a map changes when noise is added to the image; one score per map, in [0, 1], 1 for no change.

    exp(-max_i ||S(x_i) - S(x)|| / ||S(x)||) over the perturbed images x_i, S the map, in the Euclidean norm. An x_i
    counts only where the label's probability stays about the same, as the network sees another image else; it is drawn
    anew up to `tries` times, and then left out. nan where none is left, and for a map of zeros.

    Noise depends on the image and `seed` alone, not on batches or on the order of the images. A method that draws at
    random, as RISE, draws anew for each perturbed image, so the noise of its own counts, too.

    Source: Yeh et al. 2019, "On the (In)fidelity and Sensitivity of Explanations", section 4, the largest of some draws
    relative to the map; the documentation of `mindspore.explainer`. There the test of the probabilities looked at the
    unperturbed image, so it was the same for all draws, and usually the third was used whatever it did.

    Args:
        num_labels: how many labels there are.
        activation_fn: logits -> probabilities, nn.Softmax() or nn.Sigmoid().
        radius: the noise is uniform in [-radius, radius] for each pixel and channel.
        relative: `radius` is a part of the image's maximum less its minimum, not in the units of the image.
        perturbations: how many x_i.
        threshold: how much the label's probability may change.
        tries: how many draws for each x_i.
        seed: what the noise depends on.
        batch_size: images in one pass through the network, and in one call of the explainer.

    Cost: a forward pass per image, one to `tries` per perturbation, and for each perturbation a map per label, the
    labels of an image in one call. Where labels accept different draws of a perturbation, all are explained for each.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong value.

    >>> from mindspore import nn
    >>> from explainer.explanation import Gradient
    >>> explainer = Gradient(nn.SequentialCell(nn.Flatten(), nn.Dense(4, 2)))
    >>> Robustness(2, nn.Softmax(), threshold=1).evaluate(explainer, np.ones((3, 1, 2, 2)), [0, 1, 0]).tolist()
    [1.0, 1.0, 1.0]
    """

    name = "Robustness"

    def _score_changes(self, changes: Float64Array) -> Float64Array:
        scores: Float64Array = np.exp(-np.fmax.reduce(changes, axis=2))
        return scores


class MaxSensitivity(_PerturbedMaps):
    """The largest relative change of a map when noise is added to the image; one score per map, 0 for none.

    max_i ||S(x_i) - S(x)|| / ||S(x)||, of which `Robustness` is exp(-...): lower is better.

    Source: Yeh et al. 2019, "On the (In)fidelity and Sensitivity of Explanations", definition 4.1, relative to the map;
    the largest of some draws, and only of those that leave the prediction, as in `Robustness`.

    Args, Cost, Raises: as for `Robustness`.

    >>> from mindspore import nn
    >>> MaxSensitivity(2, nn.Softmax()).parameters["bounds"]
    [0.0, None]
    """

    name = "MaxSensitivity"
    higher_is_better = False
    bounds = (0.0, float("inf"))

    def _score_changes(self, changes: Float64Array) -> Float64Array:
        largest: Float64Array = np.fmax.reduce(changes, axis=2)
        return largest


class AvgSensitivity(_PerturbedMaps):
    """The mean relative change of a map when noise is added to the image; one score per map, 0 for none.

    mean_i ||S(x_i) - S(x)|| / ||S(x)||, over the draws that leave the prediction: lower is better.

    Source: Bhatt, Weller and Moura 2020, "Evaluating and Aggregating Feature-based Model Explanations", definition 2,
    relative to the map.

    Args, Cost, Raises: as for `Robustness`.

    >>> from mindspore import nn
    >>> AvgSensitivity(2, nn.Softmax()).higher_is_better
    False
    """

    name = "AvgSensitivity"
    higher_is_better = False
    bounds = (0.0, float("inf"))

    def _score_changes(self, changes: Float64Array) -> Float64Array:
        known = np.isfinite(changes)
        total = np.where(known, changes, 0.0).sum(axis=2)
        counts = known.sum(axis=2)
        means: Float64Array = total / np.where(counts > 0, counts, np.nan)
        return means


def _draws_of(accepted: LabelArray) -> LabelArray:
    """What some label accepts, each once: rows of (index, number, attempt)."""
    indices, _, numbers = np.nonzero(accepted != _NONE)
    draws: LabelArray = np.unique(np.stack([indices, numbers, accepted[accepted != _NONE]], axis=1), axis=0)
    return draws


def _norms(maps: NDArray[Any]) -> Float64Array:
    """Euclidean, of each map (H, W)."""
    squares = [np.square(one, dtype=np.float64).sum() for one in maps.reshape(-1, *maps.shape[-2:])]
    norms: Float64Array = np.sqrt(squares).reshape(maps.shape[:-2])
    return norms
