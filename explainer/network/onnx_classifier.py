"""A MindSpore network that ONNX Runtime computes where that is right and pays; all else is MindSpore's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import numpy as np

from explainer.arrays import FloatArray, IndexArray
from explainer.classifier import LayerOutput
from explainer.errors import EngineError, NoReluError
from explainer.memory import images_at_once, images_per_pass, pieces
from explainer.network.dropout_at_work import DroppedImages
from explainer.network.dropout_question import DropoutQuestion
from explainer.network.engine import MINDSPORE, ONNXRUNTIME, Engine, EngineChoice
from explainer.network.mindspore.adapter import DroppedLogits, MindSporeClassifier, Stream
from explainer.network.mindspore.borrowing import one_thread
from explainer.network.mindspore.closed_form import ClosedForm
from explainer.network.mindspore.computations import with_a_row_each
from explainer.network.onnx.device import CPU
from explainer.network.onnx.dropping import drawn
from explainer.network.questions import ActivationQuestion, GradientQuestion, LayerQuestion
from explainer.network.sessions import ENOUGH_BATCHES, AtWork, Found, FoundT, Question, as_floats, sessions_of
from explainer.network.windowed import Outputs
from explainer.perturb.engine import windows_in
from explainer.relu_rules import ReluRule, plain

Given = TypeVar("Given")


class OnnxClassifier:
    """As the reference, which is MindSpore's; answers come from ONNX Runtime where it computes the network.

    With "auto" that is on a CPU, for a network that MindSpore can export and whose outputs are the same, where it is
    faster for the first images; in a run from the first batch on, else from the third or from a million pixels on.
    Each rule's gradient and each layer is compared for itself. What was found out is shared by all classifiers of a
    network object.

    Args:
        reference: the network and its activation, computed by MindSpore.
        choice: the engine and its device; "onnxruntime" is refused with an EngineError where it cannot be.

    >>> from mindspore import nn
    >>> network = nn.SequentialCell(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Dense(36, 5))
    >>> classifier = OnnxClassifier(MindSporeClassifier(network, nn.Softmax()), EngineChoice(ONNXRUNTIME))
    >>> classifier.probabilities(np.zeros((2, 3, 3, 3), np.float32)).shape
    (2, 5)
    """

    def __init__(self, reference: MindSporeClassifier, choice: EngineChoice) -> None:
        self._reference = reference
        self._choice = choice
        self._sessions = sessions_of(reference.network)
        self._closed_form = ClosedForm(reference.activation)

    @property
    def reference(self) -> MindSporeClassifier:
        """The network and its activation, computed by MindSpore."""
        return self._reference

    @property
    def network(self) -> Any:
        """The user's network."""
        return self._reference.network

    @property
    def batch_size(self) -> int:
        """Images in one pass through the network."""
        return self._reference.batch_size

    @property
    def keeps_outputs(self) -> bool:
        """Whether outputs for clean images are remembered."""
        return self._reference.keeps_outputs

    def asked_at_once(self, batch_size: int, image_shape: tuple[int, ...]) -> int:
        """How many images of this shape it is asked about together: small ones for a few passes of ONNX Runtime.

        Args:
            batch_size: images in one pass.
            image_shape: (C, H, W).
        """
        if self._is_at_work(image_shape):
            return images_at_once(batch_size, image_shape)
        return batch_size

    # Outputs.

    def logits(self, images: FloatArray) -> FloatArray:
        """The network's output: (N, K) float32.

        Raises:
            EngineError: ONNX Runtime is asked for and cannot compute the network, or failed; says why.
            NetworkOutputError: the output is not one tensor of (N, K).
        """
        with one_thread():
            self._reference.require_logits(images)
            found = self._computed(images)
            return self._reference.logits(images) if found is None else found[0]

    def outputs(self, images: FloatArray) -> Any:
        """The network's output, whatever it is: an array (N, ...) float32, or a tuple of them.

        Raises:
            EngineError: as for `logits`.
            NetworkOutputError: as for the reference.
        """
        with one_thread():
            self._reference.require_outputs(images)
            found = self._computed(images)
            if found is None:
                return self._reference.outputs(images)
        return found[0] if len(found) == 1 else tuple(found)

    def probabilities(self, images: FloatArray) -> FloatArray:
        """The output after the activation: (N, K) float32 in [0, 1].

        Raises:
            EngineError, NetworkOutputError: as for `logits`; the activation's output leaves [0, 1].
        """
        return self._activated(self.logits(images), images)

    def clean_logits(self, images: FloatArray) -> FloatArray:
        """As `logits`, of images as they are in the data: in a run they are not computed twice."""
        return self._reference.kept(images, self.logits)

    def clean_probabilities(self, images: FloatArray) -> FloatArray:
        """As `probabilities`, of images as they are in the data: in a run they are not computed twice."""
        return self._activated(self.clean_logits(images), images)

    def _activated(self, logits: FloatArray, images: FloatArray) -> FloatArray:
        with one_thread():
            if self._is_at_work(images.shape[1:]):
                return self._closed_form(logits, self._reference.activated)
            return self._reference.activated(logits)

    # Which engine.

    def _is_at_work(self, image_shape: tuple[int, ...]) -> bool:
        """Whether ONNX Runtime was found to give the outputs for images of this shape."""
        return isinstance(self._sessions.known(self._choice, image_shape), AtWork)

    @contextmanager
    def in_run(self, engine: str, device: str = CPU) -> Iterator[None]:
        """A run goes on: all classifiers of the network object ask for this engine, and clean outputs are kept."""
        with self._sessions.in_run(EngineChoice(engine, device)), self._reference.outputs_kept():
            yield

    def engine_for(self, images: FloatArray) -> Engine:
        """What computes the network for images of this shape, as it is known after the first."""
        with one_thread():
            at_work = self._sessions.chosen(self._choice, images[: self.batch_size], batches=0)
            if at_work is None:
                return Engine(MINDSPORE, reason=self._reason(images))
            questions = self._sessions.questions(at_work, images.shape[1:])
        answered = {label: _engine_of(found) for label, found in questions.items()}
        return replace(_engine_of(at_work), questions=answered)

    def _reason(self, images: FloatArray) -> str | None:
        found = self._sessions.known(self._choice, images.shape[1:])
        if isinstance(found, AtWork):
            return None if found.speedup > 1 else "ONNX Runtime was not faster for the first images"
        return None if found is None else str(found)

    def _computed(self, images: FloatArray) -> list[FloatArray] | None:
        """The outputs by ONNX Runtime; None where MindSpore is to compute them."""
        chunks = pieces(len(images), images_per_pass(self.batch_size, images.shape[1:]))
        at_work = self._sessions.chosen(self._choice, images[: self.batch_size], len(chunks))
        if at_work is None:
            return None
        windows = windows_in(images)
        if windows is not None:
            return self._given(at_work.with_windows, None, chunks, images, windows)
        return self._given(at_work, None, chunks, images)

    def _answering(
        self, question: Question[FoundT], images: FloatArray, rows: int, *, at_once: bool = False
    ) -> FoundT | None:
        """What answers a question for so many rows by ONNX Runtime; None where MindSpore is to answer."""
        batches = len(pieces(rows, images_per_pass(self.batch_size, images.shape[1:])))
        batches += at_once * ENOUGH_BATCHES
        outputs = self._sessions.chosen(self._choice, images[: self.batch_size], batches, question)
        return None if outputs is None else self._sessions.asked(outputs, images, question)

    def _asked(self, question: Question[AtWork], *arrays: FloatArray, at_once: bool = False) -> list[FloatArray] | None:
        """The answer to a question by ONNX Runtime; None where MindSpore is to answer."""
        images = arrays[0]
        at_work = self._answering(question, images, len(images), at_once=at_once)
        if at_work is None:
            return None
        chunks = pieces(len(images), images_per_pass(self.batch_size, images.shape[1:]))
        return self._given(at_work, question, chunks, *arrays)

    def _given(
        self, at_work: Callable[..., Outputs], question: Question[Any] | None, chunks: list[slice], *arrays: Any
    ) -> list[FloatArray] | None:
        def given() -> list[list[FloatArray]]:
            return [as_floats(at_work(*(array[chunk] for array in arrays))) for chunk in chunks]

        parts = self._tried(question, arrays[0], given)
        if parts is None:
            return None
        return [with_a_row_each(_joined(output), len(arrays[0])) for output in zip(*parts, strict=True)]

    def _tried(self, question: Question[Any] | None, images: FloatArray, given: Callable[[], Given]) -> Given | None:
        """What ONNX Runtime gives for images; None where it fails, and MindSpore is to answer from now on."""
        try:
            return given()
        except Exception as error:  # ONNX Runtime has a class of its own for each reason, all private
            self._sessions.failed(self._choice, images, error, question)
            return None

    # Gradients and layers.

    def gradient(self, images: FloatArray, seed: FloatArray, *, relu_rule: ReluRule = plain) -> FloatArray:
        """The gradient of <seed, logits>, every ReLU passing back what `relu_rule` says: (N, C, H, W) float32.

        Args:
            images: (N, C, H, W).
            seed: (N, K), the weight of each logit.
            relu_rule: what each ReLU or ReLU6 passes back, be it a cell, an operator, a function or compiled code.

        Raises:
            EngineError: as for `logits`.
            NoReluError, LayerError, NoGradientError: as for the reference.
        """
        with one_thread():
            self._reference.require_logits(images)
            seed = seed.astype(np.float32, copy=False)
            question = GradientQuestion(self._reference, images, seed, relu_rule)
            found = self._asked(question, images, seed)
            try:
                gradient = self._reference.gradient(images, seed, relu_rule=relu_rule) if found is None else found[0]
            except NoReluError:  # MindSpore's rules do not reach what the graph's may
                found = self._asked(question, images, seed, at_once=True)
                if found is None:
                    raise
                gradient = found[0]
            zero = _zero_rows(gradient, seed)
            if found is not None and zero.size:  # it may be cut there: the reference looks
                unruled = self._reference.gradient(images[zero], seed[zero])
                if relu_rule is plain:
                    gradient[zero] = unruled
        return gradient

    def layer(self, images: FloatArray, seed: FloatArray, name: str) -> tuple[FloatArray, FloatArray]:
        """The output of a layer and d <seed, logits> / d output: both (N, ...) float32.

        Args:
            images: (N, C, H, W).
            seed: (N, K), the weight of each logit.
            name: the cell's name, any one that it has in the network; "" is the input itself.

        Raises:
            EngineError: as for `logits`.
            LayerError: as for the reference.
        """
        if name == "":
            return images, self.gradient(images, seed)
        with one_thread():
            self._reference.require_logits(images)
            seed = seed.astype(np.float32, copy=False)
            found = self._asked(LayerQuestion(self._reference, images, seed, name), images, seed)
            if found is None:
                return self._reference.layer(images, seed, name)
            shape = self._reference.layer_output(images, name).shape
            gradient, activation = (array.reshape(len(images), *shape) for array in found)
            zero = _zero_rows(gradient, seed)
            if zero.size:
                gradient[zero] = self._reference.layer(images[zero], seed[zero], name)[1]
        return activation, gradient

    def activations(self, images: FloatArray, name: str) -> FloatArray:
        """The output of a layer, (N, ...) float32; no gradient is needed.

        Args:
            images: (N, C, H, W).
            name: as for `layer`.

        Raises:
            EngineError: as for `logits`.
            LayerError: as for the reference.
        """
        if name == "":
            return images
        with one_thread():
            self._reference.require_logits(images)
            found = self._asked(ActivationQuestion(self._reference, images, name), images)
            if found is None:
                return self._reference.activations(images, name)
            return found[0].reshape(len(images), *self._reference.layer_output(images, name).shape)

    # Dropout.

    def sampled_probabilities(self, images: FloatArray, draws: int, seed: int) -> FloatArray:
        """Probabilities under the network's own dropout, (draws, N, K) float32; the same draws with every engine.

        Args:
            images: (N, C, H, W).
            draws: how many times each image is evaluated.
            seed: a whole number >= 0.

        Raises:
            EngineError: as for `logits`.
            NoDropoutError, NetworkOutputError: as for the reference.
        """
        with one_thread():
            return self._reference.sampled(images, draws, seed, partial(self._dropping, images))

    def _dropping(self, images: FloatArray, rows: int) -> DroppedLogits:
        """What gives the logits of so many rows of images under dropout."""
        question = DropoutQuestion(self._reference, images)
        at_work = self._answering(question, images, rows)
        if at_work is None:
            return partial(self._reference.dropped_logits, images)
        dropped, graph = DroppedImages(at_work, images, self.batch_size), at_work.graph

        def logits_of(indices: IndexArray, streams: Sequence[Stream]) -> FloatArray:
            draws = drawn(graph, [stream() for stream in streams])
            found = self._tried(question, images[indices[:1]], lambda: dropped.logits(indices, draws))
            return self._reference.dropped_logits(images, indices, streams) if found is None else found

        return logits_of

    # What MindSpore answers.

    def class_count(self, images: FloatArray) -> int:
        """K, the number of classes, for images of this shape; see the reference."""
        return self._reference.class_count(images)

    def output_shapes(self, images: FloatArray) -> list[tuple[int, ...]]:
        """The shapes of the output's tensors, without the batch axis; see the reference."""
        return self._reference.output_shapes(images)

    def unchanged(self) -> AbstractContextManager[None]:
        """Nobody changes the network meanwhile, so that it need not be looked at for each evaluation."""
        return self._reference.unchanged()

    def layer_name(self, layer: Any) -> str:
        """The name of a layer given by name or as a cell of the network; see the reference."""
        return self._reference.layer_name(layer)

    def layer_output(self, images: FloatArray, name: str) -> LayerOutput:
        """What a layer gives for images of this shape; see the reference."""
        return self._reference.layer_output(images, name)

    def layers(self, images: FloatArray) -> list[LayerOutput]:
        """The layers that run once for the first image and give one tensor; see the reference."""
        return self._reference.layers(images)

    def layers_with_weights(self) -> list[str]:
        """The names of the layers that hold weights of their own; see the reference."""
        return self._reference.layers_with_weights()

    def randomised(self, seed: int) -> AbstractContextManager[Callable[[str], None]]:
        """A function that shuffles the weights of a layer by its name; see the reference."""
        return self._reference.randomised(seed)

    def weights_digest(self) -> str:
        """A digest of every parameter's name, type, shape and values, 32 hexadecimal digits."""
        return self._reference.weights_digest()

    def require_dropout(self) -> None:
        """Raises NoDropoutError when no cell of the network drops anything."""
        self._reference.require_dropout()


def _joined(parts: tuple[FloatArray, ...]) -> FloatArray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _engine_of(found: Found | EngineError) -> Engine:
    if isinstance(found, EngineError):
        return Engine(MINDSPORE, reason=str(found))
    return Engine(ONNXRUNTIME, found.difference, device=found.device)


def _zero_rows(gradient: FloatArray, seed: FloatArray) -> IndexArray:
    """The rows in which a gradient is nothing but zeros though it was asked for."""
    return np.flatnonzero(seed.any(axis=1) & ~gradient.reshape(len(gradient), -1).any(axis=1))
