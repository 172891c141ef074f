"""Kills a run with SIGKILL at random moments and resumes it: it must be as if nothing had happened.

    python scripts/kill_resume.py [--trials 100] [--samples 24] [--seed 0]

A run is done once without a kill. In each trial the same run is killed when at least one sample is on the disk and not
all of them are, in every third trial a second time after it was resumed, and then resumed to its end. All that can be
read of it must be what the first run left: predictions, maps, scores, curves, uncertainty, edit trees, totals, the
pictures byte by byte. Numbers may differ by rounding, as samples that are left over make batches of another size, in
which MindSpore sums in another order; how many trials are equal to the last bit is told. `verify` must find nothing
wrong, and no sample that was on the disk may be explained again. What came too early or too late with its kill does not
count and is repeated. Exit code 1: something was not so.

Runs are forked from this process, which has imported MindSpore but never uses it: an import takes longer than a run.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mindspore import Tensor, nn
from mindspore.dataset import GeneratorDataset

from explainer import ImageClassificationRunner, RunOptions
from explainer.benchmark import Faithfulness, Sparseness
from explainer.errors import SummaryReadError
from explainer.explanation import RISE, Attribution, GradCAM, Gradient, SmoothGrad
from explainer.explanation.base import Traits
from explainer.summary.folder import chosen_run
from explainer.summary.sample_index import index_of
from explainer.summary.verify import verify

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from run_leaves import compared, leaves_of

SIZE, BATCH = 16, 4
LABELS = ["ant", "bee", "cat", "dog", "eel"]
POLL = 0.005  # seconds
ROUNDING = 1e-5  # docs/architecture.md, "A run that goes on"
MOST_KINDS = 8  # of differences that are told
MOST_ATTEMPTS = 20  # of a trial, whose kills come too early or too late
PROCESSES = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes:
        killed_at: how many samples were on the disk at each kill.
        different: where something is not as in the run that nobody killed.
        largest: the largest difference of two numbers there; infinite where it is not numbers that differ.
        again: the samples that were explained again though they were on the disk.
        problems: what `verify` found.
        missed: how often it was tried in vain, as a kill came too early or too late.
    """

    killed_at: tuple[int, ...]
    different: tuple[str, ...]
    largest: float
    again: frozenset[int]
    problems: tuple[str, ...]
    missed: int

    @property
    def good(self) -> bool:
        """Whether it is as if nothing had happened."""
        return self.largest <= ROUNDING and not (self.again or self.problems)


@dataclass(frozen=True)
class Whole:
    """The run that nobody killed: its samples, how long it took, and all that can be read of it."""

    samples: int
    seconds: float
    leaves: Mapping[str, Any]


class Job:
    """A folder in which a run is begun, killed and resumed.

    Attributes:
        folder: of the summary.
        samples: how many the run has.
    """

    def __init__(self, folder: Path, samples: int) -> None:
        self.folder = folder
        self.samples = samples
        self._notes = folder.with_name(folder.name + ".notes")

    @property
    def complete(self) -> frozenset[int]:
        """The samples that are on the disk."""
        try:
            return frozenset(index_of(chosen_run(self.folder)[0].event_file).samples)
        except SummaryReadError:
            return frozenset()  # nothing has been written yet

    @property
    def explained(self) -> frozenset[int]:
        """The samples that the process which ran last has explained."""
        return frozenset(map(int, self._notes.read_text(encoding="ascii").split()))

    def finish(self, *, resume: bool) -> float:
        """Runs to the end; how many seconds that took."""
        began = time.monotonic()
        child = self._started(resume)
        child.join()
        if child.exitcode != 0:
            raise RuntimeError(f"a run that nobody killed ended with {child.exitcode}")
        return time.monotonic() - began

    def kill(self, *, resume: bool, after: int, delay: float) -> bool:
        """Runs, and kills it so many seconds after so many samples; whether it was in the midst of its work then."""
        before = self.complete
        child = self._started(resume)
        while child.is_alive() and self._pictures < after:
            time.sleep(POLL)
        time.sleep(delay)
        child.kill()
        child.join()
        return child.exitcode == -signal.SIGKILL and len(before) < len(self.complete) < self.samples

    def _started(self, resume: bool) -> Any:
        self._notes.write_text("", encoding="ascii")
        child = PROCESSES.Process(target=explain_all, args=(self.folder, self._notes, self.samples, resume))
        child.start()
        return child

    @property
    def _pictures(self) -> int:
        """About how many samples are on the disk, as a record comes right after its pictures."""
        return sum(1 for _ in self.folder.glob("_explain_*/origin_images/*/*.png"))


# What is run.


class Noting(Attribution):
    """The brightness of each image; notes which images it was called with.

    Args:
        network: that of the other methods.
        images: all that there are.
        notes: the file for their numbers.
    """

    one_pass_per_label = False

    def __init__(self, network: Any, images: np.ndarray, notes: Path) -> None:
        # The trial is that of a run's beginning: it explains no sample.
        super().__init__(network, traits=Traits(trial=lambda method, images, targets: None))
        self._notes = notes
        self._numbers = {image.tobytes(): number for number, image in enumerate(images)}

    def _explain(self, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        with self._notes.open("a", encoding="ascii") as notes:
            notes.writelines(f"{self._numbers[image.tobytes()]}\n" for image in images)
        return np.repeat(images.mean(axis=1)[:, None], targets.shape[1], axis=1)


class SmallCnn(nn.Cell):
    """Images (N, 3, 16, 16) -> logits (N, 5)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, weight_init=weights((6, 3, 3, 3), 1))
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(6, 8, 3, 2, weight_init=weights((8, 6, 3, 3), 2))
        self.relu2 = nn.ReLU()
        self.dropout = nn.Dropout(p=0.3)
        self.fc = nn.Dense(8, len(LABELS), weight_init=weights((len(LABELS), 8), 3), has_bias=False)

    def construct(self, images: Tensor) -> Tensor:
        """The logits."""
        features = self.relu2(self.conv2(self.relu1(self.conv1(images))))
        return self.fc(self.dropout(features.mean((2, 3))))


def weights(shape: tuple[int, ...], seed: int) -> Tensor:
    return Tensor(np.random.default_rng(seed).normal(0, 0.4, shape).astype(np.float32))


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((samples, 3, SIZE, SIZE)).astype(np.float32)


def explain_all(folder: Path, notes: Path, samples: int, resume: bool) -> None:
    """Begins the run in the folder, or resumes it; in a process of its own."""
    network, softmax, images = SmallCnn(), nn.Softmax(), noise(samples)
    rows = [(image, np.array(number % len(LABELS), np.int32)) for number, image in enumerate(images)]
    dataset = GeneratorDataset(rows, ["image", "label"], shuffle=False, num_parallel_workers=1)
    options = RunOptions(batch_size=BATCH, progress=False)
    runner = ImageClassificationRunner(folder, (dataset, LABELS), network, softmax, options=options)
    explainers = [
        Gradient(network),
        GradCAM(network, "conv2"),
        SmoothGrad(network, samples=4),
        RISE(network, softmax, masks=16, grid=4),
        Noting(network, images, notes),
    ]
    deletion = Faithfulness(len(LABELS), softmax, "DeletionAUC", steps=6, curve_fills=())
    runner.register_saliency(explainers, [deletion, Sparseness(len(LABELS))])
    runner.register_uncertainty(draws=4)
    runner.register_hierarchical_occlusion(win_sizes=[8, 4], strides=[8, 4], threshold=0.3)
    runner.run(resume=resume)


# The trials.


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100, help="(default: %(default)s)")
    parser.add_argument("--samples", type=int, default=24, help="of a run (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        whole = whole_run(Path(folder) / "whole", given.samples)
        print(f"a run that nobody killed: {whole.samples} samples in {whole.seconds:.1f} s", flush=True)
        outcomes = []
        for number in range(given.trials):
            outcomes.append(counted(Path(folder) / str(number), [given.seed, number], whole))
            tell(number, outcomes[-1])
    tell_all(outcomes)
    return 0 if all(outcome.good for outcome in outcomes) else 1


def whole_run(folder: Path, samples: int) -> Whole:
    job = Job(folder, samples)
    seconds = job.finish(resume=False)
    return Whole(samples, seconds, dict(leaves_of(folder)))


def counted(folder: Path, seed: Sequence[int], whole: Whole) -> Outcome:
    """What came of a trial, which is repeated until it counts."""
    for attempt in range(MOST_ATTEMPTS):
        job = Job(folder.with_name(f"{folder.name}-{attempt}"), whole.samples)
        kills = 2 if seed[-1] % 3 == 2 else 1
        killed_at, again = killed(job, np.random.default_rng([*seed, attempt]), whole.seconds, kills)
        if len(killed_at) == kills:
            return outcome_of(job, whole, killed_at, again, attempt)
    raise RuntimeError(f"in {MOST_ATTEMPTS} attempts no kill came in the midst of a run")


def killed(job: Job, rng: np.random.Generator, seconds: float, kills: int) -> tuple[list[int], set[int]]:
    """How many samples were on the disk at each kill, up to one too early or too late; which were explained again."""
    killed_at: list[int] = []
    again: set[int] = set()
    for number in range(kills):
        before = job.complete
        if len(before) + 1 == job.samples:
            break  # no sample can be written and another one be left
        after = int(rng.integers(len(before) + 1, job.samples))
        if not job.kill(resume=number > 0, after=after, delay=rng.uniform(0, seconds / job.samples)):
            break
        killed_at.append(len(job.complete))
        again |= before & job.explained
    return killed_at, again


def outcome_of(job: Job, whole: Whole, killed_at: Sequence[int], again: set[int], missed: int) -> Outcome:
    """Resumes what was killed, to its end, and looks at it."""
    before = job.complete
    job.finish(resume=True)
    different, largest = compared(whole.leaves, dict(leaves_of(job.folder)))
    problems = tuple(f"{problem.where}: {problem.what}" for problem in verify(job.folder).problems)
    again = again | (before & job.explained)
    return Outcome(tuple(killed_at), different, largest, frozenset(again), problems, missed)


def tell(number: int, outcome: Outcome) -> None:
    """What is not equal to the last bit, or not as it should be."""
    if outcome.good and not outcome.different:
        return
    print(f"trial {number}, killed with {' and '.join(map(str, outcome.killed_at))} samples on the disk:")
    if outcome.different:
        print(f"  {len(outcome.different)} values differ, numbers by up to {outcome.largest:.2g}: {kinds_of(outcome)}")
    if outcome.again:
        print(f"  explained again although they were there: {sorted(outcome.again)}")
    for problem in outcome.problems[:3]:
        print(f"  {problem}")
    sys.stdout.flush()


def kinds_of(outcome: Outcome) -> str:
    """What differs, and how often: places without their numbers."""
    counts = Counter(re.sub(r"\d+", "*", where) for where in outcome.different)
    return ", ".join(f"{kind} ({count})" for kind, count in counts.most_common(MOST_KINDS))


def tell_all(outcomes: Sequence[Outcome]) -> None:
    kills = sorted(count for outcome in outcomes for count in outcome.killed_at)
    twice = sum(len(outcome.killed_at) > 1 for outcome in outcomes)
    missed = sum(outcome.missed for outcome in outcomes)
    print(
        f"{len(outcomes)} trials ({twice} killed twice; {missed} more did not count), killed with {kills[0]} to "
        f"{kills[-1]} samples on the disk, {kills[len(kills) // 2]} in the median"
    )
    exact = sum(not outcome.different for outcome in outcomes)
    rounded = sum(bool(outcome.different) and outcome.largest <= ROUNDING for outcome in outcomes)
    print(
        f"{exact} equal to the last bit, {rounded} but for rounding, by up to "
        f"{max(outcome.largest for outcome in outcomes):.2g}; {sum(not outcome.problems for outcome in outcomes)} "
        f"complete; {sum(len(outcome.again) for outcome in outcomes)} samples explained again"
    )


if __name__ == "__main__":
    sys.exit(main())
