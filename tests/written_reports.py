"""Reports as a browser reads them: chunks by their keys, headers, arrays."""

from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

_TYPES = {"u8": "u1", "u16": "<u2", "u32": "<u4", "i32": "<i4", "f32": "<f4"}


class Chunk:
    """A decoded chunk: its header, and its arrays by where they stand."""

    def __init__(self, content: bytes) -> None:
        raw = zlib.decompress(content, -15)
        (length,) = struct.unpack_from("<I", raw)
        self.header = json.loads(raw[4 : 4 + length].decode())
        start = -(-(4 + length) // 8) * 8
        assert raw[4 + length : start] == bytes(start - 4 - length)
        self.body = raw[start:]

    def __getitem__(self, name: str) -> Any:
        return self.header[name]

    def array(self, place: dict[str, Any]) -> np.ndarray:
        assert place["at"] % 8 == 0
        return np.frombuffer(self.body, _TYPES[place["type"]], place["n"], place["at"])

    def column(self, name: str) -> list[float]:
        return self.array(self.header["columns"][name]).tolist()

    def lists(self, name: str, of: str = "labels") -> list[list[int]]:
        """The lists that a header names by where they begin."""
        begins, flat = self.array(self.header[name]["at"]).tolist(), self.array(self.header[name][of]).tolist()
        return [flat[start:end] for start, end in pairwise(begins)]


class Report:
    """A report on the disk, of either form."""

    def __init__(self, page: Path) -> None:
        self.page = page
        self.html = page.read_text(encoding="utf-8")
        found = re.search(r'<script type="application/json" id="run">(.*?)</script>', self.html, re.DOTALL)
        assert found is not None
        self.run = json.loads(found[1])
        self._texts = self._in_page() if self.run["form"] == "single" else self._in_files()

    @property
    def keys(self) -> set[str]:
        return set(self._texts)

    def __getitem__(self, key: str) -> Chunk:
        return Chunk(base64.b64decode(self._texts[key], validate=True))

    def row(self, number: int) -> tuple[Chunk, dict[str, Any]]:
        """The chunk of a row, and the row in it."""
        chunk = self[f"g/{number // 8}"]
        return chunk, chunk["rows"][number % 8]

    def _in_page(self) -> dict[str, str]:
        return dict(re.findall(r'<script type="text/plain" id="([a-z0-9/-]+)">([A-Za-z0-9+/=]*)</script>', self.html))

    def _in_files(self) -> dict[str, str]:
        data = self.page.parent / "data"
        found = {}
        for path in data.rglob("*.js"):
            key = path.relative_to(data).with_suffix("").as_posix()
            match = re.fullmatch(r'E\("([a-z0-9/-]+)","([A-Za-z0-9+/=]*)"\)', path.read_text("ascii"))
            assert match is not None
            assert match[1] == key
            found[key] = match[2]
        return found
