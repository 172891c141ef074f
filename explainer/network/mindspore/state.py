"""All that a network's code can read, to be compared: where it is the same, the network need not be asked.

A pass tells for sure whether a network answers as it did, and takes as long as one. What its cells hold and what its
code names can be compared in a hundredth of that. Where the code reads what cannot be seen (another module, an object
of a class of its own, a large table), nothing is said and the network is asked.

To see whether all is the very same as when it was read takes a tenth of reading it again; where it is not, it may still
be equal.
"""

from __future__ import annotations

import dis
from collections.abc import Callable, Iterable, Mapping
from enum import Enum, EnumMeta
from functools import cache, partial
from itertools import chain
from operator import contains, getitem, is_
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
from mindspore import Tensor, nn
from mindspore.common.initializer import Initializer
from mindspore.ops import Primitive

from explainer.network.mindspore.borrowing import cells_of

_PLAIN = (int, float, complex, str, bytes, slice, range, frozenset, type(None), np.generic, np.dtype, np.ufunc)
_AS_THEY_ARE = {int, float, str, bool, type(None)}  # the most
_STATELESS = ("mindspore", "numpy", "math", "builtins", "functools", "typing", "collections")
_AS_IT_RUNS = frozenset(vars(nn.Cell())) - {"mixed_precision_type", "has_bprop"}
_HOOKS = tuple(name for name in vars(nn.Cell()) if "hook" in name)
_LOOKED_AT = frozenset({*_HOOKS, "_cells", "_params", "_buffers", "mixed_precision_type", "has_bprop"})
_MOST_BYTES = 4_000_000  # of tensors that are no parameters
_IMPORT = "import"
_BEYOND = {_IMPORT, "__import__", "globals", "eval", "exec", "open", "input"}  # what reaches beyond names
_NOT_AT_WORK = {"__init__", "__new__", "__repr__", "__str__"}
_PARTS: dict[Any, Callable[[Any], tuple[Any, ...]]] = {
    MethodType: lambda method: (method.__self__, method.__func__),
    (staticmethod, classmethod): lambda method: (method.__func__,),
    property: lambda method: (method.fget, method.fset),
    partial: lambda call: (call.func, call.args, call.keywords),
    Enum: lambda member: (member.name, type(member)),
}


_Numbers = tuple[Any, tuple[int, ...], bytes]
"""Of an array: its type, its shape and its bytes."""


class _UnseenError(Exception):
    """The code reads what cannot be compared."""


class _Mappings:
    """What mappings had under some names; each list is gone through at once, as there are thousands of entries."""

    def __init__(self) -> None:
        self._empty: list[Mapping[Any, Any]] = []
        self._whole: list[Mapping[Any, Any]] = []
        self._lengths: list[int] = []
        self._ordered: list[Mapping[Any, Any]] = []
        self._keys: list[object] = []
        self._owners: list[Mapping[Any, Any]] = []
        self._names: list[object] = []
        self._values: list[object] = []
        self._lacking: list[Mapping[Any, Any]] = []
        self._absent: list[str] = []

    def holds(self, mapping: Mapping[Any, Any], some: Iterable[Any]) -> None:
        """The mapping has nothing else than now, and under some of its names the very same."""
        if not mapping:
            self._empty.append(mapping)
            return
        names = tuple(some)
        self._whole.append(mapping)
        self._lengths.append(len(mapping))
        if len(names) == len(mapping):  # code may go through it in its order
            self._ordered.append(mapping)
            self._keys += names
        self._has(mapping, names)

    def reads(self, mapping: Mapping[str, Any], names: frozenset[str]) -> None:
        """The mapping, which may grow, has the very same under those of the names that it has."""
        self._has(mapping, tuple(names & mapping.keys()))
        absent = names - mapping.keys()
        self._lacking += [mapping] * len(absent)
        self._absent += absent

    def _has(self, mapping: Mapping[Any, Any], names: tuple[Any, ...]) -> None:
        self._owners += [mapping] * len(names)
        self._names += names
        self._values += map(mapping.__getitem__, names)

    def are_the_same(self) -> bool:
        """Whether all of them are as they were."""
        try:
            return (
                not any(self._empty)
                and list(map(len, self._whole)) == self._lengths
                and all(map(is_, chain.from_iterable(self._ordered), self._keys))
                and not any(map(contains, self._lacking, self._absent))
                and all(map(is_, map(getitem, self._owners, self._names), self._values))
            )
        except KeyError:
            return False


class State:
    """What was seen of a network: objects that must be the same ones, and values that must be equal.

    Attributes:
        objects: the objects, in the order in which they were met.
        values: the values, in that order.
        mappings: where they were found, in mappings,
        lists: in lists,
        attributes: as attributes (object, name, value),
        numbers: and the arrays and tensors, with what was in them.
    """

    def __init__(self) -> None:
        self.objects: list[object] = []
        self.values: list[object] = []
        self.mappings = _Mappings()
        self.lists: list[tuple[list[object], tuple[object, ...]]] = []
        self.attributes: list[tuple[object, str, object]] = []
        self.numbers: list[tuple[Any, _Numbers]] = []

    def is_untouched(self) -> bool:
        """Whether all is the very same where it was found; if not, it may still be equal."""
        return (
            self.mappings.are_the_same()
            and all(len(found) == len(had) and all(map(is_, found, had)) for found, had in self.lists)
            and all(_attribute_of(owner, name) is value for owner, name, value in self.attributes)
            and all(_numbers_of(array) == seen for array, seen in self.numbers)
        )

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, State)
            and len(self.objects) == len(other.objects)
            and all(map(is_, self.objects, other.objects))
            and self.values == other.values
        )

    __hash__ = None  # type: ignore[assignment]  # it holds what may change


def state_of(network: nn.Cell) -> State | None:
    """What the network's code can read, as it is now; None where it reads what cannot be seen.

    >>> network = nn.SequentialCell(nn.Dense(2, 3), nn.ReLU())
    >>> state_of(network) == state_of(network)
    True
    """
    cells = cells_of(network)
    reading = _Reading(cells)
    try:
        for cell in cells:
            reading.cell(cell)
    except (_UnseenError, RecursionError):  # lists may hold themselves
        return None
    return reading.state


class _Reading:
    """A walk over all that is read, each object once."""

    def __init__(self, cells: Iterable[nn.Cell]) -> None:
        self.state = State()
        self._cells = {id(cell) for cell in cells}
        self._met: set[int] = set()
        self._bytes = 0

    def cell(self, cell: nn.Cell) -> None:
        self._same(cell)
        own = vars(cell)
        self._attribute(cell, "__class__")
        self.state.mappings.holds(own, [name for name in own if name not in _AS_IT_RUNS or name in _LOOKED_AT])
        for name in _LOOKED_AT & own.keys():
            if isinstance(own[name], dict):
                self.state.mappings.holds(own[name], own[name])
        for name in _HOOKS:
            self._value(own.get(name) or None)  # the first pass makes places for them
        for name, value in own.items():
            if name in _AS_IT_RUNS:
                continue
            if type(value) in _AS_THEY_ARE:
                self.state.values += (name, type(value), value)
            else:
                self.state.values.append(name)
                self._value(value)
        for name, held in (*cell._cells.items(), *cell._params.items()):
            self.state.values.append(name)
            self._same(held)
        self._value(cell._buffers or None)
        self._class(type(cell))

    def _class(self, kind: type[nn.Cell]) -> None:
        """The code of a cell's class, up to MindSpore's own."""
        self._same(kind)
        self._same(kind.construct)
        if self._is_met(kind):
            return
        self._attribute(kind, "construct")
        self._attribute(kind, "__mro__")
        for base in kind.__mro__:
            if _is_stateless(base.__module__):
                continue  # what is mixed in may come behind it
            self.state.mappings.holds(vars(base), vars(base))
            for name, value in vars(base).items():
                special = name.startswith("__") and name.endswith("__")
                if name not in _NOT_AT_WORK and (not special or isinstance(value, FunctionType)):
                    self._value(value)

    def _value(self, value: Any) -> None:
        if isinstance(value, _PLAIN):
            self.state.values += (type(value), value)
        elif isinstance(value, Tensor):
            self._same(value)
            self._numbers(value)
        elif isinstance(value, np.ndarray):
            self._numbers(value)
        elif isinstance(value, list | tuple | dict):
            self._collection(value)
        elif isinstance(value, nn.Cell):
            self._known_cell(value)
        else:
            self._object(value)

    def _collection(self, values: Any) -> None:
        if not _is_stateless(type(values).__module__):
            raise _UnseenError  # it may have attributes and code of its own
        if isinstance(values, list):
            self.state.lists.append((values, tuple(values)))
        self._several(values)
        if isinstance(values, dict):
            self.state.mappings.holds(values, values)
            self._several(values.values())

    def _several(self, values: Any) -> None:
        self.state.values.append(len(values))
        for value in values:
            self._value(value)

    def _numbers(self, array: Any) -> None:
        """The numbers themselves: they may be written in place."""
        if any(side < 0 for side in array.shape):  # it stands for others, and has none itself
            raise _UnseenError
        self._bytes += array.size * array.itemsize
        if self._bytes > _MOST_BYTES:
            raise _UnseenError
        found = _numbers_of(array)
        if found[0].hasobject:
            raise _UnseenError
        self.state.numbers.append((array, found))
        self.state.values += found

    def _known_cell(self, cell: nn.Cell) -> None:
        if id(cell) not in self._cells:
            raise _UnseenError
        self._same(cell)

    def _object(self, value: Any) -> None:
        for kinds, parts in _PARTS.items():
            if isinstance(value, kinds):
                self._several(parts(value))
                return
        if isinstance(value, FunctionType):
            self._function(value)
        elif isinstance(value, type) and issubclass(value, nn.Cell):
            self._class(value)
        elif isinstance(value, EnumMeta):
            self._enumeration(value)
        elif isinstance(value, ModuleType | type | BuiltinFunctionType):
            self._named(value)
        elif _is_mindspores(type(value).__module__):
            self._made_by_mindspore(value)
        else:
            raise _UnseenError

    def _made_by_mindspore(self, value: Any) -> None:
        """An operator, an initializer, a type: with the user's code in it, if any."""
        if callable(value) and not isinstance(value, Primitive | Initializer):
            raise _UnseenError  # a function that was transformed
        self._same(value)
        if self._is_met(value):
            return
        own = getattr(value, "__dict__", {})
        self.state.mappings.holds(own, own)
        for name, entry in own.items():
            if isinstance(entry, (*_PLAIN, FunctionType, MethodType, partial)):
                self.state.values.append(name)
                self._value(entry)

    def _named(self, value: Any) -> None:
        """What is what it is called, if it is no module and class of the user's."""
        module = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        if not _is_stateless(module or "builtins"):
            raise _UnseenError
        self._same(value)

    def _enumeration(self, kind: EnumMeta) -> None:
        """The members of an enumeration, and what code of the user's it has."""
        self._same(kind)
        if self._is_met(kind):
            return
        self.state.mappings.holds(vars(kind), vars(kind))
        for name, value in vars(kind).items():
            if not name.startswith("_") and not isinstance(value, Enum):
                self._value(value)
        members: Iterable[Enum] = kind.__members__.values()
        for member in members:
            self.state.mappings.holds(vars(member), vars(member))
            self._value(member.value)

    def _function(self, function: FunctionType) -> None:
        self._same(function)
        self._same(function.__code__)
        if self._is_met(function):
            return
        for name in ("__code__", "__defaults__", "__kwdefaults__"):
            self._attribute(function, name)
        of_mindspore = _is_stateless(function.__globals__.get("__name__", ""))  # a wrapper may bear another's name
        self._enclosed(function, of_mindspore)
        if not of_mindspore:
            self._value(function.__defaults__ or ())
            self._value(function.__kwdefaults__ or {})
            self._globals(function)

    def _enclosed(self, function: FunctionType, of_mindspore: bool) -> None:
        """What is in a function's closure; of MindSpore's functions only code."""
        for place in function.__closure__ or ():
            self._attribute(place, "cell_contents")
            entry = _attribute_of(place, "cell_contents")
            if not of_mindspore or isinstance(entry, FunctionType | MethodType | partial):
                self._value(entry)

    def _globals(self, function: FunctionType) -> None:
        """What a function's code may read of its module."""
        names = _names_in(function.__code__)
        if names & _BEYOND:
            raise _UnseenError
        self.state.mappings.reads(function.__globals__, names)
        for name in sorted(names & function.__globals__.keys()):
            self._value(function.__globals__[name])
            if isinstance(function.__globals__[name], ModuleType):
                self._read_of(function.__globals__[name], names)

    def _read_of(self, module: ModuleType, names: frozenset[str]) -> None:
        """What the code may read of a module: whatever it has of the code's names."""
        self.state.mappings.reads(vars(module), names)
        for name in sorted(names & vars(module).keys()):
            entry = vars(module)[name]
            self._same(entry)
            if isinstance(entry, ModuleType) and not self._is_met(entry):
                self._read_of(entry, names)

    def _attribute(self, owner: object, name: str) -> None:
        self.state.attributes.append((owner, name, _attribute_of(owner, name)))

    def _same(self, value: object) -> None:
        self.state.objects.append(value)

    def _is_met(self, value: object) -> bool:
        met = id(value) in self._met
        self._met.add(id(value))
        return met


@cache
def _names_in(code: CodeType) -> frozenset[str]:
    """All names in code, also of functions within it; and whether anything is imported there."""
    found = set(code.co_names)
    if any(step.opname == "IMPORT_NAME" for step in dis.get_instructions(code)):
        found.add(_IMPORT)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found |= _names_in(constant)
    return frozenset(found)


def _is_mindspores(module: str) -> bool:
    return module.split(".")[0] == "mindspore"


def _is_stateless(module: str) -> bool:
    """Whether what is in a module of this name holds nothing that a user changes."""
    return module.split(".")[0] in _STATELESS


def _attribute_of(owner: object, name: str) -> Any:
    """What is there; None where nothing is, as in a cell of a closure that is not filled yet."""
    try:
        return getattr(owner, name)
    except (AttributeError, ValueError):
        return None


def _numbers_of(array: Any) -> _Numbers:
    found = array.asnumpy() if isinstance(array, Tensor) else array
    return found.dtype, found.shape, found.tobytes()
