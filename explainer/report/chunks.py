"""A chunk of a report: what the page reads at once. A header in JSON and arrays behind it, deflated, as text.

A chunk is raw deflate of: the header's length in bytes (u32), the header (JSON, UTF-8), zeros up to a multiple of 8,
and the body. The header says of each array where in the body it stands. All numbers are little-endian. What each chunk
holds is told in docs/report-format.md.
"""

from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.analysis.json_values import finite

_ALIGNED = 8
_FAST = 1  # a level of zlib
_LARGEST_BLOCK = 0xFFFF
_RAW = -15  # zlib: no header, no checksum
_LONE = re.compile("[\ud800-\udfff]")
_TYPES = {
    np.dtype("u1"): "u8",
    np.dtype("<u2"): "u16",
    np.dtype("<u4"): "u32",
    np.dtype("<i4"): "i32",
    np.dtype("<f2"): "u16",  # the bits of it, as few browsers know the type
    np.dtype("<f4"): "f32",
}

Array = dict[str, Any]
"""Where an array stands: {"at": byte of the body, "n": count of numbers, "type": "u8", "u16", "u32", "i32", "f32"}."""


class Body:
    """The arrays of a chunk, one after another."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._length = 0

    def add(self, values: NDArray[Any]) -> Array:
        """Takes an array of a type that a page knows; where it stands."""
        kind = values.dtype.newbyteorder("<")
        return self._add(values.astype(kind, copy=False).tobytes(), values.size, _TYPES[kind])

    def add_bytes(self, content: bytes) -> Array:
        """Takes bytes as they are; where they stand."""
        return self._add(content, len(content), "u8")

    @property
    def parts(self) -> Sequence[bytes]:
        """All of it, part by part."""
        return self._parts

    def content(self) -> bytes:
        """All of it."""
        return b"".join(self._parts)

    def _add(self, content: bytes, count: int, kind: str) -> Array:
        place = {"at": self._length, "n": count, "type": kind}
        self._parts += [content, bytes(-len(content) % _ALIGNED)]
        self._length = -(-(self._length + len(content)) // _ALIGNED) * _ALIGNED
        return place


def deflated(header: Any, body: Body) -> bytes:
    """A chunk of arrays.

    >>> body = Body()
    >>> chunk = deflated({"values": body.add(np.float32([1, 2]))}, body)
    >>> zlib.decompress(chunk, -15)[4:42]
    b'{"values":{"at":0,"n":2,"type":"f32"}}'
    """
    packer = zlib.compressobj(_FAST, zlib.DEFLATED, _RAW)
    return b"".join([*map(packer.compress, (_front(header), *body.parts)), packer.flush()])


def stored(header: Any, body: Body) -> bytes:
    """A chunk whose body would not get smaller, as it is of PNG files: it is deflate all the same, but as it was."""
    packer = zlib.compressobj(_FAST, zlib.DEFLATED, _RAW)
    front = packer.compress(_front(header)) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"".join((front, *_blocks(body.content())))


def _blocks(content: bytes) -> Iterator[bytes | memoryview]:
    """Stored blocks of deflate (RFC 1951, 3.2.4), of which zlib makes the same forty times as slowly."""
    view = memoryview(content)
    for at in range(0, max(1, len(content)), _LARGEST_BLOCK):
        block = view[at : at + _LARGEST_BLOCK]
        yield struct.pack("<BHH", at + len(block) == len(content), len(block), len(block) ^ 0xFFFF)
        yield block


def as_text(chunk: bytes) -> bytes:
    """A chunk in base64, as ASCII."""
    return base64.b64encode(chunk)


def as_json(value: Any) -> str:
    r"""JSON without nan, infinities and lone surrogates, which a browser's decoders refuse.

    >>> as_json(["\ud800", float("nan")]) == '["\ufffd",null]'
    True
    """
    try:
        text = _dumps(value)
    except ValueError:  # seldom, and looking for what is not finite takes longer than all the rest
        text = _dumps(finite(value))
    return _LONE.sub("\ufffd", text)


_dumps = partial(json.dumps, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _front(header: Any) -> bytes:
    content = as_json(header).encode()
    front = struct.pack("<I", len(content)) + content
    return front + bytes(-len(front) % _ALIGNED)
