"""The translation between an EditTree and its protobuf message, and what MindInsight gets of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from explainer.records import EditLayer, EditTree
from explainer.summary.explain_pb2 import Explain
from explainer.summary.text import plain_text

_REDRAWN = re.compile(r"gaussian:0*([1-9]\d*)", re.ASCII)


def is_redrawn(tree: EditTree) -> bool:
    """Whether MindInsight can draw this result: it knows boxes that show the image on its blur."""
    found = bool(tree.layers) and tree.tree is not None
    return found and not tree.by_masking and _REDRAWN.fullmatch(tree.mask) is not None


def add_redrawn(message: Explain, tree: EditTree, picture: tuple[int, int]) -> None:
    """Adds what MindInsight re-draws, its boxes and blur in pixels of the saved picture.

    Args:
        message: of the sample.
        tree: a result that `is_redrawn`.
        picture: height and width of the saved picture, which may be larger or smaller than the image.
    """
    blur = _REDRAWN.fullmatch(tree.mask)
    assert tree.tree is not None and blur is not None
    _, _, width, height = tree.tree["box"]
    scale = picture[1] / width, picture[0] / height
    radius = max(1, round(int(blur[1]) * sum(scale) / 2))
    hoc = message.hoc.add(label=tree.label, mask=f"gaussian:{radius}")
    for layer in tree.layers:
        boxes = [round(value * scale[index % 2]) for box in layer.boxes for index, value in enumerate(box)]
        hoc.layer.add(prob=layer.output, box=boxes)


def add_tree(message: Explain, tree: EditTree) -> None:
    """Adds the record."""
    entry = message.edit_tree.add(label=tree.label, mask=tree.mask, by_masking=tree.by_masking)
    for layer in tree.layers:
        entry.layer.add(prob=layer.output, box=[value for box in layer.boxes for value in box])
    if tree.tree is not None:
        _fill(entry.root, tree.tree)
    if tree.reason:
        entry.reason = tree.reason


def tree_of(sample_id: int, entry: Explain.EditTree) -> EditTree:
    """The record of a message; a list of boxes that is cut short loses its last one."""
    layers = tuple(EditLayer(layer.prob, tuple(zip(*[iter(layer.box)] * 4, strict=False))) for layer in entry.layer)
    root = _as_dict(entry.root) if entry.HasField("root") else None
    return EditTree(
        sample_id, entry.label, plain_text(entry.mask), entry.by_masking, layers, root, plain_text(entry.reason)
    )


def _fill(message: Explain.EditStep, step: Mapping[str, Any]) -> None:
    message.layer = step["layer"]
    message.box.extend(step["box"])
    message.network_output, message.step_change = step["network_output"], step["step_change"]
    if step.get("stop_reason") is not None:
        message.stop_reason = step["stop_reason"]
    for child in step["children"]:
        _fill(message.child.add(), child)


def _as_dict(step: Explain.EditStep) -> dict[str, Any]:
    return {
        "layer": step.layer,
        "box": list(step.box),
        "network_output": step.network_output,
        "step_change": step.step_change,
        "stop_reason": plain_text(step.stop_reason) if step.HasField("stop_reason") else None,
        "children": [_as_dict(child) for child in step.child],
    }
