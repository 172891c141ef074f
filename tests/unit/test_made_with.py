"""What is made with something knows it, and tells what it takes."""

from __future__ import annotations

import inspect
from typing import Any

from explainer.explanation import GradCAM
from explainer.made_with import MadeWith


class Grid(MadeWith):
    """Takes two numbers."""

    def __init__(self, rows: int, *, columns: int = 3) -> None:
        self.cells = rows * columns


class Square(Grid):
    """Has no constructor of its own."""


class Cube(Square):
    """Takes one number and whatever else."""

    def __init__(self, side: int, **named: Any) -> None:
        super().__init__(side, columns=side, **named)


def test_a_class_is_called_with_what_its_constructor_takes() -> None:
    """Asked of the class itself: which of `__new__` and `__init__` counts depends on Python's version."""
    told = {kind: list(kind.__signature__.parameters) for kind in (Grid, Square, Cube)}
    assert told == {Grid: ["rows", "columns"], Square: ["rows", "columns"], Cube: ["side", "named"]}
    assert list(inspect.signature(GradCAM).parameters) == [
        "network",
        "layer",
        "reshape_transform",
        "name",
        "batch_size",
    ]
    assert inspect.signature(Grid).parameters["columns"].default == 3


def test_objects_know_what_they_were_made_with() -> None:
    assert Cube(2).made_with == ((2,), {})
    assert Grid(2, columns=5).made_with == ((2,), {"columns": 5})
