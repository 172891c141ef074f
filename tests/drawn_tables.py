"""Tables as a user reads them."""

from __future__ import annotations

from collections.abc import Sequence

from explainer.command.tables import Rows, Table, drawn


def lines_of(blocks: Sequence[Rows | Table], width: int = 80) -> list[str]:
    """The lines of some blocks in plain text."""
    return drawn(blocks, width, str, styled=False).splitlines()


def cells_of(blocks: Sequence[Rows | Table], row: str, width: int = 120) -> list[str]:
    """The texts of the first row of this name: what two spaces or more keep apart."""
    (line, *_) = [line for line in lines_of(blocks, width) if line.startswith(f"{row}  ")]
    return [text.strip() for text in line.split("  ") if text.strip()][1:]
