"""The tree of boxes that a hierarchical occlusion finds: what was edited, and the network's output then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

Box = tuple[int, int, int, int]
"""(x, y, width, height) in pixels; x and y are the top left corner."""

ROOT_LAYER = -1


class StopReason(Enum):
    """Why a search inside a box ended."""

    THRESHOLD_MET = "the output met the threshold"
    STEP_CHANGE_MET = "the change reached that of the box itself"
    NO_NEW_STEP = "no window was left; what was found there does not count"


@dataclass
class EditStep:
    """A box that was edited, and the finer boxes found inside it.

    Attributes:
        layer: -1 for the root, which is the whole image and no edit; 0 for the largest windows, 1 for the next.
        box: (x, y, width, height) in pixels.
        network_output: the label's probability once this box and those before it were edited; 0 for the root.
        step_change: how far this box alone changed it; 0 for the root.
        children: the boxes of the next layer that replace this one, in the order in which they were found.
        stop_reason: why the search inside this box ended; None where none was made. The root has that of layer 0.
            A box may have a reason and no children: they did not count, or their layer did not meet the threshold.

    >>> tree = EditStep(-1, (0, 0, 8, 6), children=[EditStep(0, (1, 2, 4, 4), 0.75, 0.5)])
    >>> [step.box for step in tree.leaf_steps], tree.max_layer
    ([(1, 2, 4, 4)], 0)
    """

    layer: int
    box: Box
    network_output: float = 0.0
    step_change: float = 0.0
    children: list[EditStep] = field(default_factory=list)
    stop_reason: StopReason | None = None

    def __repr__(self) -> str:
        """The box, what it does, and how many boxes replace it."""
        reason = "" if self.stop_reason is None else f", {self.stop_reason.name}"
        return (
            f"EditStep(layer {self.layer}, box {self.box}, output {self.network_output:.4g}, change "
            f"{self.step_change:+.4g}, {len(self.children)} children{reason})"
        )

    @property
    def x(self) -> int:
        """The left edge of the box."""
        return self.box[0]

    @property
    def y(self) -> int:
        """The upper edge of the box."""
        return self.box[1]

    @property
    def width(self) -> int:
        """The width of the box."""
        return self.box[2]

    @property
    def height(self) -> int:
        """The height of the box."""
        return self.box[3]

    @property
    def is_leaf(self) -> bool:
        """Whether it has no children."""
        return not self.children

    @property
    def leaf_steps(self) -> list[EditStep]:
        """The steps of this tree that have no children, depth first; the step itself when it has none."""
        if self.is_leaf:
            return [self]
        return [leaf for child in self.children for leaf in child.leaf_steps]

    @property
    def max_layer(self) -> int:
        """The deepest layer of this tree."""
        return max([self.layer, *(child.max_layer for child in self.children)])

    def get_layer_steps(self, layer: int) -> list[EditStep]:
        """The steps of a layer, depth first."""
        if self.layer == layer:
            return [self]
        return [step for child in self.children for step in child.get_layer_steps(layer)]

    def get_layer_or_leaf_steps(self, layer: int) -> list[EditStep]:
        """The steps of a layer and the leaves above it, depth first: together, what is edited in that layer."""
        if self.layer == layer or (self.layer < layer and self.is_leaf):
            return [self]
        return [step for child in self.children for step in child.get_layer_or_leaf_steps(layer)]

    def as_dict(self) -> dict[str, Any]:
        """The tree as JSON values.

        >>> EditStep(0, (1, 2, 4, 4), 0.75, 0.5, stop_reason=StopReason.NO_NEW_STEP).as_dict()
        {'layer': 0, 'box': [1, 2, 4, 4], 'network_output': 0.75, 'step_change': 0.5,
         'stop_reason': 'NO_NEW_STEP', 'children': []}
        """
        return {
            "layer": self.layer,
            "box": list(self.box),
            "network_output": self.network_output,
            "step_change": self.step_change,
            "stop_reason": None if self.stop_reason is None else self.stop_reason.name,
            "children": [child.as_dict() for child in self.children],
        }

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> EditStep:
        """The tree of which `as_dict` gave these values; a missing `stop_reason` is None.

        Raises:
            KeyError: another value is missing, or there is no such stop reason.
            ValueError: a box that is not of four numbers.
        """
        x, y, width, height = given["box"]
        reason = given.get("stop_reason")
        return cls(
            given["layer"],
            (x, y, width, height),
            given["network_output"],
            given["step_change"],
            [cls.from_dict(child) for child in given["children"]],
            None if reason is None else StopReason[reason],
        )
