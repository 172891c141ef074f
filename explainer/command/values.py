"""Values from text, as a user writes them behind `key=`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from explainer.checks import require_distinct


def scalar(text: str) -> Any:
    """A number, "true" or "false", or the text itself.

    >>> scalar("3"), scalar("-.5"), scalar("True"), scalar("same")
    (3, -0.5, True, 'same')
    """
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return int(text) if text.lstrip("-").isdecimal() else float(text)
    except ValueError:
        return text


def value(text: str) -> Any:
    """A scalar, a list with commas, or anything that JSON has: `[[1, 2], [3]]`, `"12"` (a text), `null`.

    >>> value("2,2,2"), value('"12"'), value("[0.5, null]"), value("relu")
    ([2, 2, 2], '12', [0.5, None], 'relu')
    """
    if text[:1] in ("[", "{", '"') or text == "null":
        try:
            return json.loads(text)
        except ValueError:
            return text
    return [scalar(part) for part in text.split(",")] if "," in text else scalar(text)


def arguments(option: str, texts: Iterable[str]) -> dict[str, Any]:
    """Values by name, of texts such as "width=0.5".

    Raises:
        ValueError: a text without a name or `=`, or a name twice.
    """
    pairs = [text.partition("=") for text in texts]
    for name, equals, given in pairs:
        if not equals or not name.isidentifier():
            raise ValueError(f"{option} must be written key=value, as width=0.5, got {f'{name}{equals}{given}'!r}")
    require_distinct(option, [name for name, _, _ in pairs], "give each argument once")
    return {name: value(given) for name, _, given in pairs}
