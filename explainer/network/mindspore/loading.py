"""Networks by name: a function of a module of the user's, or a network of MindCV, with weights of a checkpoint."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import mindspore
from mindspore import nn

from explainer.checks import did_you_mean

_CHECKSUM_MARK, _CHECKSUM_BYTES = b"crc_num", 17  # the end of a checkpoint that was saved with crc_check=True


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

    A checkpoint saved with `mindspore.save_checkpoint(..., crc_check=True)` is checked; others carry no checksum.

    Raises:
        ValueError: there is no such file, it is damaged, or it does not fit the network; calls the file by `name`.
    """
    if not checkpoint.is_file():
        raise ValueError(f"{name} must be a file, got {checkpoint}")
    with _errors_unlogged():
        parameters = _parameters(checkpoint, name)
        try:
            missing, _ = mindspore.load_param_into_net(network, parameters)
        except (RuntimeError, TypeError, ValueError) as error:
            raise ValueError(f"{name} {checkpoint} does not fit the network: {_first_paragraph(error)}") from error
    if missing:
        raise ValueError(
            f"{name} {checkpoint} lacks {len(missing)} weights of the network, the first {missing[0]!r}; "
            "explanations of a half-loaded network mean nothing"
        )


def _parameters(checkpoint: Path, name: str) -> dict[str, Any]:
    """The parameters in a checkpoint, whose checksum MindSpore compares where there is one."""
    try:
        read: dict[str, Any] = mindspore.load_checkpoint(str(checkpoint), crc_check=_has_checksum(checkpoint))
    except Exception as error:  # whatever MindSpore's parser came upon
        cause = error.__cause__ or error  # MindSpore's own sentence speaks of permissions, whatever happened
        if "crc check" in str(cause):
            raise ValueError(
                f"{name} {checkpoint} is damaged: its content is not what its checksum (CRC) was made of; copy it "
                "again from where it was saved"
            ) from error
        raise ValueError(
            f"{name} {checkpoint} could not be read ({_one_line(cause)}): it is damaged, or no checkpoint of MindSpore"
        ) from error
    return read


def _has_checksum(checkpoint: Path) -> bool:
    """Whether MindSpore saved a checksum behind the parameters; where it asks for one in vain, it logs a warning."""
    with checkpoint.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - _CHECKSUM_BYTES, 0))
        return file.read().startswith(_CHECKSUM_MARK)


@contextmanager
def _errors_unlogged() -> Iterator[None]:
    """Keeps MindSpore from logging what becomes an error of ours."""
    logger = logging.getLogger(f"ME.mindspore.log.{os.getpid()}")
    logger.addFilter(_is_to_be_logged)
    try:
        yield
    finally:
        logger.removeFilter(_is_to_be_logged)


def _is_to_be_logged(record: logging.LogRecord) -> bool:
    return record.levelno < logging.ERROR and "not loaded" not in record.getMessage()


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
    said = _first_paragraph(error)
    return f"{type(error).__name__}{': ' * bool(said)}{said}"


def _first_paragraph(error: BaseException) -> str:
    """What an error says, in one line; MindSpore goes on for a page."""
    return " ".join(str(error).strip().split("\n\n")[0].split())


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
