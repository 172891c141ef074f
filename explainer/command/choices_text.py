"""What `explainer methods` and `explainer metrics` say, in lines of at most 80 columns."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from explainer.command.catalogue import Choice, Option  # which loads SciPy


METHODS = """\
Lists the methods that --explainers takes, with their options, defaults and costs; or says all of the one that is
named.
"""
METHODS_END = """\
\b
Example:
  explainer methods
  explainer methods Occlusion
  explainer run ... --explainers Gradient,Occlusion:window=16x16:stride=8
"""
METRICS = """\
Lists the metrics that --metrics takes, with their options, defaults, which way is better, and costs; or says all of
the one that is named.
"""
METRICS_END = """\
\b
Example:
  explainer metrics
  explainer metrics Faithfulness
  explainer run ... --metrics Sparseness,Faithfulness:metric=DeletionAUC
"""
_WIDTH = 80
_NAMES = 10  # of the column of names
_NEEDS = {"boxes": "bounding boxes", "explainer": "the network"}


def list_text(choices: Iterable[Choice]) -> str:
    """Each with its first sentence, options and cost."""
    return "\n".join("\n".join(_entry(choice)) for choice in choices)


def page_text(option: str, choice: Choice) -> str:
    """All that there is to say of one; `option` is that of `explainer run` which takes it."""
    lines = [*_wrapped(choice.summary)]
    for paragraph in choice.more:
        lines += ["", *_wrapped(paragraph)]
    lines += ["", *_facts(choice)]
    for entry in choice.options:
        lines += ["", f"  {_with_default(entry)}", *_wrapped(entry.text, 6)]
    example = next((entry for entry in choice.options if entry.default is not None), None)
    setting = f":{example.name}={example.default}" if example else ""
    lines += ["", f"explainer run ... {option} {choice.name}{setting}"]
    if choice.source:
        lines += ["", *_row("source", choice.source)]
    return "\n".join(lines)


def _entry(choice: Choice) -> Iterator[str]:
    yield choice.name
    yield from _wrapped(choice.summary, 2)
    options = ", ".join(map(_with_default, choice.options))
    yield from _row("options", options or "none")
    yield from _facts(replace(choice, cost=_first_sentence(choice.cost)))


def _facts(choice: Choice) -> Iterator[str]:
    """Which way is better, within which bounds, what is needed, and the cost."""
    better = getattr(choice.kind, "higher_is_better", None)
    if better is not None:
        yield from _row("better", f"{'higher' if better else 'lower'}, {_between(*choice.kind.bounds)}")  # type: ignore[attr-defined]
    needs = [_NEEDS.get(need, need) for need in sorted(getattr(choice.kind, "needs", ()))]
    if needs:
        yield from _row("needs", ", ".join(needs))
    if choice.cost:
        yield from _row("cost", choice.cost)


def _between(low: float, high: float) -> str:
    return f"in [{low:g}, {high:g}]" if math.isfinite(high) else f"from {low:g} on"


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].rstrip(".")


def _with_default(option: Option) -> str:
    return option.name if option.default is None else f"{option.name}={option.default}"


def _row(name: str, text: str) -> list[str]:
    indent = " " * (_NAMES + 2)
    return textwrap.wrap(text, _WIDTH, initial_indent=f"  {name:<{_NAMES}}", subsequent_indent=indent)


def _wrapped(text: str, indent: int = 0) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent)
