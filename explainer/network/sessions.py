"""What ONNX Runtime knows of a network: one for all who use it, and never older than the network is."""

from __future__ import annotations

import logging
import threading
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from math import prod
from typing import Any, Protocol, TypeVar
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray
from explainer.errors import EngineError
from explainer.network.engine import MINDSPORE, EngineChoice
from explainer.network.mindspore.borrowing import one_thread
from explainer.network.mindspore.capture import parameters_of
from explainer.network.mindspore.shared import shared_of
from explainer.network.mindspore.tensors import device_in_use
from explainer.network.onnx.device import CPU
from explainer.network.onnx.graph import Graph, with_open_weights
from explainer.network.onnx.session import Session, first_line
from explainer.network.translation import Translated, held, session_of, translated
from explainer.network.windowed import WindowSessions
from explainer.perturb.engine import Windows

ENOUGH_BATCHES = 3  # outside a run: with the third MindSpore would compile, too, which takes as long as an export
_ENOUGH_PIXELS = 1e6  # 20 images of 224 x 224, which take MindSpore as long as an export
_OF_GRADIENT = 3  # passes that take as long as one there and back
_LOG = logging.getLogger("explainer")
Shape = tuple[int, ...]


class AtWork:
    """A graph with the weights of one moment; `compiled`, so that the network is asked whether it is current.

    Args:
        graph: what is asked of the network.
        session: it at work.
        difference: from what MindSpore gives, as it was found for the first images.
        speedup: how many times as fast as MindSpore it was for them.

    Attributes:
        seen: `Shared.writes` when its weights were last looked at; None before.
        changes_gradients: whether the network changes a gradient by means that its graph has not.
        is_one_of_several: whether other values of the graph were the same, with the weights of that moment.
    """

    compiled = True

    def __init__(self, graph: Graph, session: Session, difference: float, speedup: float = 1.0) -> None:
        self.graph = graph
        self.session = session
        self.difference = difference
        self.speedup = speedup
        self.seen: int | None = None
        self.changes_gradients = False
        self.is_one_of_several = False
        self._open: Session | None = None
        self._weights: tuple[NDArray[Any], ...] = ()
        self._windows = WindowSessions(graph)

    @property
    def device(self) -> str:
        """Where ONNX Runtime computes it."""
        return self.session.device

    def __call__(self, images: FloatArray, *others: FloatArray) -> tuple[NDArray[Any], ...]:
        """The graph's outputs for images (N, C, H, W), and what else it is given."""
        session = self._open if self._weights and self._open is not None else self.session
        return session.in_parts(images, *others, always=self._weights)

    def with_windows(self, images: FloatArray, windows: Windows) -> tuple[NDArray[Any], ...]:
        """As a call, for images that are known but for windows: only what these change is computed where that pays."""
        found = None if self._weights else self._windows.outputs(self.session, images, windows)
        return self(images) if found is None else found

    def with_weights(self, network: Any, *, for_a_moment: bool) -> bool:
        """It answers with the network's weights of this moment; whether they are others than before.

        For a moment they are given with each question, which takes longer, but no session is made for them.
        """
        weights = parameters_of(network, list(self.graph.weights))
        before, self._weights = self._weights, ()
        if self.session.holds(weights):
            return bool(before)
        if not for_a_moment:
            self.session = session_of(self.graph, network, self.device)
            return True
        if self._open is None:
            self._open = Session(with_open_weights(self.graph), {}, device=self.device)
        self._weights = tuple(weights.values())
        return True


class Found(Protocol):
    """What answers a question, as `AtWork`."""

    difference: float
    seen: int | None
    is_one_of_several: bool

    @property
    def device(self) -> str:
        """Where ONNX Runtime computes it."""

    def with_weights(self, network: Any, *, for_a_moment: bool) -> bool:
        """It answers with the network's weights of this moment; whether they are others than before."""


FoundT = TypeVar("FoundT", bound=Found, covariant=True)


class Question(Protocol[FoundT]):
    """What is asked of a network beside its outputs."""

    @property
    def key(self) -> Hashable:
        """What makes it another question."""

    @property
    def label(self) -> str:
        """What is asked for, in words."""

    @property
    def of_gradient(self) -> bool:
        """Whether it is about a gradient."""

    def proven(self, graph: Graph, device: str) -> FoundT | None:
        """Laid on the network's graph and compared with MindSpore's answer; None where that answer tells nothing.

        Args:
            graph: the network's.
            device: where ONNX Runtime is to compute it.

        Raises:
            EngineError: it cannot be laid on the graph, or gives something else; says what.
        """


class _OfThread(threading.local):
    choice_of_run: EngineChoice | None = None


class Sessions:
    """ONNX Runtime's sessions of a network, by device and the shape of the images.

    A graph holds no weight: it is taken anew when cells, parameters or constants are others, and proven anew when the
    network answers otherwise. A session holds the weights that it was made with: they are compared with the network's
    before each question, and once where nobody changes the network meanwhile.

    Args:
        network: a mindspore.nn.Cell.
    """

    def __init__(self, network: Any) -> None:
        self._network = network
        self._shared = shared_of(network)
        self._graphs: dict[Shape, tuple[int, Graph]] = {}
        self._told: set[str] = set()
        self._batches: dict[Shape, int] = {}
        self._pixels: dict[Shape, int] = {}
        self._labels: dict[Hashable, str] = {}
        self._here = _OfThread()

    @property
    def choice_of_run(self) -> EngineChoice | None:
        """For as long as a run goes on in this thread, what it asks for; None outside."""
        return self._here.choice_of_run

    @contextmanager
    def in_run(self, choice: EngineChoice) -> Iterator[None]:
        """A run goes on that asks for this engine."""
        before = self._here.choice_of_run
        self._here.choice_of_run = choice
        try:
            yield
        finally:
            self._here.choice_of_run = before

    def chosen(
        self, choice: EngineChoice, images: FloatArray, batches: int, question: Question[Any] | None = None
    ) -> AtWork | None:
        """What answers for these images; None where MindSpore does.

        Args:
            choice: what the one who asks was made for; in a run the run's counts.
            images: (N, ...) float32.
            batches: how many they are.
            question: what its graph alone is asked for; by default its outputs are, with the weights of this moment.

        Raises:
            EngineError: ONNX Runtime is asked for and cannot; says why.
        """
        choice = self.choice_of_run or choice
        passes = _OF_GRADIENT if question is not None and question.of_gradient else 1
        if choice.engine == MINDSPORE or not (choice.is_onnxruntime or self._is_worth_a_graph(images, batches, passes)):
            return None
        device = choice.device
        found = self._shared.remembered(_key(device, images.shape[1:]), lambda: self._made(images, device))
        if isinstance(found, EngineError):
            if choice.is_onnxruntime:
                raise choice.refused(self._network, found)
            self._tell("network", found, device)
            return None
        if found.speedup <= 1 and not choice.is_onnxruntime:
            return None
        if question is None:
            self._refresh(found)
        return found

    def asked(self, outputs: AtWork, images: FloatArray, question: Question[FoundT]) -> FoundT | None:
        """What answers another question on the network's graph; None where MindSpore does, and why is logged once.

        Args:
            outputs: the answer of `chosen` for these images.
            images: (N, ...) float32.
            question: what is asked, and how its graph is laid on the network's and proven.
        """
        key = _key(outputs.device, images.shape[1:], question.key)
        found: FoundT | EngineError | None = self._shared.known.get(key)
        if found is None:
            found = self._proof(outputs, question)
            if found is None:
                return None
            self._shared.known[key] = found
        if isinstance(found, EngineError):
            return None
        if self._refresh(found) and found.is_one_of_several:  # with other weights they are no longer the same
            del self._shared.known[key]
            return self.asked(outputs, images, question)
        return found

    def _proof(self, outputs: AtWork, question: Question[FoundT]) -> FoundT | EngineError | None:
        try:
            if outputs.changes_gradients and question.of_gradient:
                raise EngineError(
                    "the network changes a gradient itself (stop_gradient, a hook, a backward rule), which MindSpore's "
                    "export forgets"
                )
            with self._shared.comparing():
                return question.proven(outputs.graph, outputs.device)
        except EngineError as error:
            self._tell(question.label, error, outputs.device)
            return error
        finally:
            self._labels[question.key] = question.label

    def known(self, choice: EngineChoice, image_shape: Shape) -> AtWork | EngineError | None:
        """What was made of the network for images of this shape, or why that cannot be; None where nobody has asked."""
        device = (self.choice_of_run or choice).device
        found: AtWork | EngineError | None = self._shared.known.get(_key(device, image_shape))
        return found

    def questions(self, outputs: AtWork, image_shape: Shape) -> dict[str, Found | EngineError]:
        """What was made for other questions on images of this shape, or why that cannot be, by their labels."""
        device = outputs.device
        known = ((label, self._shared.known.get(_key(device, image_shape, key))) for key, label in self._labels.items())
        return {label: found for label, found in known if found is not None}

    def failed(
        self, choice: EngineChoice, images: FloatArray, error: Exception, question: Question[Any] | None = None
    ) -> None:
        """An answer failed: until the network changes MindSpore gives it.

        Raises:
            EngineError: outputs by ONNX Runtime are asked for.
        """
        what = f"{len(images)} images of {images.shape[1:]}"
        other = EngineError(f"ONNX Runtime failed for {what}: {first_line(error)}")
        found = error if isinstance(error, EngineError) else other
        choice = self.choice_of_run or choice
        self._shared.known[_key(choice.device, images.shape[1:], None if question is None else question.key)] = found
        if question is None and choice.is_onnxruntime:
            raise choice.refused(self._network, found)
        self._tell("network" if question is None else question.label, found, choice.device)

    def _made(self, images: FloatArray, device: str) -> AtWork | EngineError:
        shape = images.shape[1:]
        structure, kept = self._graphs.pop(shape, (None, None))
        try:
            found = None if kept is None or structure != self._shared.structure else self._proven(kept, images, device)
            found = found or translated(self._network, images, device)
        except EngineError as error:
            return error
        except ImportError as error:
            return EngineError(f"onnxruntime cannot be imported ({error})")
        self._graphs[shape] = self._shared.structure, found.graph
        at_work = AtWork(found.graph, found.session, found.difference, found.speedup)
        at_work.seen, at_work.changes_gradients = self._shared.writes, found.changes_gradients
        return at_work

    def _proven(self, graph: Graph, images: FloatArray, device: str) -> Translated | None:
        """The graph at work with weights that are new; None where more than they has changed."""
        try:
            return held(graph, self._network, images, device)
        except EngineError:
            return None

    def _refresh(self, at_work: Found) -> bool:
        """The session gets the network's weights of this moment; whether they are others than before."""
        if self._shared.is_taken_as_it_is and at_work.seen == self._shared.writes:
            return False
        at_work.seen = self._shared.writes
        return at_work.with_weights(self._network, for_a_moment=self._shared.are_weights_others)

    def _is_worth_a_graph(self, images: FloatArray, batches: int, passes: int) -> bool:
        """Whether MindSpore has been asked for so much that an export takes no longer than going on would."""
        shape = images.shape[1:]
        self._batches[shape] = self._batches.get(shape, 0) + batches
        self._pixels[shape] = self._pixels.get(shape, 0) + passes * batches * len(images) * prod(shape[1:])
        is_enough = self._batches[shape] >= ENOUGH_BATCHES or self._pixels[shape] >= _ENOUGH_PIXELS
        return device_in_use() == "CPU" and (self.choice_of_run is not None or is_enough)

    def _tell(self, what: str, error: EngineError, device: str) -> None:
        """Logs why MindSpore answers, once; a warning where outputs differ, or another device was asked for."""
        told = f"MindSpore computes the {what}, not ONNX Runtime: {error}"
        if told in self._told:
            return
        self._told.add(told)
        is_expected = error.difference is None and device == CPU
        _LOG.log(logging.INFO if is_expected else logging.WARNING, "%s", told)


_SESSIONS: WeakValueDictionary[int, Sessions] = WeakValueDictionary()  # each holds its network


def sessions_of(network: Any) -> Sessions:
    """The one of this network object; it lives as long as somebody holds it."""
    with one_thread():
        found = _SESSIONS.get(id(network))
        if found is None:
            found = _SESSIONS[id(network)] = Sessions(network)
        return found


def as_floats(outputs: tuple[NDArray[Any], ...]) -> list[FloatArray]:
    """Outputs as everybody here takes them."""
    return [output.astype(np.float32, copy=False) for output in outputs]


def _key(device: str, image_shape: Shape, question: Hashable = None) -> tuple[str, str, Shape, Hashable]:
    return "session", device, image_shape, question
