"""Explainers and metrics from text: "Gradient,GradCAM:layer=conv2", names with settings, as the command takes them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from explainer import benchmark, explanation
from explainer.benchmark.base import Metric
from explainer.checks import require_choice
from explainer.command.values import scalar
from explainer.explanation.base import Attribution
from explainer.explanation.by_layer import AUTO
from explainer.own_code import imported, require_arguments, told_as

NOT_FOR_A_COMMAND = (
    *("network", "activation_fn", "num_labels", "method"),  # which the run has, or which are objects
    *("reshape_transform", "curve_fills", "parameters", "segments", "labels", "data_format", "on_progress"),
)
_TEXTS = ("layer", "name")  # never numbers, whatever they look like
EXPLAINERS: dict[str, type[Attribution]] = {
    name: getattr(explanation, name) for name in explanation.__all__ if name != "Attribution"
}
METRICS: dict[str, type[Metric]] = {
    name: kind
    for name in benchmark.__all__
    if issubclass(kind := getattr(benchmark, name), Metric) and not inspect.isabstract(kind)
}
DEFAULTS: Mapping[Any, Mapping[str, Any]] = {explanation.GradCAM: {"layer": AUTO}}
"""What the command takes where nothing is given and Python takes what the reference took."""


@dataclass(frozen=True)
class _Kind:
    """What an option makes: the option, the class that all must have, ours by name, and what each is given."""

    option: str
    base: type
    ours: Mapping[str, Callable[..., Any]]
    given: Mapping[str, Any]


def make_explainers(text: str, network: Any, activation: Any) -> list[Attribution]:
    """The explainers of a list such as "Gradient,GradCAM:layer=conv2,mypackage.maps:MyMap:window=3".

    Raises:
        TypeError, ValueError: an unknown name or setting, a value that does not fit, or no explainer.
    """
    given = {"network": network, "activation_fn": activation}
    return _make_all(_Kind("--explainers", Attribution, EXPLAINERS, given), text)


def make_metrics(text: str, label_count: int, activation: Any) -> list[Metric]:
    """The metrics of a list such as "Sparseness,Faithfulness:metric=DeletionAUC:steps=16,mypackage.scores:MyScore".

    Raises:
        TypeError, ValueError: an unknown name or setting, a value that does not fit, or no metric.
    """
    given = {"num_labels": label_count, "activation_fn": activation}
    return _make_all(_Kind("--metrics", Metric, METRICS, given), text)


def _make_all(kind: _Kind, text: str) -> list[Any]:
    return [_make(kind, entry.strip()) for entry in text.split(",") if entry.strip()]


def _make(kind: _Kind, entry: str) -> Any:
    """The object of an entry NAME:KEY=VALUE:..., made of its settings and of what is given that it takes."""
    name, settings, made = _found(kind, entry.split(":"))
    accepted = inspect.signature(made).parameters
    known = [key for key in accepted if key not in NOT_FOR_A_COMMAND]
    arguments = {key: value for key, value in kind.given.items() if key in accepted} | dict(DEFAULTS.get(made, {}))
    arguments |= (_setting(kind.option, setting, name, known) for setting in settings)
    require_arguments(kind.option, name, made, arguments)
    with nullcontext() if name in kind.ours else told_as(f"{kind.option} {entry} failed"):
        return made(**arguments)


def _found(kind: _Kind, parts: list[str]) -> tuple[str, list[str], Callable[..., Any]]:
    """The name of an entry's class, its settings, and the class: one of ours, or MODULE:CLASS."""
    name, *settings = parts
    if name in kind.ours or not settings or "=" in settings[0]:
        require_choice(kind.option, name, kind.ours)
        return name, settings, kind.ours[name]
    own = imported(name, settings[0], option=kind.option)
    what = f"{kind.option} {name}:{settings[0]}"
    if not isinstance(own, type) or not issubclass(own, kind.base):
        base = f"explainer.{kind.base.__module__.split('.')[1]}.{kind.base.__name__}"
        raise TypeError(f"{what} must be a subclass of {base}, which a run works with, got {own!r}")
    if inspect.isabstract(own):
        holes = ", ".join(sorted(getattr(own, "__abstractmethods__", ())))
        raise TypeError(f"{what} lacks {holes}: define what its base declares")
    return f"{name}:{settings[0]}", settings[1:], own


def _setting(option: str, setting: str, name: str, known: list[str]) -> tuple[str, Any]:
    key, equals, value = setting.partition("=")
    if not equals:
        raise ValueError(f"{option}: options of {name} are written key=value, got {setting!r}")
    require_choice(f"{option}: option of {name}", key, known)
    return key, value if key in _TEXTS else _value(value)


def _value(text: str) -> Any:
    """A pair such as 16x16, or a scalar."""
    pair = text.split("x")
    if len(pair) == 2 and all(part.isdecimal() for part in pair):
        return int(pair[0]), int(pair[1])
    return scalar(text)
