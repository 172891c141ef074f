"""The index of a run that has ended, in a file of its own: one sample is read without reading all of them.

It is made when a run ends, and read with care: what it says holds only for the event file that it was made of, of which
it must tell every byte, and wherever it leads to, checksums and the numbers of samples must be right. Without it, all
of the event file is read.

header    8 bytes "explidx1" | uint64 bytes of the event file | 16 bytes its digest | uint64 N | uint64 R
samples   N int32 numbers | N int64 where the records of each begin | N int64 where they end, in the order of the file
the run   R int64 offsets of the records that are about the run, or about samples that were left out
end       16 bytes digest of all before

All numbers are little-endian. The digest of an event file is that of its first and its last 64 KiB, the last of which
hold when the run ended; digests are blake2b of 16 bytes.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from explainer.digests import digest_of
from explainer.errors import SummaryReadError
from explainer.summary.folder import RunFiles, inside
from explainer.summary.made import drafted
from explainer.summary.reader import opened
from explainer.summary.recordfile import frame_size
from explainer.summary.sample_index import SampleIndex, SampleReader, index_of
from explainer.summary.sample_places import Place, SamplePlaces

INDEX = "samples.index"
"""The index's name in the data folder of a run."""
_MAGIC = b"explidx1"
_HEADER = struct.Struct("<8sQ16sQQ")
_DIGEST = 16  # bytes
_KINDS = ("<i4", "<i8", "<i8")  # of the columns of samples
_SEEN = 1 << 16  # bytes at either end of an event file that its digest is of


def opened_index(files: RunFiles) -> SampleIndex:
    """What an event file holds, and where: of the file beside it where that is right, else as `index_of`.

    Raises:
        SummaryReadError: the event file cannot be opened, or its format is a later one.
    """
    return stored_index(files) or index_of(files.event_file)


def stored_index(files: RunFiles) -> SampleIndex | None:
    """What the file beside an event file says of it; None where there is none, or it is of another one.

    Raises:
        SummaryReadError: the event file cannot be opened, or its format is a later one.
    """
    with opened(files.event_file) as file:
        found = _parsed(_content(files, _size(file)), _identity(file))
    return None if found is None else _with_notes(files.event_file, *found)


def same_places(one: SampleIndex, other: SampleIndex) -> bool:
    """Whether two indices say the same of where records stand; False where those of a sample do not stand together."""
    columns, others = one.samples.columns(), other.samples.columns()
    if columns is None or others is None:
        return False
    return all(map(np.array_equal, columns, others)) and one.of_the_run == other.of_the_run


def store_index(files: RunFiles, samples: SamplePlaces, of_the_run: Sequence[int]) -> None:
    """Writes the index of a run that has ended; none where the records of a sample do not stand together.

    Args:
        files: of the run.
        samples: all that are complete, and no other is begun.
        of_the_run: the offsets of all other records.

    Raises:
        OSError: the disk refused.
    """
    columns = samples.columns()
    if columns is None:
        return
    with files.event_file.open("rb") as file:
        identity = _identity(file)
    parts = [_HEADER.pack(_MAGIC, *identity, len(samples), len(of_the_run))]
    parts += [column.astype(kind).tobytes() for column, kind in zip(columns, _KINDS, strict=True)]
    parts.append(np.array(of_the_run, "<i8").tobytes())
    content = b"".join(parts)
    with drafted(files.data_dir / INDEX) as file:
        file.write(content + digest_of(content))


def remove_index(files: RunFiles) -> None:
    """Removes the index of a run that is written on.

    Raises:
        OSError: the disk refused.
    """
    (files.data_dir / INDEX).unlink(missing_ok=True)


class IndexDraft:
    """The index of an event file while it is written.

    Args:
        index: what the file holds already.
        end: how many bytes it has.
    """

    def __init__(self, index: SampleIndex | None = None, end: int = 0) -> None:
        self._samples = SamplePlaces() if index is None else index.samples
        self._of_the_run = array("q") if index is None else index.of_the_run
        self._end = end
        self._is_whole = index is None or not (index.findings or index.unfinished)

    def add_sample(self, sample_id: int, start: int, end: int) -> None:
        """Takes note of all records of a sample, which were written from one byte up to another."""
        self._is_whole = self._is_whole and start == self._end and sample_id not in self._samples
        self._samples.put(sample_id, Place(start, end))
        self._end = end

    def add(self, start: int, payload: bytes) -> None:
        """Takes note of a record that is about the run, or about a sample that was left out."""
        self._is_whole = self._is_whole and start == self._end
        self._of_the_run.append(start)
        self._end = start + frame_size(payload)

    def store(self, files: RunFiles) -> None:
        """Writes the index of the file, if all that is in it was noted.

        Raises:
            OSError: the disk refused.
        """
        if self._is_whole and files.event_file.stat().st_size == self._end:
            store_index(files, self._samples, self._of_the_run)


def _content(files: RunFiles, event_bytes: int) -> bytes:
    """The bytes of the index's file; b"" where there is none, or it is longer than the event file lets it be."""
    most = _HEADER.size + _DIGEST + 2 * event_bytes  # a record has 16 bytes and more, of which the index has 20 or 8
    with suppress(OSError, SummaryReadError):
        path = inside(files.event_file.parent, f"{files.data_dir.name}/{INDEX}")
        if path.is_file() and path.stat().st_size <= most:
            return path.read_bytes()
    return b""


_Identity = tuple[int, bytes]


def _identity(file: BinaryIO) -> _Identity:
    """The size of an event file, and a digest of its beginning and its end."""
    size = _size(file)
    file.seek(0)
    first = file.read(_SEEN)
    file.seek(max(0, size - _SEEN))
    return size, digest_of(first + file.read(_SEEN))


def _size(file: BinaryIO) -> int:
    return file.seek(0, 2)


def _parsed(content: bytes, identity: _Identity) -> tuple[SamplePlaces, list[int]] | None:
    """The places of samples, and the offsets of the other records; None where this is no index of that file."""
    if len(content) < _HEADER.size + _DIGEST or digest_of(content[:-_DIGEST]) != content[-_DIGEST:]:
        return None
    magic, size, digest, samples, others = _HEADER.unpack_from(content)
    if (magic, size, digest) != (_MAGIC, *identity) or _bytes_of(samples, others) != len(content):
        return None
    numbers, starts, ends, offsets = _columns(content, samples, others)
    if not _are_within(starts, size) or not _are_within(ends, size + 1) or not _are_within(offsets, size):
        return None
    return SamplePlaces.of_columns(numbers, starts, ends), offsets.tolist()


def _bytes_of(samples: int, others: int) -> int:
    """Of an index."""
    return _HEADER.size + samples * sum(np.dtype(kind).itemsize for kind in _KINDS) + others * 8 + _DIGEST


def _columns(content: bytes, samples: int, others: int) -> Iterator[NDArray[Any]]:
    at = _HEADER.size
    for kind, count in (*((kind, samples) for kind in _KINDS), ("<i8", others)):
        column = np.frombuffer(content, kind, count, at)
        at += column.nbytes
        yield column


def _are_within(offsets: NDArray[Any], size: int) -> bool:
    return bool(((offsets >= 0) & (offsets < size)).all() and (offsets[1:] >= offsets[:-1]).all())


def _with_notes(event_file: Path, samples: SamplePlaces, offsets: Sequence[int]) -> SampleIndex | None:
    """The index, with what is said of the run; None where that is not all of the file of a run that ended."""
    index = SampleIndex()
    index.samples = samples
    ends = []
    with SampleReader(event_file, index) as reader:
        for offset in offsets:
            try:
                found = reader.located(offset)
            except SummaryReadError:
                return None
            index.take(found)
            ends.append(offset + frame_size(found.payload))
    is_all = index.metadata is not None and index.ended and not index.unfinished
    return index if is_all and _cover(samples, offsets, ends, event_file.stat().st_size) else None


def _cover(samples: SamplePlaces, offsets: Sequence[int], ends: Sequence[int], size: int) -> bool:
    """Whether samples and other records lie one behind the other, from the first byte of a file to its last."""
    columns = samples.columns()
    assert columns is not None
    begins = np.sort(np.concatenate([columns[1], np.array(offsets, np.int64), [size]]))
    stops = np.sort(np.concatenate([[0], columns[2], np.array(ends, np.int64)]))
    return bool((begins == stops).all())
