"""A network's layers as facts: what each gives, how methods read it, and which one "auto" takes."""

from __future__ import annotations

from typing import Any

import numpy as np

from explainer.classifier import LayerOutput
from explainer.errors import LayerError
from explainer.explanation.layer_layouts import is_alike, layouts
from explainer.explanation.layer_maps import last_spatial_layer
from explainer.network.engine import MINDSPORE
from explainer.network.mindspore.layer_runs import LayerRun, layer_runs
from explainer.network.of import classifier_of

Facts = dict[str, Any]


def layer_facts(network: Any, image_shape: tuple[int, int, int]) -> Facts:
    """Every layer of a network for images (C, H, W), as JSON values.

    Raises:
        TypeError, ValueError: the network is none, or cannot be evaluated for such images.
    """
    classifier = classifier_of(network, engine=MINDSPORE)
    image = np.random.default_rng(0).standard_normal((1, *image_shape)).astype(np.float32)
    classes = classifier.class_count(image)
    listed = [_fact(run, image_shape[1:]) for run in layer_runs(network, image)]
    try:
        auto, why_not = last_spatial_layer(classifier, image_shape), None
    except LayerError as error:
        auto, why_not = None, str(error)
    return {
        "network": type(network).__name__,
        "images": list(image_shape),
        "classes": classes,
        "layers": listed,
        "auto": auto,
        "no_auto": why_not,
    }


def _fact(run: LayerRun, size: tuple[int, int]) -> Facts:
    output = run.output
    return {
        "name": run.name,
        "kind": run.kind,
        "shape": None if output is None else list(output.shape),
        "read_as": [] if output is None else _read_as(output, size),
        "why_not": run.why_not or None,
    }


def _read_as(output: LayerOutput, size: tuple[int, int]) -> list[str]:
    """How a method may read the layer, from its class and shape: as a map, or as tokens that form one."""
    return [
        f"{layout.kind}, {layout.grid[0]} x {layout.grid[1]}"
        for layout in layouts(output, size)
        if layout.positions > 1 and (len(output.shape) == 2 or is_alike(layout.grid, size))
    ]
