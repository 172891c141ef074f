"""Writes a network's folder: weights, images, labels, logits and maps, and the graphs that ONNX Runtime's floor runs.

Run as a program: `python -m benching.exporting FOLDER NETWORK`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from trial import data

from benching.built import first_made
from benching.networks import BATCH, NETWORKS, Exported, Network
from explainer.explanation import Gradient
from explainer.network.mindspore.adapter import MindSporeClassifier
from explainer.network.onnx.backward import gradient_graph
from explainer.network.onnx.graph import Graph, Value
from explainer.network.onnx.model import model_of, needed_weights
from explainer.network.translation import translated
from explainer.relu_rules import deconvolution, guided, plain

RULES = {"plain": plain, "guided": guided, "deconvolution": deconvolution}


def main(folder: Path, name: str) -> None:
    """Writes one folder."""
    network = NETWORKS[name]
    exported = Exported(folder, network)
    exported.folder.mkdir(parents=True)
    cell, images = first_made(network), images_of(network)
    logits = MindSporeClassifier(cell, batch_size=BATCH).logits(images)
    labels = logits.argmax(axis=1)
    np.savez(exported.folder / "weights.npz", **{name: one.asnumpy() for name, one in cell.parameters_and_names()})
    np.save(exported.folder / "images.npy", images)
    np.save(exported.folder / "logits.npy", logits)
    np.save(exported.folder / "labels.npy", labels)
    if network.name == "ResNet-20":
        np.save(exported.folder / "truth.npy", data.cifar10().labels)
    np.save(exported.folder / "maps.npy", Gradient(cell, reduction="abs_max")(images, labels))
    write_graphs(exported, translated(cell, images[:2]).graph)


def images_of(network: Network) -> NDArray[np.float32]:
    """(N, 3, H, W): CIFAR's, the photographs and their mirror images, or noise."""
    if network.size == 32:
        return data.cifar10().images[: network.images]
    if network.size == 224:
        photos = data.photos().images
        return np.concatenate([photos, photos[..., ::-1]])[: network.images]
    shape = (network.images, 3, network.size, network.size)
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def write_graphs(exported: Exported, graph: Graph) -> None:
    """The forward, its gradient under each rule, and the gradient at the layer, where it is found in the graph."""
    graphs = {"forward": graph} | {name: gradient_graph(graph, rule=rule) for name, rule in RULES.items()}
    tap = _output_of(exported.network.layer, graph)
    if tap is not None:
        graphs["tap"] = gradient_graph(graph, at=tap)
    names = {}
    for name, one in graphs.items():
        (exported.folder / f"{name}.onnx").write_bytes(model_of(one))
        names[name] = {value.name: parameter for parameter, value in needed_weights(one, one.outputs).items()}
    (exported.folder / "graphs.json").write_text(json.dumps(names), encoding="utf-8")


def _output_of(layer: str, graph: Graph) -> Value | None:
    """The last value of a layer, by the scope of its node."""
    parts = [f"/{part}-" for part in layer.split(".")] if layer else []
    inside = [node for node in graph.nodes if parts and all(part in node.scope for part in parts)]
    return inside[-1].outputs[0] if inside else None


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
    sys.stdout.flush()
    os._exit(0)  # MindSpore's cells print a traceback each when Python ends
