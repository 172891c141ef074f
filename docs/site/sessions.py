"""Examples of docstrings as sessions: lines of `>>>` that no heading announces would be quotations to Markdown."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

SESSION = re.compile(r"^(?P<indent> *)>>> .*\n?(?:(?P=indent)\S.*\n?|(?P=indent) +\S.*\n?)*", re.MULTILINE)


class Sessions(Extension):
    """Fences the sessions in every docstring."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Called by Griffe for each object that it has read."""
        if obj.docstring is not None:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(docstring: str) -> str:
    """The docstring with fences around its sessions; one ends at an empty line."""

    def with_fences(session: re.Match[str]) -> str:
        indent = session["indent"]
        return f"{indent}```pycon\n{session[0].rstrip()}\n{indent}```\n"

    return SESSION.sub(with_fences, docstring).rstrip()
