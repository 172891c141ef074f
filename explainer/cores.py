"""Whose the cores are while passes through a network and NumPy take turns."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from threadpoolctl import ThreadpoolController

_LIMITED = threading.Lock()


@contextmanager
def products_on_one_thread() -> Iterator[None]:
    """NumPy's and SciPy's products have one thread meanwhile, in all of Python's threads; then as many as before.

    OpenBLAS's others spin for 10 ms and more after each product, on cores that the network's next pass needs: a RISE of
    1000 masks on two cores took a tenth longer. Within another, or beside another thread's, it does nothing: who was
    first puts back what was found.
    """
    if not _LIMITED.acquire(blocking=False):
        yield
        return
    try:
        with _libraries(len(sys.modules)).limit(limits=1, user_api="blas"):
            yield
    finally:
        _LIMITED.release()


@lru_cache(maxsize=1)
def _libraries(modules: int) -> ThreadpoolController:
    """Those that are loaded, which takes some milliseconds to see: once for so many modules."""
    return ThreadpoolController()
