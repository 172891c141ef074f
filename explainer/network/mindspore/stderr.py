"""What MindSpore's native code writes to stderr, kept from the terminal."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_LOG = logging.getLogger("explainer")
_STDERR = 2


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """What is written to stderr meanwhile goes to the log: MindSpore prints pages for what fails."""
    sys.stderr.flush()
    kept = os.dup(_STDERR)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), _STDERR)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, _STDERR)
            os.close(kept)
            written.seek(0)
            _LOG.debug("%s", written.read().decode(errors="replace"))
