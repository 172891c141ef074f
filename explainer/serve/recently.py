"""What was made recently, up to a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable


class Recently:
    """Keeps what was asked for last, for several threads.

    Args:
        most_bytes: of all that is kept.

    >>> kept = Recently(5)
    >>> [kept.get(name, name.encode) for name in ("abc", "de", "abc", "f")], kept.names
    ([b'abc', b'de', b'abc', b'f'], ['abc', 'f'])
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def names(self) -> list[Hashable]:
        """What is kept, the one asked for last at the end."""
        return list(self._kept)

    def get(self, name: Hashable, make: Callable[[], bytes | None]) -> bytes | None:
        """What has this name, made if it is not there; None, which is not kept, where there is nothing of that name."""
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
                return self._kept[name]
        made = make()  # two threads may make the same, but none waits for what another one wants
        if made is not None:
            self._keep(name, made)
        return made

    def _keep(self, name: Hashable, made: bytes) -> None:
        with self._lock:
            self._bytes += len(made) - len(self._kept.pop(name, b""))
            self._kept[name] = made
            while self._bytes > self._most_bytes:
                self._bytes -= len(self._kept.popitem(last=False)[1])
