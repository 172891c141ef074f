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


def list_text(facts: Facts) -> str:
    """A line for each layer, and what "auto" takes."""
    layers = facts["layers"]
    names = max((len(layer["name"]) for layer in layers), default=0)
    kinds = max((len(layer["kind"]) for layer in layers), default=0)
    lines = [
        f"{_MARK if layer['name'] == facts['auto'] else ' '} {layer['name']:<{names}}  {layer['kind']:<{kinds}}  "
        f"{_gives(layer)}"
        for layer in layers
    ]
    images = " x ".join(map(str, facts["images"]))
    head = f"{facts['network']}, images {images}, {facts['classes']} classes"
    return "\n".join([head, *(line.rstrip() for line in lines), _auto(facts)])


def _gives(layer: Facts) -> str:
    if layer["shape"] is None:
        return str(layer["why_not"])
    shape = " x ".join(map(str, layer["shape"])) or "a number"
    return f"{shape:<15}{' or '.join(layer['read_as'])}"


def _auto(facts: Facts) -> str:
    if facts["auto"] is None:
        return f"no layer is marked: {facts['no_auto']}"
    return f'{_MARK} what "auto" takes: layer={facts["auto"]}'
