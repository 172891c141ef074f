"""The framing of an event file: payloads in, bytes out, and back, with the kind of damage.

frame = uint64 length | uint32 masked crc32c(length) | payload | uint32 masked crc32c(payload), little endian;
masked(c) = ((c >> 15 | c << 17) + 0xa282ead8) mod 2^32.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import BinaryIO

import google_crc32c
import numpy as np

LARGEST_PAYLOAD = 256 * 1024 * 1024  # bytes; a greater length is damage, refused before anything is allocated
_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_SCANNED = 1 << 20  # bytes that are searched for a header at a time
_TRIED = 64 * 1024 * 1024  # bytes of payloads that are tried behind one damage: made up headers could ask for far more


class Damage(Enum):
    """What is wrong at an offset of a file."""

    TRUNCATED = "the file ends in the middle of a record"
    BAD_LENGTH = "a record's length is damaged; what lies between it and the next complete record is lost"
    BAD_DATA = "a record's content is damaged"


@dataclass(frozen=True)
class Frame:
    """An offset in an event file: a whole payload, or the damage found there."""

    offset: int
    payload: bytes = b""
    damage: Damage | None = None


def frame(payload: bytes) -> bytes:
    """The payload as it stands in a file.

    >>> len(frame(b"abc"))
    19
    """
    length = struct.pack("<Q", len(payload))
    return length + _FOOTER.pack(_masked_crc(length)) + payload + _FOOTER.pack(_masked_crc(payload))


def read_frames(file: BinaryIO) -> Iterator[Frame]:
    """Every frame of an open file. Reading goes on behind whatever is damaged, at the next frame that is complete."""
    while True:
        offset = file.tell()
        header = file.read(_HEADER.size)
        if not header:
            return
        found = _read_frame(file, offset, header)
        yield found
        if found.damage is not None and not (found.damage is Damage.BAD_DATA and _begins_a_frame(file)):
            following = _next_frame(file, offset + 1)
            if following is None:
                return
            file.seek(following)


def _read_frame(file: BinaryIO, offset: int, header: bytes) -> Frame:
    if len(header) < _HEADER.size:
        return Frame(offset, damage=Damage.TRUNCATED)
    length, length_crc = _HEADER.unpack(header)
    if length_crc != _masked_crc(header[:8]) or length > LARGEST_PAYLOAD:
        return Frame(offset, damage=Damage.BAD_LENGTH)
    # The length has a checksum of its own, so that a damaged one cannot ask for gigabytes.
    body = file.read(length + _FOOTER.size)
    if len(body) < length + _FOOTER.size:
        return Frame(offset, damage=Damage.TRUNCATED)
    payload = body[:length]
    if _FOOTER.unpack(body[length:])[0] != _masked_crc(payload):
        return Frame(offset, damage=Damage.BAD_DATA)
    return Frame(offset, payload)


def _masked_crc(data: bytes) -> int:
    crc: int = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _begins_a_frame(file: BinaryIO) -> bool:
    """Whether a header, or the end, stands where the file is: where content alone is damaged its length still counts.

    Else the frame was cut, as by a kill, and others were written behind it, into what its length says is its own.
    """
    at = file.tell()
    header = file.read(_HEADER.size)
    file.seek(at)
    return not header or (len(header) == _HEADER.size and _HEADER.unpack(header)[1] == _masked_crc(header[:8]))


def _next_frame(file: BinaryIO, start: int) -> int | None:
    """Where the next complete frame begins, from `start` on; None when there is none."""
    budget = _TRIED
    for offset in _headers(file, start):
        file.seek(offset)
        found = _read_frame(file, offset, file.read(_HEADER.size))
        if found.damage is None:
            return offset
        budget -= file.tell() - offset
        if budget < 0:
            return None
    return None


def _headers(file: BinaryIO, start: int) -> Iterator[int]:
    """The offsets from `start` on at which a header with a right checksum stands."""
    while True:
        file.seek(start)
        block = file.read(_SCANNED + _HEADER.size - 1)
        for index in _header_indices(block):
            yield start + index
        if len(block) < _SCANNED + _HEADER.size - 1:
            return
        start += _SCANNED


def _header_indices(block: bytes) -> list[int]:
    """Where in a block a header with a right checksum begins."""
    count = len(block) - _HEADER.size + 1
    if count < 1:
        return []
    windows = np.lib.stride_tricks.sliding_window_view(np.frombuffer(block, np.uint8), _HEADER.size)
    # A payload is shorter than 2^32 bytes, so that half of its length is zeros: few windows are left to be summed.
    possible = np.flatnonzero(~windows[:, 4:8].any(axis=1))
    lengths, checksums = (
        np.ascontiguousarray(windows[possible, part]).view("<u4")[:, 0] for part in (slice(0, 4), slice(8, 12))
    )
    distinct, which = np.unique(lengths, return_inverse=True)
    wanted = np.array([_masked_crc(struct.pack("<Q", int(length))) for length in distinct], np.uint32)[which]
    found: list[int] = possible[wanted == checksums].tolist()
    return found
