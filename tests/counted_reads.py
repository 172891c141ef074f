"""How much is read of event files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


class _Counting:
    """A file that notes how many bytes each read of it gives."""

    def __init__(self, file: Any, counted: list[int]) -> None:
        self._file = file
        self._counted = counted

    def __enter__(self) -> _Counting:
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        content: bytes = self._file.read(size)
        self._counted.append(len(content))
        return content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def counted_reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bytes of all reads of event files from now on, as they are asked for."""
    counted: list[int] = []
    open_path = Path.open

    def opened(path: Path, *arguments: Any, **named: Any) -> Any:
        file = open_path(path, *arguments, **named)
        return _Counting(file, counted) if path.name.endswith("_explain") else file

    monkeypatch.setattr(Path, "open", opened)
    return counted
