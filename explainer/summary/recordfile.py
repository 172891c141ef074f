"""The framing of an event file: payloads in, bytes out, and back, with the kind of damage.

frame = uint64 length | uint32 masked crc32c(length) | payload | uint32 masked crc32c(payload), little endian;
masked(c) = ((c >> 15 | c << 17) + 0xa282ead8) mod 2^32.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from os import SEEK_END
from typing import BinaryIO

import google_crc32c
import numpy as np
from numpy.typing import NDArray

LARGEST_PAYLOAD = 256 * 1024 * 1024  # bytes; a greater length is damage, refused before anything is allocated
_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")
_FIRST_SCANNED, _SCANNED = 512, 1 << 20  # bytes that are searched for a header at a time: the next one is often near
# Bytes, or as many as the file has, that are read in vain: made-up headers could ask for more.
_TRIED = 64 * 1024 * 1024


class Damage(Enum):
    """What is wrong at an offset of a file."""

    TRUNCATED = "the file ends in the middle of a record"
    BAD_LENGTH = "a record's length is damaged; what lies between it and the next complete record is lost"
    BAD_DATA = "a record's content is damaged"
    GIVEN_UP = "there are too many headers without a record; what follows is not read"


@dataclass(frozen=True)
class Frame:
    """An offset in an event file: a complete payload, or the damage found there."""

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


def frame_size(payload: bytes) -> int:
    """How many bytes the payload's frame has.

    >>> frame_size(b"abc") == len(frame(b"abc"))
    True
    """
    return _HEADER.size + len(payload) + _FOOTER.size


def read_frames(file: BinaryIO) -> Iterator[Frame]:
    """Every frame of an open file. Reading goes on behind whatever is damaged, at the next frame that is complete."""
    reader = FrameReader(file)
    offset: int | None = file.tell()
    while offset is not None and (found := reader.frame_at(offset)) is not None:
        yield found
        offset = reader.after(found)
    if reader.given_up is not None:
        yield Frame(reader.given_up, damage=Damage.GIVEN_UP)


class FrameReader:
    """Frames by their offsets, in time that grows with the file's length, whatever it holds.

    Attributes:
        given_up: where reading ended, as too much was read in vain.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = _size_of(file)
        self._left = max(_TRIED, self._size)
        self.given_up: int | None = None

    def frame_at(self, offset: int) -> Frame | None:
        """The frame at an offset, or the damage there; None at the end of the file."""
        self._file.seek(offset)
        header = self._file.read(_HEADER.size)
        if not header:
            return None
        if len(header) < _HEADER.size:
            return Frame(offset, damage=Damage.TRUNCATED)
        length, length_crc = _HEADER.unpack(header)
        # The length has a checksum of its own, so that a damaged one cannot ask for gigabytes.
        if length_crc != _masked_crc(header[:8]) or length > LARGEST_PAYLOAD:
            return Frame(offset, damage=Damage.BAD_LENGTH)
        if not self._reaches(offset + _HEADER.size + length + _FOOTER.size):
            return Frame(offset, damage=Damage.TRUNCATED)  # before it is read: a forged length is tried for nothing
        payload, footer = self._file.read(length), self._file.read(_FOOTER.size)
        if _FOOTER.unpack(footer)[0] != _masked_crc(payload):
            return Frame(offset, damage=Damage.BAD_DATA)
        return Frame(offset, payload)

    def after(self, found: Frame) -> int | None:
        """Where reading goes on behind the frame that was read last; None where it ends."""
        end = self._file.tell()
        if found.damage is None or (found.damage is Damage.BAD_DATA and self._begins_a_frame(end)):
            return end
        self._left -= end - found.offset
        return self._next_frame(found.offset + 1)

    def _reaches(self, end: int) -> bool:
        if end > self._size:
            self._size = _size_of(self._file)  # a run that is being written grows
        return end <= self._size

    def _begins_a_frame(self, offset: int) -> bool:
        """Whether a header, or the end, stands there: where content alone is damaged its length still counts.

        Else the frame was cut, as by a kill, and others were written behind it, into what its length says is its own.
        """
        self._file.seek(offset)
        header = self._file.read(_HEADER.size)
        return not header or (len(header) == _HEADER.size and _HEADER.unpack(header)[1] == _masked_crc(header[:8]))

    def _next_frame(self, start: int) -> int | None:
        """Where the next complete frame begins, from `start` on; None when there is none."""
        for offset in _headers(self._file, start):
            if self._left < 0:
                self.given_up = offset
                return None
            found = self.frame_at(offset)
            if found is not None and found.damage is None:
                return offset
            self._left -= self._file.tell() - offset
        return None


def _size_of(file: BinaryIO) -> int:
    at = file.tell()
    size = file.seek(0, SEEK_END)
    file.seek(at)
    return size


def _masked_crc(data: bytes) -> int:
    crc: int = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _headers(file: BinaryIO, start: int) -> Iterator[int]:
    """The offsets from `start` on at which a header with a right checksum stands."""
    scanned = min(_FIRST_SCANNED, _SCANNED)
    while True:
        file.seek(start)
        block = file.read(scanned + _HEADER.size - 1)
        for index in _header_indices(block):
            yield start + index
        if len(block) < scanned + _HEADER.size - 1:
            return
        start, scanned = start + scanned, min(2 * scanned, _SCANNED)


def _header_indices(block: bytes) -> list[int]:
    """Where in a block a header with a right checksum begins."""
    count = len(block) - _HEADER.size + 1
    if count < 1:
        return []
    values = np.frombuffer(block, np.uint8)
    # A payload is shorter than 2^32 bytes, so that half of its length is zeros: few positions are left to be summed.
    zero = values == 0
    possible = np.flatnonzero(zero[4 : count + 4] & zero[5 : count + 5] & zero[6 : count + 6] & zero[7 : count + 7])
    lengths, checksums = (_numbers_at(values, possible + start) for start in (0, 8))
    wanted = {length: _masked_crc(struct.pack("<Q", length)) for length in set(lengths)}
    found = zip(possible.tolist(), lengths, checksums, strict=True)
    return [index for index, length, checksum in found if wanted[length] == checksum]


def _numbers_at(values: NDArray[np.uint8], positions: NDArray[np.intp]) -> list[int]:
    """The four bytes from each position on, as numbers."""
    numbers: list[int] = values[positions[:, None] + np.arange(4)].view("<u4")[:, 0].tolist()
    return numbers
