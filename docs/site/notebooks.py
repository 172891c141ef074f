"""A notebook as a page: its text, its code, and below each cell what it printed and drew."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

PICTURES = {"image/jpeg": "jpg", "image/png": "png"}
"""What a cell may draw, the smaller first, and the endings of their files."""


class Notebook(NamedTuple):
    """The page as Markdown, and its pictures by the names of their files."""

    markdown: str
    pictures: dict[str, bytes]


def page_of(notebook: str, name: str) -> Notebook:
    """The page of a notebook, given as it is on the disk; its pictures are called NAME-1.png and so on."""
    pictures: dict[str, bytes] = {}
    parts = [part for cell in json.loads(notebook)["cells"] for part in _parts(cell, name, pictures)]
    return Notebook("\n\n".join(parts) + "\n", pictures)


def _parts(cell: Mapping[str, Any], name: str, pictures: dict[str, bytes]) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
    elif cell["cell_type"] == "code":
        yield _fenced(source, "python")
        for output in cell["outputs"]:
            yield from _shown(output, name, pictures)


def _shown(output: Mapping[str, Any], name: str, pictures: dict[str, bytes]) -> Iterator[str]:
    """One output; of what is there in several forms the picture, then HTML, then text. Errors and logs are left out."""
    data = output.get("data", {})
    kind = next((kind for kind in PICTURES if kind in data), None)
    if kind is not None:
        file = f"{name}-{len(pictures) + 1}.{PICTURES[kind]}"
        pictures[file] = b64decode("".join(data[kind]))
        yield f"![What the cell above shows]({file})"
    elif "text/html" in data:
        yield f"<div>{''.join(data['text/html'])}</div>"
    elif "text/plain" in data:
        yield _fenced("".join(data["text/plain"]), "text")
    elif output.get("name") == "stdout":
        yield _fenced("".join(output["text"]), "text")


def _fenced(text: str, language: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```"
