"""What was found out and compiled of a network: one for all who use it, dropped when the network changes."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, repeat
from operator import attrgetter, is_, methodcaller
from types import NoneType
from typing import Any, NamedTuple, TypeVar
from weakref import WeakValueDictionary

import numpy as np
from mindspore import Parameter, Tensor, nn
from numpy.typing import NDArray

from explainer.arrays import FloatArray
from explainer.network.mindspore.borrowing import cells_of, one_thread
from explainer.network.mindspore.state import State

_CELL_ATTRIBUTES = frozenset(vars(nn.Cell()))  # MindSpore's own, which change as it runs
_KEPT_BYTES = 16e6  # of outputs for clean images
_ENTRY_BYTES = 250  # of an array and its digest, beside the numbers
_ROUNDING = 1e-5  # of the largest output
_PLAIN = (int, float, str, NoneType)  # compared by value; tensors by identity
_GONE = object()
_CHILDREN, _VALUES = attrgetter("_cells", "_params"), methodcaller("values")
_Made = TypeVar("_Made")


class _OfThread(threading.local):
    """What a thread has been told of the network: others may come and go meanwhile."""

    outputs: OrderedDict[bytes, FloatArray] | None = None
    is_taken_as_it_is = False
    are_weights_others = False
    is_comparing = False


class _Array(NamedTuple):
    """A parameter's values, where MindSpore has them itself: what it writes there shows."""

    parameter: Parameter
    address: int
    values: NDArray[Any]


class Shared:
    """What is known of a network, by key.

    Args:
        network: the network.

    Attributes:
        parameters: those of the graphs that were taken of it, by the names that they had then.
        held_weights: copies of them that somebody else computes with, by those names, as long as that one lives.
        structure: how often its cells, parameters or constants were found to be others.
        writes: how often its weights may have been written, since nobody was to write them.
        state: what its code could read when it last answered as it did; None where that is not known.
    """

    def __init__(self, network: nn.Cell) -> None:
        self._network = network
        self._known: dict[Hashable, Any] = {}
        self._parts = _Parts([])
        self._storages: list[tuple[int, bool]] = []
        self._constants: list[_Constants] = []
        self._arrays: dict[int, _Array] = {}
        self._probe: tuple[FloatArray, list[FloatArray]] | None = None
        self._here = _OfThread()
        self.state: State | None = None
        self.parameters: dict[str, Parameter] = {}
        self.held_weights: WeakValueDictionary[str, NDArray[Any]] = WeakValueDictionary()
        self.structure = 0
        self.writes = 0

    @property
    def compiled(self) -> bool:
        """Whether anything that is known has been compiled."""
        return any(getattr(entry, "compiled", False) for entry in self._known.values())

    @property
    def probe(self) -> FloatArray | None:
        """The image of a pass whose answer is known."""
        return None if self._probe is None else self._probe[0]

    def remember_answer(self, image: FloatArray, answers: list[FloatArray], state: State | None = None) -> None:
        """The network's output for an image when it was first evaluated, and what its code could read."""
        if not self._known:
            self._probe = image.copy(), answers
            self.state = state

    def answered_alike(self, answers: list[FloatArray]) -> bool:
        """Whether these are the answers that were remembered, but for rounding."""
        known = [] if self._probe is None else self._probe[1]
        return len(known) == len(answers) and all(map(_alike, known, answers))

    def gap_to_alone(self, images: FloatArray, logits: FloatArray) -> float:
        """How far the first image's logits among others are from those alone, in parts of the largest; 0 if unknown."""
        if self._probe is None or not np.array_equal(images[:1], self._probe[0]):
            return 0.0
        alone = self._probe[1][0]
        if not np.isfinite(alone).all():
            return 0.0
        return float(np.abs(alone - logits[:1]).max() / (np.abs(alone).max() or 1))

    def drop(self) -> None:
        """Nothing is known any more."""
        self._known = {}
        self._arrays = {}
        self.forget_outputs()

    def drop_with_structure(self) -> None:
        """Nothing is known any more, as the network computes something else: no graph of it is tried again."""
        self.structure += 1
        self.drop()

    @property
    def known(self) -> dict[Hashable, Any]:
        """What is remembered."""
        return self._known

    def first(self, key: Hashable, make: Callable[[], _Made]) -> _Made:
        """As `remembered`, for the first thing that every evaluation needs, with a pass through the network.

        So what is out of date is dropped here. A compiled graph keeps the storage and the constants that it was
        compiled with: it follows an optimizer, which writes in place, but not `set_data` or `load_param_into_net`,
        which put new storage into the parameter.
        """
        self.look_again()
        if self._known:
            return self.remembered(key, make)
        # Looked at before and after, as a pass may change the cells' own values.
        before = list(map(_Constants, cells_of(self._network)))
        made = self.remembered(key, make)
        # After a pass every parameter has its storage, and what the pass itself changed (a counter) is no constant.
        self._parts = _Parts(cells_of(self._network))
        self._storages = self._parts.storages()
        self._constants = [constants.that_stay() for constants in before]
        return made

    def look_again(self, *, is_untouched: bool = False) -> None:
        """Drops what is known where cells, parameters, their storage or the cells' constants are others than then.

        Args:
            is_untouched: whether all that the cells hold is known to be as it was, so that only storage is looked at.
        """
        if not self._known:
            return
        is_untouched = is_untouched or self._here.is_taken_as_it_is
        if not (is_untouched or (self._parts.are_the_same() and all(map(_Constants.are_the_same, self._constants)))):
            self.drop_with_structure()
        elif self._parts.storages() != self._storages:
            self.drop()

    def remembered(self, key: Hashable, make: Callable[[], _Made]) -> _Made:
        """What was made for the key before, else made now."""
        if key not in self._known:
            self._known[key] = make()
        made: _Made = self._known[key]
        return made

    @property
    def keeps_outputs(self) -> bool:
        """Whether outputs for clean images are remembered."""
        return self._here.outputs is not None

    @contextmanager
    def outputs_kept(self) -> Iterator[None]:
        """Outputs for clean images are remembered meanwhile; nobody may train the network in that time.

        An optimizer writes weights in place, which nothing here could see.
        """
        before = self._here.outputs
        self._here.outputs = OrderedDict()
        try:
            yield
        finally:
            self._here.outputs = before

    @property
    def are_weights_others(self) -> bool:
        """Whether they are for a while not those that the network has learned."""
        return self._here.are_weights_others

    @property
    def is_taken_as_it_is(self) -> bool:
        """Whether the network is known to stay what it is."""
        return self._here.is_taken_as_it_is

    @contextmanager
    def taken_as_it_is(self, *, is_untouched: bool = False) -> Iterator[None]:
        """The network is known to stay what it is meanwhile.

        Args:
            is_untouched: as for `look_again`.
        """
        before = self._here.is_taken_as_it_is
        if not before:
            self.look_again(is_untouched=is_untouched)
            self.writes += 1
        self._here.is_taken_as_it_is = True
        try:
            yield
        finally:
            self._here.is_taken_as_it_is = before

    @contextmanager
    def outputs_not_kept(self) -> Iterator[None]:
        """Nothing is remembered or taken from memory, as long as the weights are others."""
        before = self._here.outputs, self._here.are_weights_others
        self._here.outputs, self._here.are_weights_others = None, True
        try:
            yield
        finally:
            self._here.outputs, self._here.are_weights_others = before

    @property
    def is_comparing(self) -> bool:
        """Whether MindSpore is asked so that another engine may answer the next time: compiling would be in vain."""
        return self._here.is_comparing

    @contextmanager
    def comparing(self) -> Iterator[None]:
        """MindSpore is asked so that another engine may answer the next time."""
        before, self._here.is_comparing = self._here.is_comparing, True
        try:
            yield
        finally:
            self._here.is_comparing = before

    def weights_written(self) -> None:
        """Weights are others now, though the network is taken as it is."""
        self.writes += 1

    def values_of(self, parameter: Parameter) -> NDArray[Any]:
        """A parameter's values of this moment; whoever writes them has to have finished."""
        address = parameter.data_ptr()
        seen = self._arrays.get(id(parameter))
        if seen is not None and seen.address == address and parameter.is_contiguous():
            return seen.values
        values: NDArray[Any] = parameter.asnumpy()  # takes twenty times as long as to ask where they are
        if values.__array_interface__["data"][0] == address:
            self._arrays[id(parameter)] = _Array(parameter, address, values)
        return values

    def forget_outputs(self) -> None:
        """Outputs are computed anew: the weights are about to change."""
        if self._here.outputs is not None:
            self._here.outputs.clear()

    def clean_outputs(self, images: FloatArray, evaluate: Callable[[FloatArray], FloatArray]) -> FloatArray:
        """`evaluate(images)`, (N, K), but for the images that were evaluated before while outputs are kept."""
        if self._here.outputs is None:
            return evaluate(images)
        digests = [_digest(image) for image in images]
        new = [index for index, digest in enumerate(digests) if digest not in self._here.outputs]
        if new:
            self._here.outputs.update(zip([digests[index] for index in new], evaluate(images[new]), strict=True))
        outputs = np.stack([self._here.outputs[digest] for digest in digests])
        size = outputs[0].nbytes + _ENTRY_BYTES
        while len(self._here.outputs) * size > _KEPT_BYTES and len(self._here.outputs) > len(images):
            self._here.outputs.popitem(last=False)
        return outputs


_SHARED: WeakValueDictionary[int, Shared] = (
    WeakValueDictionary()
)  # each holds its network, so that its id stays its own


def shared_of(network: nn.Cell) -> Shared:
    """The one of this network object; it lives as long as somebody holds it."""
    with one_thread():
        found = _SHARED.get(id(network))
        if found is None:
            found = _SHARED[id(network)] = Shared(network)
        return found


def weights_digest(network: nn.Cell) -> str:
    """A digest of every parameter's name, type, shape and values, 32 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    for name, parameter in sorted(network.parameters_and_names(), key=lambda entry: entry[0]):
        values = parameter.asnumpy()
        digest.update(f"{name} {parameter.dtype} {values.shape}".encode())
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def _alike(one: FloatArray, other: FloatArray) -> bool:
    if one.shape != other.shape:
        return False
    return bool(np.allclose(one, other, rtol=0, atol=_ROUNDING * np.abs(one).max(initial=0), equal_nan=True))


def _digest(image: FloatArray) -> bytes:
    return hashlib.blake2b(repr(image.shape).encode() + np.ascontiguousarray(image).tobytes(), digest_size=16).digest()


class _Parts:
    """The cells of a network, with what each of them holds: cells and parameters, by their places."""

    def __init__(self, cells: list[nn.Cell]) -> None:
        self._cells = cells
        self._lengths = list(map(len, self._holding()))
        self._held = list(self._all_held())
        self._parameters = [part for part in self._held if isinstance(part, Parameter)]

    def are_the_same(self) -> bool:
        """Whether each cell holds the very same: then the network has no other cells, either."""
        return list(map(len, self._holding())) == self._lengths and all(map(is_, self._all_held(), self._held))

    def storages(self) -> list[tuple[int, bool]]:
        """Where the values of the parameters are, and whether in order: transposed ones are in the same place."""
        return [(parameter.data_ptr(), parameter.is_contiguous()) for parameter in self._parameters]

    def _holding(self) -> Iterator[Mapping[str, object]]:
        return chain.from_iterable(map(_CHILDREN, self._cells))

    def _all_held(self) -> Iterator[object]:
        return chain.from_iterable(map(_VALUES, self._holding()))


class _Constants:
    """What else than cells and parameters a cell's `construct` may read: its plain values, tensors and buffers."""

    def __init__(self, cell: nn.Cell) -> None:
        self._cell = cell
        own = vars(cell)
        read = {name: own[name] for name in own.keys() - _CELL_ATTRIBUTES} | (own.get("_buffers") or {})
        self._keep({name: value for name, value in read.items() if isinstance(value, (*_PLAIN, Tensor))})

    def that_stay(self) -> _Constants:
        """Itself, without those that have changed since."""
        self._keep({name: value for name, value in self._pairs() if _is_the_same(self._now(name), value)})
        return self

    def are_the_same(self) -> bool:
        """Whether the cell has them still: tensors the very same, plain values equal ones."""
        now = map(vars(self._cell).get, self._names, repeat(_GONE))
        if all(map(is_, now, self._values)):  # nearly always
            return True
        return all(_is_the_same(self._now(name), value) for name, value in self._pairs())

    def _keep(self, values: Mapping[str, object]) -> None:
        self._names, self._values = tuple(values), tuple(values.values())

    def _pairs(self) -> Iterator[tuple[str, object]]:
        return zip(self._names, self._values, strict=True)

    def _now(self, name: str) -> object:
        own = vars(self._cell)
        return (own.get("_buffers") or {}).get(name, own.get(name, _GONE))


def _is_the_same(now: object, then: object) -> bool:
    return now is then or (isinstance(now, _PLAIN) and isinstance(then, _PLAIN) and now == then)
