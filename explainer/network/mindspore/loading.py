"""Networks by name: a function of a module of the user's, a network of MindCV, or a MindIR file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mindspore import nn

from explainer.checks import did_you_mean
from explainer.network.mindspore.graph_files import ENDING, load_graph
from explainer.own_code import imported, one_line, require_arguments, told_as

_MINDCV = "mindcv"


def make_network(
    factory: str,
    class_count: int,
    arguments: Mapping[str, Any] | None = None,
    *,
    name: str = "`factory`",
    arguments_name: str = "`arguments`",
) -> nn.Cell:
    """The network that a factory makes, in evaluation mode.

    Args:
        factory: "module:function", looked for in the working directory, too; "mindcv:network", which is made for
            `class_count` classes, without weights; or the path of a MindIR file, "network.mindir", with its weights.
        class_count: how many classes there are.
        arguments: what the factory is called with, by name.
        name: what messages call the factory.
        arguments_name: what they call its arguments.

    Raises:
        ValueError: there is no such module, function, network or argument, or the user's code failed, with whatever
            exception.
        TypeError: what it makes is no nn.Cell.
    """
    given = dict(arguments or {})
    if factory.endswith(ENDING):
        if given:
            raise ValueError(f"{arguments_name} must be left out: {factory} is a graph, which takes no arguments")
        return load_graph(Path(factory), name=name)
    make = _factory(factory, class_count, name)
    require_arguments(arguments_name, factory, make, given)
    with told_as(f"{name} {factory} failed"):
        network = make(**given)
    if not isinstance(network, nn.Cell):
        raise TypeError(f"{name} {factory} must make a mindspore.nn.Cell, made {type(network).__name__}")
    return network.set_train(False)


def _factory(factory: str, class_count: int, name: str) -> Callable[..., Any]:
    module_name, colon, function_name = factory.partition(":")
    if not colon or not function_name:
        raise ValueError(f"{name} must be MODULE:FACTORY, mindcv:NAME or a file .mindir, got {factory!r}")
    if module_name == _MINDCV:
        return _mindcv_factory(function_name, class_count, name)
    return imported(module_name, function_name, option=name)


def _mindcv_factory(network: str, class_count: int, name: str) -> Callable[..., Any]:
    try:
        from mindcv.models import create_model, list_models
    except Exception as error:  # also what it raises under a MindSpore that it does not know
        raise ValueError(f"{name} mindcv:{network} needs MindCV: pip install mindcv ({one_line(error)})") from error
    known = list_models()
    if network not in known:
        raise ValueError(f"{name}: MindCV has no network {network!r}{did_you_mean(network, known)}")
    factory: Callable[..., Any] = partial(create_model, network, num_classes=class_count, pretrained=False)
    return factory
