"""Simulates a run on many devices, some of them slow and some of them dying: time against ideal, files, bytes, merging.

    python scripts/simulate_cluster.py [--images 1000000] [--devices 64] [--seconds 0.1] [--deaths 0.02] ...

A discrete-event model: nothing is computed, devices only wait. Every image has a time of its own, drawn once and the
same for every plan; a task is a set of images; a free device takes the next one. A device that dies comes back after a
while and goes on with its task (or all that its process has written is done again, where nothing is resumed). What is
compared is how images are cut into tasks. docs/scale.md, "What it costs", has figures, and says which of the numbers
that go in were measured.

The ideal time is that of the same devices, the slow ones with what they can do, without start, wait or death.
"""

from __future__ import annotations

import argparse
import heapq
import math
import statistics
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Task = NDArray[np.int64]  # image numbers, in the order of their work

_HELP = {
    "images": "how many",
    "devices": "each with one process at a time",
    "seconds": "of an image on a usual device, in the mean",
    "spread": "between images: the standard deviation of the logarithm of their seconds",
    "stragglers": "the part of the devices that are slow",
    "slowness": "how many times longer a slow device takes",
    "deaths": "the part of the devices that die in the ideal time; each may die more than once",
    "start": "seconds of a process before its first image",
    "restart": "seconds from a death until the device is back",
    "recalled": "seconds in which a process that resumes reads back a sample that is complete",
    "handout": "seconds in which a range is asked for and given",
    "batch": "images that are lost together",
    "range_images": "images of a range that is given out while running, at most",
    "sample_files": "that a sample writes: its picture and its maps",
    "sample_bytes": "that a sample writes, with its part of the event file",
    "uploaded": "files that a process uploads in a second",
    "merged": "samples that a merge reads and writes in a second",
    "megabytes": "of memory that a process takes at its peak",
}


@dataclass(frozen=True)
class Cluster:
    """What is simulated; each field is an option of the command line, told in _HELP."""

    images: int = 1_000_000
    devices: int = 64
    seconds: float = 0.1
    spread: float = 0.2
    stragglers: float = 0.05
    slowness: float = 2.0
    deaths: float = 0.02
    start: float = 6.0
    restart: float = 60.0
    recalled: float = 0.002
    handout: float = 0.01
    batch: int = 32
    range_images: int = 32
    sample_files: int = 3
    sample_bytes: int = 5500
    uploaded: float = 100.0
    merged: float = 5000.0
    megabytes: float = 600.0

    def __post_init__(self) -> None:
        """Refuses what no cluster can be."""
        for option in fields(self):
            value = getattr(self, option.name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{option.name} must be finite and not negative, got {value}")
        for name in ("images", "devices", "seconds", "slowness", "batch", "range_images", "uploaded", "merged"):
            if getattr(self, name) == 0:
                raise ValueError(f"{name} must be positive, got 0")
        for name in ("stragglers", "deaths"):
            if getattr(self, name) > 1:
                raise ValueError(f"{name} is a part of the devices and must be at most 1, got {getattr(self, name)}")
        if self.deaths == 1:
            raise ValueError("deaths must be less than 1: where every device dies for certain no run ends")


@dataclass(frozen=True)
class Plan:
    """How images are cut into tasks.

    Attributes:
        name: as the table has it.
        shards: tasks per device, cut beforehand, each a process of its own; 0: ranges, given to processes that stay.
        resumes: whether a process that died goes on in its folder; else all that it has written is done again.
    """

    name: str
    shards: int
    resumes: bool = True

    def tasks(self, cluster: Cluster) -> Iterator[Task]:
        """The tasks in the order in which they are given out."""
        numbers = np.arange(cluster.images)
        if self.shards:
            count = self.shards * cluster.devices
            yield from (numbers[index::count] for index in range(min(count, cluster.images)))
        else:
            yield from (numbers[first:stop] for first, stop in pairwise(range_ends(cluster)))


def range_ends(cluster: Cluster) -> Iterator[int]:
    """0 and where each range ends; towards the end they are smaller, so that nobody waits for long."""
    end = 0
    yield end
    while end < cluster.images:
        end += min(cluster.range_images, max(1, (cluster.images - end) // (3 * cluster.devices)))
        yield end


PLANS = (
    Plan("1 shard a device", 1),
    Plan("4 shards a device", 4),
    Plan("16 shards a device", 16),
    Plan("ranges, as they go", 0),
)


class Outcome(NamedTuple):
    """What came of a plan: how often each image was finished, and the seconds and deaths until all were."""

    seconds: float
    ideal: float
    deaths: int
    lost: int  # images that were computed and thrown away
    finished: NDArray[np.int64]

    @property
    def over(self) -> float:
        """How much longer than ideal, as a part of the ideal time."""
        return self.seconds / self.ideal - 1


@dataclass
class _Device:
    """A device, whether its process is up, and what that has written and would read back."""

    slowness: float
    is_up: bool = False
    folder: list[Task] = field(default_factory=list)


class _Free(NamedTuple):
    """A device that is free again, and what it left when it died; `order` decides where times are the same."""

    time: float
    order: int
    device: _Device
    left: Sequence[Task] = ()


class Simulation:
    """One run of a plan.

    Args:
        cluster: what it runs on.
        plan: how the images are cut.
        seed: of the images' seconds, of which devices are slow and of the deaths.
    """

    def __init__(self, cluster: Cluster, plan: Plan, seed: int = 0) -> None:
        self._cluster, self._plan = cluster, plan
        images, devices, self._deaths = np.random.default_rng(seed).spawn(3)
        self._seconds = image_seconds(cluster, images)
        slowness = device_slowness(cluster, devices)
        self.ideal = float(self._seconds.sum() / (1 / slowness).sum())
        self._died = self._lost = 0
        self._end = 0.0
        self._finished = np.zeros(cluster.images, np.int64)
        self._free = [_Free(0.0, order, _Device(slow)) for order, slow in enumerate(slowness)]
        self._order = cluster.devices

    def run(self) -> Outcome:
        """Lets devices take tasks until none is left."""
        tasks, idle = deque(self._plan.tasks(self._cluster)), list[_Device]()
        while self._free:
            now, _, device, left = heapq.heappop(self._free)
            tasks.extendleft(reversed(left))
            devices, idle = [device, *idle], []
            for waiting in devices:
                if tasks:
                    self._work(now, waiting, tasks.popleft())
                else:
                    idle.append(waiting)
        return Outcome(self._end, self.ideal, self._died, self._lost, self._finished)

    def _work(self, now: float, device: _Device, task: Task) -> None:
        """Gives a task to a device, and says when it will be free again."""
        after = self._before(device) + np.cumsum(self._seconds[task]) * device.slowness
        death = self._seconds_to_death()
        if death < after[-1]:
            left = self._died_with(device, task, int(np.searchsorted(after, death, side="right")))
            self._push(now + death + self._cluster.restart, device, left)
            return
        end = now + float(after[-1])
        self._finished[task] += 1
        self._end = max(self._end, end)
        if self._plan.shards:
            device.folder.clear()
        else:
            device.folder.append(task)
            device.is_up = True
        self._push(end, device)

    def _died_with(self, device: _Device, task: Task, computed: int) -> Sequence[Task]:
        """What a device leaves that had computed so many images of its task."""
        self._died += 1
        device.is_up = False
        if self._plan.resumes:
            kept = computed // self._cluster.batch * self._cluster.batch
            self._lost += computed - kept
            self._finished[task[:kept]] += 1
            device.folder.append(task[:kept])
            return [task[kept:]]
        for written in device.folder:
            self._finished[written] -= 1
        left = [*device.folder, task]
        self._lost += computed + sum(map(len, device.folder))
        device.folder.clear()
        return left

    def _before(self, device: _Device) -> float:
        """Seconds until a device works on the first image of its task."""
        cluster, start = self._cluster, 0.0
        if not device.is_up:
            start = cluster.start + cluster.recalled * sum(map(len, device.folder))
        return start if self._plan.shards else start + cluster.handout

    def _seconds_to_death(self) -> float:
        rate = -math.log1p(-self._cluster.deaths) / self.ideal
        return float(self._deaths.exponential(1 / rate)) if rate else math.inf

    def _push(self, time: float, device: _Device, left: Sequence[Task] = ()) -> None:
        heapq.heappush(self._free, _Free(time, self._order, device, left))
        self._order += 1


def image_seconds(cluster: Cluster, random: np.random.Generator) -> NDArray[np.float64]:
    """(images,) float64, seconds of each image on a usual device; log-normal, of the mean that the cluster has."""
    normal = random.standard_normal(cluster.images)
    seconds: NDArray[np.float64] = cluster.seconds * np.exp(cluster.spread * normal - cluster.spread**2 / 2)
    return seconds


def device_slowness(cluster: Cluster, random: np.random.Generator) -> NDArray[np.float64]:
    """(devices,) float64, how many times longer than usual each takes; the slow ones are drawn."""
    slowness = np.ones(cluster.devices)
    slow = random.permutation(cluster.devices)[: round(cluster.stragglers * cluster.devices)]
    slowness[slow] = cluster.slowness
    return slowness


_HEAD = f"""{"":20}{"resumed":>32}{"from scratch":>26}
{"":20}{"hours":>8}{"over":>8}{"worst":>8}{"lost":>8}{"over":>8}{"worst":>9}{"lost":>9}"""


def table(cluster: Cluster, seeds: Sequence[int], plans: Sequence[Plan] = PLANS) -> str:
    """A line for each plan: its time, and the part that it is over ideal, in the median and at worst; images lost."""
    rows, ideals, deaths = [_HEAD], list[float](), list[int]()
    for plan in plans:
        resumed, repeated = (
            [Simulation(cluster, replace(plan, resumes=resumes), seed).run() for seed in seeds]
            for resumes in (True, False)
        )
        hours = statistics.median(outcome.seconds for outcome in resumed) / 3600
        rows.append(f"{plan.name:20}{hours:8.2f}{_over(resumed, 8)}{_over(repeated, 9)}")
        ideals += [outcome.ideal / 3600 for outcome in resumed]
        deaths += [outcome.deaths for outcome in resumed]
    rows.append(f"{'ideal':20}{statistics.median(ideals):8.2f}     {statistics.mean(deaths):.1f} deaths a run")
    return "\n".join(rows)


def _over(outcomes: Sequence[Outcome], width: int) -> str:
    over = [outcome.over for outcome in outcomes]
    lost = statistics.mean(outcome.lost for outcome in outcomes)
    return f"{statistics.median(over):8.1%}{max(over):{width}.1%}{lost:{width},.0f}"


def footprint(cluster: Cluster) -> str:
    """What lies on the disk, what an upload and a merge take."""
    files = cluster.images * cluster.sample_files
    uploading = files / cluster.devices / cluster.uploaded
    memory = cluster.devices * cluster.megabytes
    return "\n".join(
        [
            f"files      {files:,}: as many inodes, links of a merge, requests of an upload",
            f"bytes      {cluster.images * cluster.sample_bytes / 1e9:,.1f} GB",
            f"uploading  {uploading / 60:,.1f} minutes at {cluster.uploaded:,.0f} files a second and device",
            f"merging    {cluster.images / cluster.merged / 60:,.1f} minutes at {cluster.merged:,.0f} samples a second",
            f"memory     {cluster.megabytes:,.0f} MB a device, {memory / 1000:,.0f} GB in all",
        ]
    )


def main() -> None:
    """Prints what the options of the command line lead to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for option in fields(Cluster):
        kind = type(option.default)
        told = f"{_HELP[option.name]} [%(default)s]"
        parser.add_argument(f"--{option.name.replace('_', '-')}", type=kind, default=option.default, help=told)
    parser.add_argument("--trials", type=int, default=20, help="with other seeds, from 0 [%(default)s]")
    options = vars(parser.parse_args())
    trials = options.pop("trials")
    try:
        cluster = Cluster(**options)
    except ValueError as error:
        parser.error(str(error))
    print(table(cluster, range(trials)))
    print()
    print(footprint(cluster))


if __name__ == "__main__":
    main()
