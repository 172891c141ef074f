"""What was found out and compiled of a network: one for all who use it, dropped when the network changes."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from operator import is_
from types import NoneType
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import numpy as np
from mindspore import Parameter, Tensor, nn

from explainer.arrays import FloatArray
from explainer.network.mindspore.borrowing import cells_of, one_thread
from explainer.network.mindspore.state import State

_CELL_ATTRIBUTES = frozenset(vars(nn.Cell()))  # MindSpore's own, which change as it runs
_KEPT_BYTES = 16e6  # of outputs for clean images
_ENTRY_BYTES = 250  # of an array and its digest, beside the numbers
_ROUNDING = 1e-5  # of the largest output
_Made = TypeVar("_Made")


class _OfThread(threading.local):
    """What a thread has been told of the network: others may come and go meanwhile."""

    outputs: OrderedDict[bytes, FloatArray] | None = None
    is_taken_as_it_is = False
    are_weights_others = False


class Shared:
    """What is known of a network, by key.

    Args:
        network: the network.

    Attributes:
        parameters: those of the graphs that were taken of it, by the names that they had then.
        structure: how often its cells, parameters or constants were found to be others.
        writes: how often its weights may have been written, since nobody was to write them.
        state: what its code could read when it last answered as it did; None where that is not known.
    """

    def __init__(self, network: nn.Cell) -> None:
        self._network = network
        self._known: dict[Hashable, Any] = {}
        self._parts: list[object] = []
        self._storages: list[int] = []
        self._constants: list[dict[str, object]] = []
        self._probe: tuple[FloatArray, list[FloatArray]] | None = None
        self._here = _OfThread()
        self.state: State | None = None
        self.parameters: dict[str, Parameter] = {}
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

    def drop(self) -> None:
        """Nothing is known any more."""
        self._known = {}
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
        before = _constants(cells_of(self._network))
        made = self.remembered(key, make)
        # After a pass every parameter has its storage, and what the pass itself changed (a counter) is no constant.
        self._parts, self._storages = _parts(cells_of(self._network))
        after = _constants(cells_of(self._network))
        self._constants = [dict(now.items() & then.items()) for now, then in zip(after, before, strict=False)]
        return made

    def look_again(self) -> None:
        """Drops what is known where cells, parameters, their storage or the cells' constants are others than then."""
        if not self._known:
            return
        cells = cells_of(self._network)
        parts, storages = _parts(cells)
        same = len(parts) == len(self._parts) and all(map(is_, parts, self._parts))
        look = same and not self._here.is_taken_as_it_is  # constants once, when it is taken: there are many
        pairs = zip(self._constants, _constants(cells), strict=False) if look else ()
        same = same and all(then.items() <= now.items() for then, now in pairs)
        if not same:
            self.drop_with_structure()
        elif storages != self._storages:
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
    def taken_as_it_is(self) -> Iterator[None]:
        """The network is known to stay what it is meanwhile."""
        before = self._here.is_taken_as_it_is
        if not before:
            self.look_again()
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

    def weights_written(self) -> None:
        """Weights are others now, though the network is taken as it is."""
        self.writes += 1

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


class _Identity:
    """Equal to another only when both hold the same object."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other._value is self._value

    def __hash__(self) -> int:
        return id(self._value)


def _parts(cells: list[nn.Cell]) -> tuple[list[object], list[int]]:
    """Every cell, what each holds and every parameter, to be compared by identity; the addresses of their values."""
    held = [child for cell in cells for child in cell._cells.values()]  # a name may be given to another cell of them
    parameters = [parameter for cell in cells for parameter in cell._params.values() if parameter is not None]
    return [*cells, *held, *parameters], [parameter.data_ptr() for parameter in parameters]


class _Compared(dict[type, bool | None]):
    """Of the types of a cell's values: whether one is compared by identity, else by value; None: not at all."""

    def __missing__(self, kind: type) -> bool | None:
        plain = issubclass(kind, (int, float, str, NoneType))
        self[kind] = False if plain else issubclass(kind, Tensor) or None
        return self[kind]


def _constants(cells: list[nn.Cell]) -> list[dict[str, object]]:
    """Of each cell what else its `construct` may read: its plain values, tensors and buffers, to be compared."""
    by_identity = _Compared()  # to ask each of a thousand values takes five times as long
    return [_constants_of(vars(cell), by_identity) for cell in cells]


def _constants_of(own: dict[str, Any], by_identity: _Compared) -> dict[str, object]:
    values = {name: own[name] for name in own.keys() - _CELL_ATTRIBUTES} | (own.get("_buffers") or {})
    return {
        name: _Identity(value) if by_identity[type(value)] else value
        for name, value in values.items()
        if by_identity[type(value)] is not None
    }
