"""Keeps MindSpore's convolutions off oneDNN's slow path on AVX-512 processors.

MindSpore asks oneDNN for plain weight layouts. On processors with AVX-512 the oneDNN of its newer wheels (2.9, 2.10)
then finds no fast convolution and takes the reference kernel, some 70 times slower; held to AVX2 it takes a fast one,
with the same results to 1e-6. The choice can be made once per process, before the first operator runs: `import
explainer` makes it.

Where MindSpore is not imported yet, the choice goes into the environment, `ONEDNN_MAX_CPU_ISA=AVX2`, from where
processes that are started later have it, too; where it is, MindSpore's own copy of oneDNN is set as well.

It is left alone when the machine has no AVX-512, MindSpore's oneDNN is an older one, MindSpore's device is known not to
be the CPU, the user has set `ONEDNN_MAX_CPU_ISA` or `DNNL_MAX_CPU_ISA`, or `EXPLAINER_CPU_SETUP=off` is in the
environment. What was done is one line in the log "explainer" (level INFO).
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
import warnings
from enum import Enum
from importlib.util import find_spec
from pathlib import Path

_AVX2 = 0x7  # dnnl_cpu_isa_avx2
_CHOICE = "ONEDNN_MAX_CPU_ISA"
_USER_CHOICES = (_CHOICE, "DNNL_MAX_CPU_ISA")
_LOG = logging.getLogger("explainer")


class Outcome(Enum):
    """What the set-up did."""

    DONE = "oneDNN held to AVX2: fast convolutions"
    SWITCHED_OFF = "left alone: EXPLAINER_CPU_SETUP=off"
    USER_CHOICE = "left alone: the environment already limits oneDNN"
    NOT_NEEDED = "left alone: no AVX-512 here, or no oneDNN 3 in this MindSpore"
    OTHER_DEVICE = "left alone: MindSpore's device is not the CPU"
    TOO_LATE = "too late: MindSpore has already run an operator"


_outcomes: list[Outcome] = []  # of this process: the first one counts


def set_up() -> Outcome:
    """Hold MindSpore's oneDNN to AVX2 where that is needed, wanted and still possible; what was done."""
    if not _outcomes:
        _outcomes.append(_decide())
        _LOG.info("CPU set-up: %s", _outcomes[0].value)
    return _outcomes[0]


def warn_if_late() -> None:
    """Warns, with the line to add, when MindSpore was used before the set-up."""
    if set_up() is Outcome.TOO_LATE:
        warnings.warn(
            "MindSpore ran an operator before `import explainer`; convolutions stay on oneDNN's reference path, about "
            "70 times slower than need be. Put `import explainer` first in the script, or set ONEDNN_MAX_CPU_ISA=AVX2 "
            "in the environment. EXPLAINER_CPU_SETUP=off silences this.",
            RuntimeWarning,
            stacklevel=3,
        )


def _decide() -> Outcome:
    if os.environ.get("EXPLAINER_CPU_SETUP", "").lower() == "off":
        return Outcome.SWITCHED_OFF
    if any(name in os.environ for name in _USER_CHOICES):
        return Outcome.USER_CHOICE
    if _device() not in ("CPU", None):
        return Outcome.OTHER_DEVICE
    folder = _mindspore_folder()
    libraries = sorted((folder / "lib").glob("libdnnl.so.3*")) if folder else []
    if not libraries or not _has_avx512():
        return Outcome.NOT_NEEDED
    if "mindspore" in sys.modules and ctypes.CDLL(str(libraries[0])).dnnl_set_max_cpu_isa(_AVX2):
        return Outcome.TOO_LATE
    os.environ[_CHOICE] = "AVX2"
    return Outcome.DONE


def _device() -> str | None:
    """MindSpore's device; None as long as it is not imported."""
    get_context = getattr(sys.modules.get("mindspore"), "get_context", None)
    return None if get_context is None else str(get_context("device_target"))


def _mindspore_folder() -> Path | None:
    """Where MindSpore is installed; it is not imported for that."""
    found = find_spec("mindspore")
    return Path(found.origin).parent if found is not None and found.origin else None


def _has_avx512() -> bool:
    try:
        return "avx512f" in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
