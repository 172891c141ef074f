"""Explainers and metrics from text: "Gradient,GradCAM:layer=conv2", names with settings, as the command takes them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from explainer import benchmark, explanation
from explainer.benchmark.base import Metric
from explainer.checks import require_choice
from explainer.explanation.base import Attribution

_NOT_FOR_A_COMMAND = ("network", "activation_fn", "num_labels", "reshape_transform", "method", "curve_fills")
_TEXTS = ("layer", "name")  # never numbers, whatever they look like
_EXPLAINERS: dict[str, type[Attribution]] = {
    name: getattr(explanation, name) for name in explanation.__all__ if name != "Attribution"
}
_METRICS: dict[str, type[Metric]] = {
    name: kind
    for name in benchmark.__all__
    if issubclass(kind := getattr(benchmark, name), Metric) and not inspect.isabstract(kind)
}


def make_explainers(text: str, network: Any, activation: Any) -> list[Attribution]:
    """The explainers of a list such as "Gradient,GradCAM:layer=conv2".

    Raises:
        TypeError, ValueError: an unknown name or setting, or a value that does not fit.
    """
    return _make_all("--explainers", _EXPLAINERS, text, {"network": network, "activation_fn": activation})


def make_metrics(text: str, label_count: int, activation: Any) -> list[Metric]:
    """The metrics of a list such as "Sparseness,Faithfulness:metric=DeletionAUC:steps=16".

    Raises:
        TypeError, ValueError: an unknown name or setting, or a value that does not fit.
    """
    return _make_all("--metrics", _METRICS, text, {"num_labels": label_count, "activation_fn": activation})


def _make_all(option: str, kinds: Mapping[str, Callable[..., Any]], text: str, given: dict[str, Any]) -> list[Any]:
    return [_make(option, kinds, entry.strip(), given) for entry in text.split(",") if entry.strip()]


def _make(option: str, kinds: Mapping[str, Callable[..., Any]], entry: str, given: dict[str, Any]) -> Any:
    """The object of an entry NAME:KEY=VALUE:..., made of its settings and of what is given that it takes."""
    name, *settings = entry.split(":")
    require_choice(option, name, kinds)
    accepted = inspect.signature(kinds[name]).parameters
    known = [key for key in accepted if key not in _NOT_FOR_A_COMMAND]
    arguments = dict(_setting(option, setting, name, known) for setting in settings)
    return kinds[name](**{key: value for key, value in given.items() if key in accepted}, **arguments)


def _setting(option: str, setting: str, name: str, known: list[str]) -> tuple[str, Any]:
    key, equals, value = setting.partition("=")
    if not equals:
        raise ValueError(f"{option}: options of {name} are written key=value, got {setting!r}")
    require_choice(f"{option}: option of {name}", key, known)
    return key, value if key in _TEXTS else _value(value)


def _value(text: str) -> Any:
    """A number, "true" or "false", a pair such as 16x16, or the text itself."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    pair = text.split("x")
    if len(pair) == 2 and all(part.isdecimal() for part in pair):
        return int(pair[0]), int(pair[1])
    try:
        return int(text) if text.lstrip("-").isdecimal() else float(text)
    except ValueError:
        return text
