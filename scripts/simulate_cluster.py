"""Simulates a run on many devices, some of them slow and some of them dying: time against ideal, files, bytes, merging.

    python scripts/simulate_cluster.py [--images 1000000] [--devices 64] [--seconds 0.1] [--deaths 0.02] ...

A discrete-event model: nothing is computed, devices only wait. Every image has a time of its own, drawn once and the
same for every plan; a task is a set of images; a free device takes the next task of the queue. A death returns what is
left of its task (all of it, where nothing is resumed) and its device after a while. What is compared is how the images
are cut into tasks: docs/scale.md, "What it costs", has the figures, and which of the numbers that go in were measured.

The ideal time is that of the same devices, the slow ones with what they can do, without start, wait or death.
"""

from __future__ import annotations

import argparse
import heapq
import math
import statistics
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
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
    "restart": "seconds from a death until the device and the task may be taken again",
    "handout": "seconds in which a range is asked for and given",
    "batch": "images that are lost together",
    "range_images": "images of a range that is given out while running",
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
    handout: float = 0.05
    batch: int = 32
    range_images: int = 256
    sample_files: int = 3
    sample_bytes: int = 5500
    uploaded: float = 100.0
    merged: float = 5000.0
    megabytes: float = 600.0

    def __post_init__(self) -> None:
        """Refuses what no cluster can be."""
        for field in fields(self):
            value = getattr(self, field.name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{field.name} must be finite and not negative, got {value}")
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
        resumes: whether a task goes on where it died; else it begins again.
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
            yield from (
                numbers[first : first + cluster.range_images]
                for first in range(0, cluster.images, cluster.range_images)
            )


PLANS = (
    Plan("a shard for each device", 1),
    Plan("the same, from scratch after a death", 1, resumes=False),
    Plan("four shards for each device", 4),
    Plan("the same, from scratch after a death", 4, resumes=False),
    Plan("ranges, given out while running", 0),
    Plan("the same, from scratch after a death", 0, resumes=False),
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


class _Event(NamedTuple):
    time: float
    order: int
    device: int
    warm: bool  # its process is up
    rest: Task | None  # of a task that died


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
        self._slowness = device_slowness(cluster, devices)
        self.ideal = float(self._seconds.sum() / (1 / self._slowness).sum())
        self._died = self._lost = 0
        self._end = 0.0
        self._finished = np.zeros(cluster.images, np.int64)
        self._events = [_Event(0.0, device, device, warm=False, rest=None) for device in range(cluster.devices)]
        self._order = cluster.devices

    def run(self) -> Outcome:
        """Lets devices take tasks until none is left."""
        queue, idle = deque(self._plan.tasks(self._cluster)), deque[_Event]()
        while self._events:
            event = heapq.heappop(self._events)
            idle.append(event)
            if event.rest is not None:
                queue.appendleft(event.rest)
            while idle and queue:
                self._work(event.time, idle.popleft(), queue.popleft())
        return Outcome(self._end, self.ideal, self._died, self._lost, self._finished)

    def _work(self, now: float, free: _Event, task: Task) -> None:
        """Gives a task to a device, and says when it will be free again."""
        cluster, plan = self._cluster, self._plan
        before = cluster.handout if not plan.shards else 0.0
        before += 0.0 if free.warm and not plan.shards else cluster.start
        after = before + np.cumsum(self._seconds[task]) * self._slowness[free.device]
        death = self._seconds_to_death()
        if death >= after[-1]:
            self._finished[task] += 1
            self._end = max(self._end, now + after[-1])
            self._free(now + float(after[-1]), free.device, warm=True, rest=None)
            return
        computed = int(np.searchsorted(after, death, side="right"))
        kept = computed // cluster.batch * cluster.batch if plan.resumes else 0
        self._finished[task[:kept]] += 1
        self._died += 1
        self._lost += computed - kept
        self._free(now + death + cluster.restart, free.device, warm=False, rest=task[kept:])

    def _seconds_to_death(self) -> float:
        rate = -math.log1p(-self._cluster.deaths) / self.ideal
        return float(self._deaths.exponential(1 / rate)) if rate else math.inf

    def _free(self, time: float, device: int, *, warm: bool, rest: Task | None) -> None:
        heapq.heappush(self._events, _Event(time, self._order, device, warm, rest))
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


def table(cluster: Cluster, seeds: Sequence[int], plans: Sequence[Plan] = PLANS) -> str:
    """A line for each plan: median and worst time over all seeds, and what was lost by deaths in the mean."""
    lines = [f"{'':38}{'hours':>8}{'over ideal':>12}{'worst':>8}{'deaths':>8}{'lost':>8}"]
    for plan in plans:
        outcomes = [Simulation(cluster, plan, seed).run() for seed in seeds]
        hours = statistics.median(outcome.seconds for outcome in outcomes) / 3600
        over = [outcome.over for outcome in outcomes]
        deaths = statistics.mean(outcome.deaths for outcome in outcomes)
        lost = statistics.mean(outcome.lost for outcome in outcomes)
        lines.append(
            f"{plan.name:38}{hours:8.2f}{statistics.median(over):12.1%}{max(over):8.1%}{deaths:8.1f}{lost:8,.0f}"
        )
    ideals = [Simulation(cluster, plans[0], seed).ideal for seed in seeds]
    lines.append(f"{'ideal':38}{statistics.median(ideals) / 3600:8.2f}")
    return "\n".join(lines)


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
    for field in fields(Cluster):
        kind = type(field.default)
        told = f"{_HELP[field.name]} [%(default)s]"
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=field.default, help=told)
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
