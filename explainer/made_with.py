"""Objects that know what they were made with, so that another process can make the same."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, TypeVar

_Made = TypeVar("_Made", bound="MadeWith")


class MadeWith:
    """Base of classes whose objects know it; a class with a constructor comes before it.

    Attributes:
        made_with: what the class was called with, by position and by name.

    >>> class Grid(MadeWith):
    ...     def __init__(self, rows, columns=3):
    ...         self.cells = rows * columns
    >>> Grid(2, columns=5).made_with
    ((2,), {'columns': 5})
    """

    __signature__: ClassVar[inspect.Signature]
    made_with: tuple[tuple[Any, ...], dict[str, Any]]

    def __init_subclass__(cls, **named: Any) -> None:
        """A class is called with what its constructor takes: Python before 3.11.4 would tell what `__new__` takes."""
        super().__init_subclass__(**named)
        _, *parameters = inspect.signature(cls.__init__).parameters.values()
        cls.__signature__ = inspect.Signature(parameters)

    def __new__(cls: type[_Made], *arguments: Any, **settings: Any) -> _Made:
        """One that is not set up yet, and knows what it will be."""
        made = super().__new__(cls)
        made.made_with = arguments, settings
        return made
