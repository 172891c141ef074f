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

LARGEST_PAYLOAD = 256 * 1024 * 1024  # bytes; a greater length is damage, refused before anything is allocated
_HEADER = struct.Struct("<QI")
_FOOTER = struct.Struct("<I")


class Damage(Enum):
    """What is wrong at an offset of a file."""

    TRUNCATED = "the file ends in the middle of a record"
    BAD_LENGTH = "a record's length is damaged, nothing after it can be read"
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
    """Every frame of an open file; reading goes on after damaged content and ends at a damaged length or the end."""
    while True:
        offset = file.tell()
        header = file.read(_HEADER.size)
        if not header:
            return
        found = _read_frame(file, offset, header)
        yield found
        # Behind a payload that is damaged the next frame still begins where its length says; else nobody knows where.
        if found.damage in (Damage.TRUNCATED, Damage.BAD_LENGTH):
            return


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
