"""Which part of a dataset a process works on: as it is asked, or as what has started the process says."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from explainer.data.portion import Shard

AUTO = "auto"
_PART = re.compile(r"shard-\d+-of-(\d+)")
_LOG = logging.getLogger("explainer")
_ROLE, _SCHEDULER = "MS_ROLE", "MS_SCHED"  # msrun's


@dataclass(frozen=True)
class _Launcher:
    """The variables in which a launcher tells a process its number, and how many processes there are.

    number, processes: their names. first, step: of those that hold the first number, and the step from one to the next;
    "" where these are 0 and 1.
    """

    name: str
    number: str
    processes: str
    first: str = ""
    step: str = ""


_LAUNCHERS = (
    # msrun's own; RANK_ID and RANK_SIZE, which it sets too, are set by others as well.
    _Launcher("msrun", "MS_NODE_ID", "MS_WORKER_NUM"),
    # The array comes before MPI: each of its tasks may be a job of several processes.
    _Launcher(
        "SLURM array", "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_STEP"
    ),
    _Launcher("Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    _Launcher("MPI", "PMI_RANK", "PMI_SIZE"),
)


def shard_of(asked: Any) -> Shard | None:
    """The shard that is asked for; None where all of the dataset is.

    Args:
        asked: (index, count), "auto", or None.

    Raises:
        TypeError, ValueError: anything else.
        RuntimeError: "auto", and nothing in the environment says which.
        SystemExit: "auto" in the process that msrun starts for its scheduler, which has no part.

    >>> shard_of((3, 16)).name
    'shard-3-of-16'
    """
    if asked is None or isinstance(asked, Shard):
        return asked
    if isinstance(asked, str):
        if asked != AUTO:
            raise ValueError(f'`shard` must be (index, count) or "auto", got {asked!r}')
        return shard_by(os.environ)
    if not isinstance(asked, tuple | list):
        raise TypeError(f'`shard` must be (index, count) or "auto", got {type(asked).__name__}')
    if len(asked) != 2:
        raise ValueError(f"`shard` must be (index, count), got {len(asked)} values")
    return Shard(*asked)


def shard_by(environment: Mapping[str, str]) -> Shard:
    """The shard of this process, as its launcher says.

    >>> shard_by({"SLURM_ARRAY_TASK_ID": "4", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "1"}).index
    3
    """
    if environment.get(_ROLE) == _SCHEDULER:
        _LOG.info("this process is msrun's scheduler, which has no part of the dataset")
        # As MindSpore's own init_process_group does in it: what follows in the script is for workers.
        raise SystemExit(0)
    for launcher in _LAUNCHERS:
        if launcher.processes in environment:
            return _told_by(launcher, environment)
    names = ", ".join(launcher.name for launcher in _LAUNCHERS)
    raise RuntimeError(
        f'`shard` is "auto", and the environment names no launcher ({names}); give shard=(index, count) '
        "(--shard INDEX/COUNT)"
    )


def require_same_cut(summary_dir: Path, shard: Shard) -> None:
    """Raises RuntimeError where a folder has parts of another number of parts: samples would be worked on twice."""
    found = (_PART.fullmatch(path.name) for path in sorted(summary_dir.glob("shard-*-of-*")))
    other = next((match for match in found if match is not None and int(match[1]) != shard.parts), None)
    if other is not None:
        raise RuntimeError(
            f"{summary_dir} has {other[0]}, and this is part {shard.index} of {shard.parts}, so that samples would be "
            f"worked on twice; give shard=(index, {other[1]}), or another folder"
        )


def _told_by(launcher: _Launcher, environment: Mapping[str, str]) -> Shard:
    if launcher.name == "msrun" and launcher.number not in environment:
        raise RuntimeError(
            f'`shard` is "auto", and msrun has given this process no number ({launcher.number}); with several machines '
            "give msrun the --node_rank of each"
        )
    number, processes = (_number(launcher, name, environment) for name in (launcher.number, launcher.processes))
    first = _number(launcher, launcher.first, environment) if launcher.first in environment else 0
    step = _number(launcher, launcher.step, environment) if launcher.step in environment else 1
    index, rest = divmod(number - first, max(1, step))
    # A part of an array that is submitted again begins where it likes, and its count is not that of all parts.
    if rest or not 0 <= index < processes or first > 1:
        raise RuntimeError(
            f'`shard` is "auto", and {launcher.name} says {launcher.number}={number} and {launcher.processes}='
            f"{processes}, which are not all the parts from 0 or 1 on; give shard=(index, count)"
        )
    return Shard(index, processes)


def _number(launcher: _Launcher, name: str, environment: Mapping[str, str]) -> int:
    value = environment.get(name, "")
    if not value.isdecimal():
        raise RuntimeError(
            f'`shard` is "auto", and {launcher.name} says {name}={value!r}, which is no number; give '
            "shard=(index, count)"
        )
    return int(value)
