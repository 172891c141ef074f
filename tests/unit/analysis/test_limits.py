"""A small file of a stranger costs little time and memory; what is not worked out is a finding."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import hostile_runs
import pytest
from hostile_runs import HOSTILE, curve, metadata, names, sample, score, write

from explainer.analysis import limits
from explainer.analysis.facts import facts_of
from explainer.analysis.view import read_run
from explainer.summary.run_notes import Finding

# No measurement of speed: what grew with the square of a file took 15 s here and far more, and must not come back.
MOST_SECONDS = 14  # of CPU; on an idle machine none takes 2
MOST_MEGABYTES = 400  # of the whole process; Python with what reading needs has 70

READ = """
import io, json, re, sys, time
from contextlib import redirect_stdout
import hostile_runs
from explainer.analysis.facts import facts_of
from explainer.analysis.view import read_run
from explainer.command.inspect_text import overview
from explainer.command import terminal
from explainer.summary.verify import verify

for name in sys.argv[2:]:
    folder = hostile_runs.write(hostile_runs.Path(sys.argv[1]) / name, hostile_runs.HOSTILE[name]())
    started = time.process_time()
    facts = facts_of(read_run(folder))
    with redirect_stdout(io.StringIO()):
        terminal.print_tables(overview(facts))
    inspected = time.process_time() - started
    verify(folder)
    verified = time.process_time() - started - inspected
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())
    print(json.dumps([name, max(inspected, verified), int(peak[1]) / 1e3]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is asked of Linux")
def test_no_hostile_file_takes_long_or_much_memory(tmp_path: Path):
    paths = [str(Path(hostile_runs.__file__).parent), str(Path(limits.__file__).parents[2])]
    script = f"import sys; sys.path[:0] = {paths!r}\n{READ}"
    command = [sys.executable, "-c", script, str(tmp_path), *HOSTILE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(HOSTILE)
    assert [(name, seconds) for name, seconds, _ in found if seconds > MOST_SECONDS] == []
    assert [(name, megabytes) for name, _, megabytes in found if megabytes > MOST_MEGABYTES] == []


def test_more_methods_than_are_worked_out_are_a_finding_and_the_first_ones_have_statistics(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("explainer.analysis.score_table.MOST_METHODS", 3)
    monkeypatch.setattr(limits, "MOST_METHODS", 3)
    scores = b"".join(score(name, metric) for metric in ("M", "N") for name in names(2))
    run = read_run(write(tmp_path, metadata() + sample(0, scores)))
    what = "there are 4 pairs of metric and explainer with scores: the statistics are of the first 3"
    assert run.findings == (Finding(0, what),)
    assert [(entry.metric, entry.explainer) for entry in run.statistics()] == [("M", "0"), ("M", "1"), ("N", "0")]
    facts = facts_of(run)
    assert (facts["state"], facts["damage"]) == ("damaged", [{"offset": 0, "what": what}])


def test_more_curves_than_are_worked_out_are_a_finding_and_the_first_ones_have_means(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("explainer.analysis.curves.MOST_CURVES", 2)
    monkeypatch.setattr(limits, "MOST_CURVES", 2)
    run = read_run(write(tmp_path, metadata() + sample(0, b"".join(map(curve, names(3))))))
    assert [finding.what for finding in run.findings] == [
        "there are 3 kinds of curves: the mean curves are of the first 2"
    ]
    assert [entry["fill"] for entry in facts_of(run)["curves"]] == ["0", "1"]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_what_is_within_the_limits_is_no_finding(tmp_path: Path, monkeypatch, count):
    monkeypatch.setattr(limits, "MOST_METHODS", 2)
    scores = b"".join(score(name, "M") for name in names(count))
    assert read_run(write(tmp_path, metadata() + sample(0, scores) + sample(1, scores))).findings == ()
