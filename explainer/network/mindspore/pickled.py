"""What pickle needs to know of MindSpore's objects, so that a process of its own gets a network and its data.

Cells and parameters can be pickled, primitives and datasets cannot: a primitive is made anew from what it was made
with, as MindSpore's own deepcopy does; a dataset is without the links to those that were made of it.
"""

from __future__ import annotations

from typing import Any

from mindspore.dataset.engine.datasets import Dataset
from mindspore.ops import Primitive


def reduced(value: Any) -> Any:
    """How pickle is to keep a primitive or a dataset; NotImplemented for all else."""
    if isinstance(value, Primitive):
        return _primitive, (type(value), value.init_attrs)
    if isinstance(value, Dataset):
        make, arguments, state, *more = value.__reduce_ex__(2)
        return (make, arguments, {**state, "parent": []}, *more) if isinstance(state, dict) else NotImplemented
    return NotImplemented


def _primitive(kind: type[Primitive], made_with: dict[str, Any]) -> Primitive:
    return kind(**made_with)
