"""What an explainer of one's own has to hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar
from unittest import SkipTest

import numpy as np
from mindspore import nn

from explainer.arrays import FloatArray
from explainer.explanation.base import Attribution
from explainer.network.of import classifier_of, is_tensor, to_tensor, without_tensor
from explainer.testing.counting import CountingClassifier
from explainer.testing.examples import images_of
from explainer.testing.expectations import (
    BATCH_ROUNDING,
    require_alike,
    require_json,
    require_passes,
    require_refused,
)
from explainer.testing.networks import (
    CLASSES,
    FAILURE,
    FailingNetwork,
    SmallNetwork,
    half_trained,
    require_untouched,
    state_of,
)

_LABELS = np.array([[2, 0], [1, 3], [3, 2]])
_NAMES = ["ant", "bee", "cat", "dog"]
_ORDER = [2, 0, 1]


class ExplainerContract(ABC):
    """What holds for every explainer. The hole is `make`.

    The images are (3, 2, 5, 7), the network has convolutions, ReLUs and 4 classes; few draws or masks are enough.

    >>> from explainer.explanation import Gradient
    >>> class TestGradient(ExplainerContract):
    ...     signed = False
    ...
    ...     def make(self, network):
    ...         return Gradient(network)
    >>> TestGradient().test_maps_do_not_depend_on_the_batch_size()
    """

    signed: ClassVar[bool | None] = None
    """Whether maps have negative values, so that the sign says for or against; None: that is not tested."""
    labels_matter: ClassVar[bool] = True
    """Whether the maps of different labels differ."""

    @abstractmethod
    def make(self, network: Any) -> Attribution:
        """The explainer, set up in the same way each time.

        Args:
            network: a mindspore.nn.Cell, images (N, C, H, W) -> logits (N, 4); or a Classifier in place of it, whose
                activation and batch size count then.
        """

    def make_network(self) -> nn.Cell:
        """The network that is explained, the same each time, of 4 classes; may be one that the explainer needs."""
        return SmallNetwork()

    def test_there_is_one_finite_float32_map_for_each_image_and_label(self) -> None:
        """Arrays (N, L, H, W) for arrays (N, C, H, W) and labels: one for all, (N,) or (N, L)."""
        explainer, images = self.make(self.make_network()), images_of(3)
        for targets, count in [(2, 1), (_LABELS[:, 0], 1), (_LABELS, 2)]:
            maps = explainer(images, targets)
            assert isinstance(maps, np.ndarray), f"maps of an array must be an array, got a {type(maps).__name__}"
            wanted = (3, count, *images.shape[2:])
            assert maps.shape == wanted, f"maps of images {images.shape} must be {wanted}, got {maps.shape}"
            assert maps.dtype == np.float32, f"maps must be float32, got {maps.dtype}"
            assert np.isfinite(maps).all(), "maps must be finite"

    def test_maps_have_the_signs_that_they_claim(self) -> None:
        """As `signed` says."""
        if self.signed is None:
            raise SkipTest("`signed` claims nothing")
        maps = self.make(self.make_network())(images_of(3), _LABELS)
        negative = bool((maps < 0).any())
        assert negative is self.signed, f"signed is {self.signed}, but the least value is {maps.min()}"

    def test_a_tensor_gives_a_tensor(self) -> None:
        """Of the same values as an array gives."""
        explainer, images = self.make(self.make_network()), images_of(3)
        maps = explainer(to_tensor(images), to_tensor(_LABELS))
        assert is_tensor(maps), f"maps of a Tensor must be a Tensor, got a {type(maps).__name__}"
        require_alike("maps of a Tensor", without_tensor(maps), explainer(images, _LABELS))

    def test_maps_do_not_depend_on_the_batch_size(self) -> None:
        """Batches of 1, of 7, and each image alone, to 1e-5 of the largest value."""
        images, labels, network = images_of(3), _LABELS[:, 0], self.make_network()
        explainer = self._with_batches_of(7, network)
        wanted = explainer(images, labels)
        found = self._with_batches_of(1, network)(images, labels)
        require_alike("maps in batches of 1", found, wanted, BATCH_ROUNDING)
        alone = np.concatenate([explainer(images[n : n + 1], int(labels[n])) for n in range(3)])
        require_alike("maps of the images one by one", alone, wanted, BATCH_ROUNDING)

    def test_maps_do_not_depend_on_the_order_of_the_images(self) -> None:
        """A map belongs to its image and label, wherever they stand in the batch."""
        explainer, images = self._with_batches_of(7, self.make_network()), images_of(3)
        turned = explainer(images[_ORDER], _LABELS[_ORDER])
        require_alike("maps in another order", turned, explainer(images, _LABELS)[_ORDER], BATCH_ROUNDING)

    def test_several_labels_at_once_are_the_labels_one_by_one(self) -> None:
        """The map of a label does not depend on what else is explained."""
        explainer, images = self.make(self.make_network()), images_of(3)
        alone = np.concatenate([explainer(images, _LABELS[:, column]) for column in (0, 1)], axis=1)
        require_alike("maps of several labels at once", explainer(images, _LABELS), alone, BATCH_ROUNDING)

    def test_a_label_may_be_called_by_its_name(self) -> None:
        """Of an explainer `with_labels`, which leaves the first one as it was."""
        explainer, images = self.make(self.make_network()), images_of(3)
        named = explainer.with_labels(_NAMES)
        assert named.labels == tuple(_NAMES), f"`labels` must be {tuple(_NAMES)}, got {named.labels}"
        by_name = named(images, [[_NAMES[label] for label in row] for row in _LABELS])
        require_alike("maps of labels by their names", by_name, explainer(images, _LABELS))
        require_alike("maps of labels by their numbers", named(images, _LABELS), by_name)
        require_refused("a name that there is not", lambda: named(images, "yak"))
        require_refused("a name where none is known", lambda: explainer(images, _NAMES[1]))

    def test_the_maps_of_different_labels_differ(self) -> None:
        """Unless `labels_matter` says that they do not."""
        (maps,) = self.make(self.make_network())(images_of(1), np.array([[2, 0, 1, 3]]))
        different = len(np.unique(maps.reshape(CLASSES, -1), axis=0)) == CLASSES
        assert different is self.labels_matter, f"labels_matter is {self.labels_matter}; different maps: {different}"

    def test_the_same_explainer_gives_the_same_maps_again(self) -> None:
        """Called twice, and made twice in the same way, as with one seed: bit by bit."""
        network, images = self.make_network(), images_of(3)
        explainer = self.make(network)
        first = explainer(images, _LABELS)
        np.random.random(3)  # the state of global generators is of no matter
        require_alike("maps of a second call", explainer(images, _LABELS), first)
        require_alike("maps of a second explainer", self.make(network)(images, _LABELS), first)

    def test_images_and_labels_are_left_as_they_were(self) -> None:
        """Also when the maps are written to afterwards."""
        images, labels = images_of(3), _LABELS.copy()
        tensor = to_tensor(images)
        explainer = self.make(self.make_network())
        explainer(images, labels)[:] = -1
        explainer(tensor, labels)
        require_alike("the images after a call", images, images_of(3))
        require_alike("the labels after a call", labels, _LABELS)
        require_alike("a Tensor of images after a call", without_tensor(tensor), images_of(3))

    def test_the_network_comes_back_as_it_was(self) -> None:
        """Cells, flags, parameters; after a call, after a wrong label, after `check`."""
        network = half_trained(self.make_network())
        before = state_of(network)
        explainer = self.make(network)
        assert explainer.network is network, "`network` must be the user's own"
        explainer(images_of(3), _LABELS)
        require_untouched("after a call", network, before)
        require_refused("a label that there is not", lambda: explainer(images_of(3), CLASSES))
        require_untouched("after a wrong label", network, before)
        explainer.check(images_of(1))
        require_untouched("after `check`", network, before)

    def test_the_network_comes_back_as_it_was_when_it_raises(self) -> None:
        """At its second call; what it raises comes out as it is."""
        network = half_trained(FailingNetwork(self.make_network(), good_calls=1))
        before = state_of(network)
        explainer = self.make(network)
        error = require_refused("an error of the network", lambda: explainer(images_of(3), 1), (RuntimeError,))
        assert FAILURE in str(error), f"the network's own error must come out, got {error!r}"
        require_untouched("after the network raised", network, before)

    def test_bad_inputs_are_refused(self) -> None:
        """NaN and infinity, other axes, no numbers, labels that there are not: TypeError or ValueError."""
        explainer = self.make(self.make_network())
        for what, images, labels in _bad_inputs():
            require_refused(what, lambda images=images, labels=labels: explainer(images, labels))  # type: ignore[misc]

    def test_parameters_are_json_and_a_copy(self) -> None:
        """They are what a summary records, also after a call."""
        explainer = self.make(self.make_network())
        require_json("`parameters`", explainer.parameters)
        explainer(images_of(1), 1)
        recorded = require_json("`parameters` after a call", explainer.parameters)
        explainer.parameters["class"] = "another"
        require_alike("`parameters`, written to from outside", explainer.parameters, recorded)
        assert explainer.name.strip(), "`name` must not be blank; a summary files maps under it"

    def test_passes_are_what_a_call_needs(self) -> None:
        """A run tells by them beforehand what it will take."""
        for count in (1, 2):
            images = images_of(1)
            classifier = CountingClassifier(self.make_network(), nn.Softmax(), clean=images)
            explainer = self.make(classifier)
            told = explainer.passes(images.shape[1:], count)
            explainer(images, _LABELS[:1, :count])
            require_passes(f"`passes` of {count} labels", told, classifier.passes)

    def test_check_takes_one_image_and_refuses_what_a_call_refuses(self) -> None:
        """A run tries the first image before it makes a file."""
        explainer = self.make(self.make_network())
        explainer.check(images_of(1))
        require_refused("`check` of a NaN", lambda: explainer.check(np.full_like(images_of(1), np.nan)))

    def test_perturbed_images_go_through_the_engine(self) -> None:
        """Whatever is hidden or changed; see `CountingClassifier`."""
        images = images_of(3)
        self.make(CountingClassifier(self.make_network(), nn.Softmax(), clean=images))(images, _LABELS)

    def _with_batches_of(self, size: int, network: nn.Cell) -> Attribution:
        return self.make(classifier_of(network, nn.Softmax(), batch_size=size))


def _bad_inputs() -> list[tuple[str, Any, Any]]:
    """What each is, images and labels."""
    bad: list[tuple[str, Any, Any]] = [
        ("an image without a batch axis", images_of(3)[0], 1),
        ("images of five axes", images_of(3)[None], 1),
        ("no image", images_of(3)[:0], 1),
        ("text for images", "image.png", 1),
        ("a label of too many classes", images_of(3), CLASSES),
        ("a negative label", images_of(3), -1),
        ("labels for other images", images_of(3), np.array([1, 2])),
        ("a label that is no whole number", images_of(3), 1.5),
    ]
    return bad + [(f"an image of {value}", _with_value(value), _LABELS) for value in (np.nan, np.inf, -np.inf)]


def _with_value(value: float) -> FloatArray:
    images = images_of(3)
    images[1, 0, 2, 3] = value
    return images
