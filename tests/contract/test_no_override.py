"""Every class is abstract or final: what one class of the package implements, no other one overrides.

Abstract methods and the members of protocols are holes, to be filled; dunder methods are Python's, but for `__call__`.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import explainer

GENERATED = "explainer.summary.explain_pb2"


def classes_of_the_package() -> set[type]:
    modules = [
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(explainer.__path__, "explainer.")
        if module.name != GENERATED
    ]
    found = (value for module in modules for value in vars(module).values() if inspect.isclass(value))
    return {kind for kind in found if (kind.__module__ or "").startswith("explainer")}  # a message of protobuf has none


def overrides(kind: type) -> Iterator[str]:
    """The implemented methods of other classes of the package that a class has anew."""
    for name, member in vars(kind).items():
        if is_method(name, member) and (base := implementing(kind, name)) is not None:
            yield f"{kind.__module__}.{kind.__qualname__}.{name} overrides that of {base.__qualname__}"


def is_method(name: str, member: Any) -> bool:
    if name.startswith("__") and name != "__call__":
        return False
    return inspect.isfunction(member) or isinstance(member, property | classmethod | staticmethod)


def implementing(kind: type, name: str) -> type | None:
    """The nearest class above in the package that has the method, unless it is a hole there."""
    base = next((base for base in kind.__mro__[1:] if name in vars(base)), None)
    if base is None or base.__module__.partition(".")[0] not in (explainer.__name__, __name__.partition(".")[0]):
        return None
    is_hole = getattr(vars(base)[name], "__isabstractmethod__", False) or getattr(base, "_is_protocol", False)
    return None if is_hole else base


def test_no_class_overrides_what_another_one_implements() -> None:
    found = classes_of_the_package()
    assert {"MindSporeClassifier", "RISE", "SummaryWriter"} <= {kind.__name__ for kind in found}
    assert sorted(line for kind in found for line in overrides(kind)) == []


class Base:
    def method(self) -> int:
        return 1

    @property
    def fact(self) -> int:
        return 1

    def __call__(self) -> int:
        return 1

    def __len__(self) -> int:
        return 1


class Overriding(Base):
    def method(self) -> int:
        return 2

    @property
    def fact(self) -> int:
        return 2

    def __call__(self) -> int:
        return 2

    def __len__(self) -> int:
        return 2


def test_an_override_is_seen() -> None:
    assert [line.partition(" ")[0].rpartition(".")[2] for line in overrides(Overriding)] == [
        "method",
        "fact",
        "__call__",
    ]
