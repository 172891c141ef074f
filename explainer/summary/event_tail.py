"""Reads an event file on while it is being written: what was added since, from where reading ended."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from explainer.summary.reader import Located, located, opened
from explainer.summary.recordfile import Damage, Frame, FrameReader


class EventTail:
    """An event file, each of its records once.

    Args:
        event_file: the file.
    """

    def __init__(self, event_file: Path) -> None:
        self._event_file = event_file
        self._file_number = 0
        self._last: Frame | None = None
        self._next: int | None = 0  # where reading goes on; None behind damage that nothing follows
        self._size = 0

    def is_there(self) -> bool:
        """Whether the file still begins with all that was read; one that was cut or replaced does not.

        Raises:
            SummaryReadError: it cannot be opened.
        """
        with opened(self._event_file) as file:
            found = os.fstat(file.fileno())
            if self._size == 0:
                return True
            if found.st_ino != self._file_number or found.st_size < self._size:
                return False
            if self._next is None and found.st_size != self._size:
                return False  # whoever went on with the run has cut what was damaged
            return self._last is None or FrameReader(file).frame_at(self._last.offset) == self._last

    def read_on(self, *, growing: bool) -> Iterator[Located]:
        """What was added; what is there at the first time.

        Args:
            growing: whether somebody may be writing the file, so that half a record at its end is none yet, no damage.

        Raises:
            SummaryReadError: the file cannot be opened, or its format is a later one.
        """
        with opened(self._event_file) as file:
            self._file_number = os.fstat(file.fileno()).st_ino
            for frame in self._frames(file, growing):
                yield located(frame)

    def _frames(self, file: BinaryIO, growing: bool) -> Iterator[Frame]:
        reader = FrameReader(file)
        while self._next is not None and (found := reader.frame_at(self._next)) is not None:
            if growing and found.damage is Damage.TRUNCATED:
                break
            self._next = reader.after(found)
            if found.damage is None:
                self._last = found
            self._size = os.fstat(file.fileno()).st_size if self._next is None else self._next
            yield found
        if reader.given_up is not None:
            yield Frame(reader.given_up, damage=Damage.GIVEN_UP)
