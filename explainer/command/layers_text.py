"""What `explainer layers` says."""

from __future__ import annotations

from typing import Any

Facts = dict[str, Any]

LAYERS = """\
Lists the cells of a network with their classes, the shapes of what they give for one image and how methods read that,
and marks the one that the layer "auto" of GradCAM and its relatives takes.
"""
LAYERS_END = """\
\b
Example:
  explainer layers --network mypackage.nets:resnet20 --size 32 32
  explainer layers --network mindcv:vit_b_32_224
  explainer run ... --explainers GradCAM:layer=layer3

A layer is read as a map of h x w positions, or as tokens that form one. Where more than one way is possible a run looks
at which follows the image.
"""
_MARK = "*"
_GAP = 2
_SHORTEST = 6  # room for names


def list_text(facts: Facts, width: int | None = None) -> str:
    """A line for each layer, and what "auto" takes.

    Args:
        facts: as `layer_facts` gives them.
        width: of the terminal; where a line would be longer, names that are long have one of their own.
    """
    layers = facts["layers"]
    names = max((len(layer["name"]) for layer in layers), default=0)
    kinds = max((len(layer["kind"]) for layer in layers), default=0)
    rests = [f"{layer['kind']:<{kinds}}  {_gives(layer)}".rstrip() for layer in layers]
    if width is not None:
        names = min(names, max(width - max(map(len, rests), default=0) - 2 * _GAP, _SHORTEST))
    lines = [
        f"{_MARK if layer['name'] == facts['auto'] else ' '} {_beside(layer['name'], names, rest)}"
        for layer, rest in zip(layers, rests, strict=True)
    ]
    images = " x ".join(map(str, facts["images"]))
    head = f"{facts['network']}, images {images}, {facts['classes']} classes"
    return "\n".join([head, *(line.rstrip() for line in lines), _auto(facts)])


def _beside(name: str, width: int, rest: str) -> str:
    if len(name) <= width:
        return f"{name:<{width}}  {rest}"
    return f"{name}\n{' ' * (width + 2 * _GAP)}{rest}"


def _gives(layer: Facts) -> str:
    if layer["shape"] is None:
        return str(layer["why_not"])
    shape = " x ".join(map(str, layer["shape"])) or "a number"
    return f"{shape:<15}{' or '.join(layer['read_as'])}"


def _auto(facts: Facts) -> str:
    if facts["auto"] is None:
        return f"no layer is marked: {facts['no_auto']}"
    return f'{_MARK} what "auto" takes: layer={facts["auto"]}'
