"""The adapter: a MindSpore network and its activation as a Classifier. The only room that touches the user's cells."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, NamedTuple

import mindspore
import numpy as np
from mindspore import Tensor, nn

from explainer.arrays import FloatArray, IndexArray
from explainer.checks import require_integer
from explainer.classifier import LayerOutput
from explainer.cores import products_on_one_thread
from explainer.errors import NetworkOutputError
from explainer.memory import images_per_pass, pieces
from explainer.network.mindspore import cpu_setup
from explainer.network.mindspore.backward import way_back_from
from explainer.network.mindspore.borrowing import blocking, borrowed, class_of, one_thread, reclassed
from explainer.network.mindspore.computations import (
    arrays_of,
    checked_objective_of,
    forward_of,
    gradient_function,
    objective_of,
    only_output,
    slot_gradient_function,
    with_a_row_each,
)
from explainer.network.mindspore.cuts import Found, require_uncut
from explainer.network.mindspore.dropout import dropped_logits, require_dropout
from explainer.network.mindspore.graph_files import holds_graph, require_gradients, require_layers
from explainer.network.mindspore.inputs import differentiating, evaluating, require_network
from explainer.network.mindspore.layers import (
    channel_axis,
    describe,
    is_batch_of_one,
    layer_named,
    nudged,
    require_gradient,
    resolve_layer,
    slot,
    tapped,
    watched,
    watched_layer,
)
from explainer.network.mindspore.loops import has_open_loop
from explainer.network.mindspore.program import Program, Trace
from explainer.network.mindspore.randomised import layers_with_weights, randomised
from explainer.network.mindspore.relus import Reach, reach, require_ruled, ruled_operators
from explainer.network.mindspore.shared import shared_of, weights_digest
from explainer.network.mindspore.slices import differentiable_slices
from explainer.network.mindspore.state import State, state_of
from explainer.relu_rules import ReluRule, plain
from explainer.streams import sample_streams

_ROUNDING = 1e-5  # what float32 sums may stray beyond [0, 1]
_MIXED = 5e-3  # of the largest logit: more than rounding, in half precision too
_OF_A_BATCH = (
    "the network's answer for an image depends on the others of its batch, by %.1e of the largest: its maps and scores "
    "depend on which images go together; it must answer each image for itself"
)
_LOG = logging.getLogger("explainer")
_FLOATS = (mindspore.float16, mindspore.float32, mindspore.float64)  # of which NumPy has the values

Stream = Callable[[], np.random.Generator]
"""A stream of random numbers, from its beginning."""
DroppedLogits = Callable[[IndexArray, Sequence[Stream]], FloatArray]
"""The logits (B, K) of images, by rising indices (B,), each under the masks that are drawn from its own stream."""


class MindSporeClassifier:
    """Logits, probabilities, gradients and layers of a MindSpore network, for batches of any size.

    The network is borrowed for each call: evaluated with its weights of that moment, in evaluation mode, and given back
    with every flag as it was. Large batches run in pieces of `batch_size`, compiled once enough full ones have come;
    results do not depend on the batch size (to 1e-5).

    Args:
        network: images (N, C, H, W) -> logits (N, K).
        activation_fn: logits -> probabilities (N, K); needed for probabilities only.
        batch_size: images in one pass through the network, at most; large ones go fewer at a time, see
            `explainer.memory`.

    Raises:
        TypeError: `network` or `activation_fn` is not a mindspore.nn.Cell.

    >>> from mindspore import nn
    >>> classifier = MindSporeClassifier(nn.SequentialCell(nn.Flatten(), nn.Dense(12, 5)), nn.Softmax())
    >>> classifier.probabilities(np.zeros((3, 3, 2, 2), np.float32)).shape
    (3, 5)
    """

    def __init__(self, network: nn.Cell, activation_fn: nn.Cell | None = None, *, batch_size: int = 32) -> None:
        require_network("network", network)
        if activation_fn is not None:
            require_network("activation_fn", activation_fn)
        cpu_setup.warn_if_late()
        self._network = network
        self._activation = activation_fn
        self._batch_size = require_integer("batch_size", batch_size, 1)
        self._shared = shared_of(network)

    @property
    def activation(self) -> nn.Cell | None:
        """From the network's output to probabilities; None where nobody asks for these."""
        return self._activation

    @property
    def network(self) -> nn.Cell:
        """The user's network."""
        return self._network

    @property
    def batch_size(self) -> int:
        """Images in one pass through the network."""
        return self._batch_size

    def class_count(self, images: FloatArray) -> int:
        """K, the number of classes, for images of this shape.

        Raises:
            NetworkOutputError: the output is not one tensor of (N, K).
        """
        with one_thread():
            self._drop_what_is_stale()
            return self._require_logits(self._known_shapes(images), images)

    def require_logits(self, images: FloatArray) -> None:
        """Nothing; what is out of date is dropped, as far as its cells tell.

        Raises:
            NetworkOutputError: the output is not one tensor of (N, K).
        """
        self._require_logits(self._known_output(images), images)

    def require_outputs(self, images: FloatArray) -> None:
        """Nothing; what is out of date is dropped, as far as its cells tell.

        Raises:
            NetworkOutputError: as for `outputs`.
        """
        self._require_outputs(self._known_output(images), images)

    def logits(self, images: FloatArray) -> FloatArray:
        """The network's output: (N, K) float32."""
        with borrowed(self._network):
            self._class_count(images)
            program = self._program("logits", images.shape[1:], lambda count: Trace(forward_of(self._network)))
            with evaluating(self._network, images):
                outputs = program(images)
            logits = with_a_row_each(outputs[0], len(images))
            if len(images) > 1:  # the first such batch tells: what is known begins with its first image alone
                self._shared.remembered("batch", lambda: self._look_at_batch(images, logits))
        return logits

    def outputs(self, images: FloatArray) -> Any:
        """The network's output, whatever it is: an array (N, ...) float32, or a tuple of them.

        Args:
            images: (N, ...), of any number of axes.

        Raises:
            NetworkOutputError: the output is neither one tensor nor a tuple of them, with the batch on axis 0.
        """
        with borrowed(self._network):
            self._output_shapes(images)
            program = self._program("logits", images.shape[1:], lambda count: Trace(forward_of(self._network)))
            with evaluating(self._network, images):
                outputs = tuple(with_a_row_each(output, len(images)) for output in program(images))
        return outputs[0] if len(outputs) == 1 else outputs

    def output_shapes(self, images: FloatArray) -> list[tuple[int, ...]]:
        """The shapes of the output's tensors for images of this shape, without the batch axis.

        Raises:
            NetworkOutputError: as for `outputs`.
        """
        with one_thread():
            self._drop_what_is_stale()
            return self._require_outputs(self._known_shapes(images), images)

    def probabilities(self, images: FloatArray) -> FloatArray:
        """The output after the activation: (N, K) float32 in [0, 1].

        Raises:
            NetworkOutputError: the activation's output has another shape or leaves [0, 1].
        """
        return self.activated(self.logits(images))

    def clean_logits(self, images: FloatArray) -> FloatArray:
        """As `logits`, of images as they are in the data: in a run they are not computed twice."""
        return self.kept(images, self.logits)

    def kept(self, images: FloatArray, evaluate: Callable[[FloatArray], FloatArray]) -> FloatArray:
        """`evaluate(images)`, logits (N, K); in a run not computed twice."""
        with one_thread():
            self.require_logits(images)  # drops what is out of date
            return self._shared.clean_outputs(images, evaluate)

    def clean_probabilities(self, images: FloatArray) -> FloatArray:
        """As `probabilities`, of images as they are in the data: in a run they are not computed twice."""
        return self.activated(self.clean_logits(images))

    @property
    def keeps_outputs(self) -> bool:
        """Whether outputs for clean images are remembered."""
        return self._shared.keeps_outputs

    @contextmanager
    def outputs_kept(self) -> Iterator[None]:
        """Outputs for clean images are remembered meanwhile; nobody may train or change the network in that time."""
        with self.unchanged(), self._shared.outputs_kept():
            yield

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Nobody changes the network meanwhile: it is compared with what was compiled of it once, at the beginning.

        The cores are the network's, as passes and NumPy take turns.
        """
        with one_thread():
            is_untouched = self._drop_what_is_stale()
        with self._shared.taken_as_it_is(is_untouched=is_untouched), products_on_one_thread():
            yield

    def activated(self, logits: FloatArray) -> FloatArray:
        """Logits (N, K) after the activation: (N, K) float32 in [0, 1].

        Raises:
            NetworkOutputError: as for `probabilities`.
        """
        activation = self._required_activation()
        with borrowed(activation):
            given = activation(Tensor(logits))
            probabilities: FloatArray = given.asnumpy().astype(np.float32)
        return _checked_probabilities(probabilities, (len(logits), logits.shape[1]))

    def gradient(self, images: FloatArray, seed: FloatArray, *, relu_rule: ReluRule = plain) -> FloatArray:
        """The gradient of <seed, logits>, every ReLU passing back what `relu_rule` says: (N, C, H, W) float32.

        Args:
            images: (N, C, H, W).
            seed: (N, K), the weight of each logit; one-hot rows give the gradient of one logit.
            relu_rule: what each ReLU or ReLU6 passes back, be it a cell, an operator or a function.

        Raises:
            NoReluError: a rule other than `plain` for a network without a ReLU, or with one that no rule reaches.
            LayerError: the gradient is exactly zero, though the images do change the logits: the way back is cut.
            NoGradientError: MindSpore has no gradient for an operator of the network.
        """
        with borrowed(self._network):
            self._class_count(images)
            require_gradients(self._network)
            if relu_rule is not plain:
                return self._ruled_gradient(images, seed, relu_rule)

            def trace(count: int) -> Trace:
                return Trace(
                    gradient_function(objective_of(self._network)),
                    eager=gradient_function(checked_objective_of(self._network)),
                    eager_around=differentiable_slices,
                )

            def logits_of_nudged(rows: IndexArray, change: FloatArray) -> FloatArray:
                return self._logits_under(images[rows] + change, {})

            program = self._program(("gradient", plain), images.shape[1:], trace)

            def gradient_of(images: FloatArray, seed: FloatArray) -> FloatArray:
                return program(images, seed)[0]

            with differentiating(self._network):
                gradient = gradient_of(images, seed)
            found = Found("the input", images, seed, images, gradient)
            require_uncut(found, gradient_of, logits_of_nudged, self._batch_size)
        return gradient

    def layer_name(self, layer: Any) -> str:
        """The name of a layer given by name or as a cell of the network; "" is the input.

        Raises:
            TypeError: `layer` is neither a string nor a cell.
            LayerError: the network has no such layer; the message lists the nearest names.
        """
        if layer != "":
            require_layers(self._network)
        return resolve_layer(self._network, layer)

    def layer(self, images: FloatArray, seed: FloatArray, name: str) -> tuple[FloatArray, FloatArray]:
        """The output of a layer and d <seed, logits> / d output: both (N, ...) float32.

        Args:
            images: (N, C, H, W).
            seed: (N, K), the weight of each logit.
            name: the cell's name, any one that it has in the network; "" is the input itself.

        Raises:
            LayerError: no such cell; one that does not run exactly once per pass and give one tensor; or one whose
                gradient is exactly zero, though it does change the logits: the way back to it is cut.
        """
        if name == "":
            return images, self.gradient(images, seed)
        cell = layer_named(self._network, name)
        with borrowed(self._network):
            self._class_count(images)
            require_gradients(self._network)
            shape = self._layer_output(name, images).shape

            def trace(count: int) -> Trace:
                slots = [slot(f"explainer_{kind}", (count, *shape)) for kind in ("activation", "gradient")]
                return Trace(
                    slot_gradient_function(objective_of(self._network), slots),
                    {cell: tapped(class_of(cell), *slots)},
                    eager=slot_gradient_function(checked_objective_of(self._network), slots),
                    eager_around=differentiable_slices,
                )

            self._require_gradient(name, images)
            program = self._program(("layer", name), images.shape[1:], trace)

            def gradient_of(images: FloatArray, seed: FloatArray) -> FloatArray:
                return program(images, seed)[1]

            with differentiating(self._network):
                activation, gradient = program(images, seed)
            # Both come back with the gradient, so where the way back is cut neither does.
            missing = np.flatnonzero(~activation.reshape(len(activation), -1).any(axis=1))
            if missing.size:
                activation[missing] = self._activations(cell, images[missing])

            def logits_of_nudged(rows: IndexArray, change: FloatArray) -> FloatArray:
                return self._logits_under(images[rows], {cell: nudged(class_of(cell), change)})

            found = Found(f"layer {name!r}", images, seed, activation, gradient)
            require_uncut(found, gradient_of, logits_of_nudged, self._batch_size)
        return activation, gradient

    def activations(self, images: FloatArray, name: str) -> FloatArray:
        """The output of a layer: (N, ...) float32. No gradient is needed, so a backward rule around it is no matter.

        Args:
            images: (N, C, H, W).
            name: as for `layer`.

        Raises:
            LayerError: no such cell, or one that does not run exactly once per pass and give one tensor.
        """
        if name == "":
            return images
        with borrowed(self._network):
            self._class_count(images)
            self._layer_output(name, images)
            return self._activations(layer_named(self._network, name), images)

    def layer_output(self, images: FloatArray, name: str) -> LayerOutput:
        """What a layer gives for images of this shape.

        Args:
            images: (N, C, H, W).
            name: as for `layer`.

        Raises:
            LayerError: no such cell, or one that does not run exactly once per pass and give one tensor.
        """
        if name == "":
            return LayerOutput("", "", tuple(images.shape[1:]), 1)
        with one_thread():
            self._require_logits(self._known_shapes(images), images)
            known: LayerOutput | None = self._shared.known.get(_layer_key(name, images))
            if known is not None:
                return known
            with borrowed(self._network):
                return self._layer_output(name, images)

    def layers(self, images: FloatArray) -> list[LayerOutput]:
        """The layers that run once for the first image and give one tensor, in the order in which they end.

        Layers that have a backward rule of their own (bprop), or lie inside a cell with one, are left out.

        Args:
            images: (N, C, H, W).
        """
        require_layers(self._network)
        with borrowed(self._network):
            cells = {cell: name for name, cell in self._network.cells_and_names() if name and not cell.has_bprop}
            runs = watched(self._network, list(cells), images[:1])
        counts = Counter(run.cell for run in runs)
        return [
            _layer_output(cells[run.cell], run.cell, run.output)
            for run in runs
            if counts[run.cell] == 1 and not run.inside_own_rule and is_batch_of_one(run.output)
        ]

    def layers_with_weights(self) -> list[str]:
        """The names of the cells that hold weights of their own, in the order of `network.cells_and_names()`."""
        require_layers(self._network)
        return layers_with_weights(self._network)

    def randomised(self, seed: int) -> AbstractContextManager[Callable[[str], None]]:
        """A function that shuffles the weights of a layer by its name; all of them are put back, whatever happens."""
        return randomised(self._network, seed)

    def weights_digest(self) -> str:
        """A digest of every parameter's name, type, shape and values, 32 hexadecimal digits."""
        return weights_digest(self._network)

    def require_dropout(self) -> None:
        """Raises NoDropoutError when no cell of the network drops anything."""
        require_dropout(self._network)

    def sampled_probabilities(self, images: FloatArray, draws: int, seed: int) -> FloatArray:
        """Probabilities under the network's own dropout, batch norm frozen: (draws, N, K) float32.

        The masks of a sample depend on the seed, the sample's content and the draw alone.

        Args:
            images: (N, C, H, W).
            draws: how many times each image is evaluated.
            seed: a whole number >= 0.

        Raises:
            NoDropoutError: the network has no dropout cell with a rate above 0.
            NetworkOutputError: the activation's output has another shape or leaves [0, 1].
        """
        with borrowed(self._network):
            return self.sampled(images, draws, seed, lambda rows: partial(self.dropped_logits, images))

    def sampled(
        self, images: FloatArray, draws: int, seed: int, answering: Callable[[int], DroppedLogits]
    ) -> FloatArray:
        """As `sampled_probabilities`, by what answers so many rows; it is asked for when the arguments are checked."""
        require_integer("seed", seed, 0)
        require_dropout(self._network)
        self._required_activation()
        self.require_logits(images)
        # All draws of an image come together, so that what is known of it is needed no longer.
        rows = [(index, draw) for index in range(len(images)) for draw in range(require_integer("draws", draws, 1))]
        streams_of = [sample_streams(seed, image) for image in images]
        logits_of, parts = answering(len(rows)), []
        for chunk in pieces(len(rows), images_per_pass(self._batch_size, images.shape[1:])):
            streams = [partial(streams_of[index], draw) for index, draw in rows[chunk]]
            parts.append(logits_of(np.array([index for index, _ in rows[chunk]]), streams))
        return self.activated(np.concatenate(parts)).reshape(len(images), draws, -1).swapaxes(0, 1)

    def dropped_logits(self, images: FloatArray, indices: IndexArray, streams: Sequence[Stream]) -> FloatArray:
        """The network's output under its own dropout, each image by the draws of its own stream: (B, K) float32."""
        with borrowed(self._network):
            return dropped_logits(self._network, images[indices], [stream() for stream in streams])[0]

    def _required_activation(self) -> nn.Cell:
        if self._activation is None:
            raise TypeError("`activation_fn` is needed for probabilities, got None; pass nn.Softmax() or nn.Sigmoid()")
        return self._activation

    def _program(
        self, key: Hashable, image_shape: tuple[int, ...], trace: Callable[[int], Trace], *, compilable: bool = True
    ) -> Callable[..., tuple[FloatArray, ...]]:
        """The computation of this key, one for all who use this network, in batches of this one's size."""
        program = self._shared.remembered(
            ("program", key, image_shape),
            lambda: Program(trace, compilable=compilable and self._compiles(), compile_on_failure=key != "logits"),
        )
        return partial(program, batch_size=self._batch_size, compiles=not self._shared.is_comparing)

    def _compiles(self) -> bool:
        """Whether MindSpore may be asked to compile the network for batches of any size; its source is read once."""
        return not holds_graph(self._network) and not self._shared.remembered(
            "open loop", lambda: has_open_loop(self._network)
        )

    def _class_count(self, images: FloatArray) -> int:
        """K, for images of this shape."""
        return self._require_logits(self._first_output(images), images)

    def _require_logits(self, output: _Output, images: FloatArray) -> int:
        if output.shapes is None or len(output.shapes) != 1 or len(output.shapes[0]) != 1 or output.shapes[0][0] < 1:
            raise NetworkOutputError(
                f"`network` must give one tensor of logits (N, K), got {output.description} for one image of "
                f"{images.shape[1:]}; wrap it in a Cell that returns the logits alone"
            )
        return output.shapes[0][0]

    def _output_shapes(self, images: FloatArray) -> list[tuple[int, ...]]:
        return self._require_outputs(self._first_output(images), images)

    def _require_outputs(self, output: _Output, images: FloatArray) -> list[tuple[int, ...]]:
        if output.shapes is None:
            raise NetworkOutputError(
                f"`network` must give a tensor, or a tuple of them, with the batch on axis 0, got {output.description} "
                f"for one input of {images.shape[1:]}"
            )
        return output.shapes

    def _known_output(self, images: FloatArray) -> _Output:
        """As `_first_output`; the network is borrowed only where it has to be asked."""
        with one_thread():
            self._shared.look_again()
            return self._remembered_output(images)

    def _known_shapes(self, images: FloatArray) -> _Output:
        """As `_known_output`, of which only shapes are needed: no other weights change them."""
        return self._remembered_output(images) if self._shared.is_taken_as_it_is else self._known_output(images)

    def _remembered_output(self, images: FloatArray) -> _Output:
        known: _Output | None = self._shared.known.get(("output", images.shape[1:]))
        if known is not None:
            return known
        with borrowed(self._network):
            return self._first_output(images)

    def _first_output(self, images: FloatArray) -> _Output:
        """The output for one image, remembered; the first thing that every evaluation needs."""
        return self._shared.first(("output", images.shape[1:]), lambda: self._first_pass(images[:1]))

    def _drop_what_is_stale(self) -> bool:
        """What was compiled is dropped when the network now answers otherwise; whether all is the very same.

        A graph keeps what the network was made of when it was compiled: its constants, the entries of its lists, its
        functions, its hooks, variables of its module. Where they cannot be seen to be the same, or others, the network
        is asked.
        """
        if self._shared.probe is None or self._shared.is_taken_as_it_is or not self._shared.compiled:
            return False
        before = self._shared.state
        if before is not None and before.is_untouched():
            return True
        with borrowed(self._network):
            self._look_closely(self._shared.probe, before)
        return False

    def _look_closely(self, image: FloatArray, before: State | None) -> None:
        """Drops what was compiled unless all that the code can read is equal, or the answer for an image is."""
        state = state_of(self._network)
        if state is not None and before is not None:
            self._shared.state = state
            if state != before:
                self._shared.drop_with_structure()
            return
        with blocking():
            answers = arrays_of(self._network(Tensor(image)))
        self._shared.state = self._settled(state)
        if not self._shared.answered_alike(answers):
            self._shared.drop_with_structure()

    def _settled(self, state: State | None) -> State | None:
        """A state that a pass has left as it was: what changes with passes (a counter) may change the next answer."""
        now = state_of(self._network)
        return now if state is not None and now == state else None

    def _look_at_batch(self, images: FloatArray, logits: FloatArray) -> None:
        """Warns, once, where an image's answer depends on the others of its batch."""
        gap = self._shared.gap_to_alone(images, logits)
        if gap > _MIXED:
            _LOG.warning(_OF_A_BATCH, gap)

    def _first_pass(self, image: FloatArray) -> _Output:
        self._require_own_statistics()
        state = state_of(self._network)
        with evaluating(self._network, image), blocking():
            output = self._network(Tensor(image))
            answers = arrays_of(output)  # MindSpore may tell only here that an operator has failed
        parts = output if isinstance(output, tuple) else (output,)
        self._shared.remember_answer(image, answers, self._settled(state))
        self._shared.remembered("weights", self._require_weights_without_nan)
        batches = bool(parts) and all(is_batch_of_one(part) for part in parts)
        return _Output([tuple(part.shape[1:]) for part in parts] if batches else None, describe(output))

    def _require_own_statistics(self) -> None:
        for name, cell in self._network.cells_and_names():
            if getattr(cell, "use_batch_statistics", None) is True:
                raise NetworkOutputError(
                    f"`network` must answer each image for itself, but its cell {name!r} ({_kind(cell)}) normalises by "
                    "the statistics of the batch, and would change its own with each pass; make it with "
                    "use_batch_statistics=None"
                )

    def _require_weights_without_nan(self) -> None:
        for name, parameter in self._network.parameters_and_names():
            if parameter.dtype not in _FLOATS or parameter.has_init:  # without values, it has no part in the answer
                continue
            bad = int(np.isnan(parameter.asnumpy()).sum())
            if bad:
                raise ValueError(
                    f"`network` must have weights that are numbers, got {bad} NaN among {parameter.size} of {name!r}; "
                    "MindSpore's ReLU makes 0 of NaN, so its answers may look right without that layer; load other "
                    "weights"
                )

    def _ruled_gradient(self, images: FloatArray, seed: FloatArray, rule: ReluRule) -> FloatArray:
        reached = self._reach(rule, images)

        def trace(count: int) -> Trace:
            looked = gradient_function(checked_objective_of(self._network, self._require_ruled))
            if reached.by_operator:
                return Trace(looked, around=partial(ruled_operators, rule), eager_around=differentiable_slices)
            function = gradient_function(objective_of(self._network))
            return Trace(function, reached.classes, eager=looked, eager_around=differentiable_slices)

        program = self._program(("gradient", rule), images.shape[1:], trace, compilable=not reached.by_operator)
        with differentiating(self._network, eagerly=reached.by_operator):
            gradient = program(images, seed)[0]
        zero = np.flatnonzero(~gradient.reshape(len(gradient), -1).any(axis=1))
        if zero.size:
            self.gradient(images[zero], seed[zero])  # raises when the way back is cut: no rule is the reason then
        return gradient

    def _require_ruled(self, output: Tensor) -> None:
        require_ruled(self._network, way_back_from(output))

    def _logits_under(self, images: FloatArray, classes: Mapping[nn.Cell, type[nn.Cell]]) -> FloatArray:
        with reclassed(classes), blocking():
            logits: FloatArray = only_output(self._network(Tensor(images))).asnumpy().astype(np.float32)
        return logits

    def _activations(self, cell: nn.Cell, images: FloatArray) -> FloatArray:
        parts = []
        size = images_per_pass(self._batch_size, images.shape[1:])
        for at in range(0, len(images), size):
            run = watched(self._network, [cell], images[at : at + size])[0]
            parts.append(run.output.asnumpy().astype(np.float32))
        return np.concatenate(parts)

    def _require_gradient(self, name: str, images: FloatArray) -> None:
        key = ("layer gradient", name, images.shape[1:])
        self._shared.remembered(key, lambda: require_gradient(self._network, name, images[:1]))

    def _layer_output(self, name: str, images: FloatArray) -> LayerOutput:
        cell = layer_named(self._network, name)
        return self._shared.remembered(
            _layer_key(name, images),
            lambda: _layer_output(name, cell, watched_layer(self._network, cell, name, images[:1])),
        )

    def _reach(self, rule: ReluRule, images: FloatArray) -> Reach:
        key = ("relus", rule, images.shape[1:])
        return self._shared.remembered(key, lambda: reach(self._network, rule, images[:1]))


class _Output(NamedTuple):
    """What a network gives: the shapes of its tensors without the batch axis, None if it is no batch; in words."""

    shapes: list[tuple[int, ...]] | None
    description: str


def _kind(cell: nn.Cell) -> str:
    return type(cell).__name__


def _layer_key(name: str, images: FloatArray) -> Hashable:
    return "layer output", name, images.shape[1:]


def _layer_output(name: str, cell: nn.Cell, output: Tensor) -> LayerOutput:
    return LayerOutput(name, _kind(cell), tuple(output.shape[1:]), channel_axis(cell))


def _checked_probabilities(probabilities: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """The probabilities, rounding errors at 0 and 1 cut off; NaN is left for the caller, who knows the sample."""
    if probabilities.shape != shape:
        raise NetworkOutputError(f"`activation_fn` must keep the shape {shape}, got {probabilities.shape}")
    lowest, highest = np.nanmin(probabilities, initial=0), np.nanmax(probabilities, initial=0)
    if lowest < -_ROUNDING or highest > 1 + _ROUNDING:
        raise NetworkOutputError(
            f"`activation_fn` must give probabilities in [0, 1], got values in [{lowest:g}, {highest:g}]; "
            "use nn.Softmax() for one label per image, nn.Sigmoid() for several"
        )
    return np.clip(probabilities, 0, 1)
