"""Networks by name: a function of a module of the user's, or a network of MindCV, with weights of a checkpoint."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import mindspore
from mindspore import nn

from explainer.checks import did_you_mean


def make_network(factory: str, class_count: int, *, name: str = "`factory`") -> nn.Cell:
    """The network that a factory makes, in evaluation mode.

    Args:
        factory: "module:function", a function without arguments, looked for in the working directory, too; or
            "mindcv:network", which is made for `class_count` classes, without weights.
        class_count: how many classes there are.
        name: what messages call the factory.

    Raises:
        ValueError: there is no such module, function or network, or the user's code failed, with whatever exception.
        TypeError: what it makes is no nn.Cell.
    """
    make = _factory(factory, class_count, name)
    with _told_as(f"{name} {factory} failed"):
        network = make()
    if not isinstance(network, nn.Cell):
        raise TypeError(f"{name} {factory} must make a mindspore.nn.Cell, made {type(network).__name__}")
    return network.set_train(False)


def load_weights(network: nn.Cell, checkpoint: Path, *, name: str = "`checkpoint`") -> None:
    """Gives the network the weights of a checkpoint, every one of its own.

    Raises:
        ValueError: there is no such file, it is damaged, or it does not fit the network; calls the file by `name`.
    """
    if not checkpoint.is_file():
        raise ValueError(f"{name} must be a file, got {checkpoint}")
    try:
        missing, _ = mindspore.load_param_into_net(network, mindspore.load_checkpoint(str(checkpoint)))
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split("\n\n")[0].split())
        raise ValueError(f"{name} {checkpoint} does not fit the network: {reason}") from error
    if missing:
        raise ValueError(
            f"{name} {checkpoint} lacks {len(missing)} weights of the network, the first {missing[0]!r}; "
            "explanations of a half-loaded network mean nothing"
        )


def _factory(factory: str, class_count: int, name: str) -> Callable[[], Any]:
    module_name, colon, function_name = factory.partition(":")
    if not colon or not function_name:
        raise ValueError(f"{name} must be MODULE:FACTORY or mindcv:NAME, got {factory!r}")
    if module_name == "mindcv":
        return _mindcv_factory(function_name, class_count, name)
    return _own_factory(module_name, function_name, name)


def _own_factory(module_name: str, function_name: str, name: str) -> Callable[[], Any]:
    with _told_as(f"{name}: could not import {module_name!r}", module_name), _working_directory_on_path():
        factory = getattr(importlib.import_module(module_name), function_name, None)
    if not callable(factory):
        raise ValueError(f"{name}: {module_name} has no function {function_name!r}")
    made: Callable[[], Any] = factory
    return made


@contextmanager
def _told_as(what: str, module_name: str = "") -> Iterator[None]:
    """Makes one sentence of whatever the user's code raises, SystemExit included; Ctrl-C stays what it is."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        is_missing = isinstance(error, ModuleNotFoundError) and f"{module_name}.".startswith(f"{error.name}.")
        do = "is it on the Python path?" if is_missing else "--traceback shows where"
        raise ValueError(f"{what} ({_one_line(error)}); {do}") from error


def _one_line(error: BaseException) -> str:
    """The exception and the first paragraph of what it says; MindSpore goes on for a page."""
    said = " ".join(str(error).strip().split("\n\n")[0].split())
    return f"{type(error).__name__}{': ' * bool(said)}{said}"


@contextmanager
def _working_directory_on_path() -> Iterator[None]:
    sys.path.insert(0, "")
    try:
        yield
    finally:
        with suppress(ValueError):  # the module may have changed the path itself
            sys.path.remove("")


def _mindcv_factory(network: str, class_count: int, name: str) -> Callable[[], Any]:
    try:
        from mindcv.models import create_model, list_models
    except Exception as error:  # also what it raises under a MindSpore that it does not know
        raise ValueError(f"{name} mindcv:{network} needs MindCV: pip install mindcv ({_one_line(error)})") from error
    known = list_models()
    if network not in known:
        raise ValueError(f"{name}: MindCV has no network {network!r}{did_you_mean(network, known)}")
    factory: Callable[[], Any] = partial(create_model, network, num_classes=class_count, pretrained=False)
    return factory
