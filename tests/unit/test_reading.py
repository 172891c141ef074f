"""Reading a run takes memory for a sample at a time, whatever is asked of it; the numbers are those of docs."""

from __future__ import annotations

from pathlib import Path

import pytest
from large_runs import write_large_run
from script_modules import load_script

from explainer.summary.verify import verify

FEW, MANY = 1_000, 5_000
# Bytes of each sample more. Some 200 are numbers that are kept, and memory comes and goes by a MB or two, which are
# 500; a report keeps values of up to 2,000 maps of each method as well. When all samples were in memory: 8,500 for
# inspect, 2,700 for verify, 1,200 for export metadata, 9,300 for report.
MOST_BYTES = {"inspect": 800, "verify": 800, "export metadata": 800, "report --detail none": 5_000}


reading = load_script("reading")


def test_a_large_run_is_whole_as_verify_sees_it(tmp_path: Path):
    write_large_run(tmp_path, 1_003)  # the last three in a folder of their own
    found = verify(tmp_path)
    assert (found.problems, found.samples, found.pictures) == ((), 1_003, 3_009)


def test_a_command_that_fails_is_no_measurement(tmp_path: Path):
    with pytest.raises(SystemExit, match=r"explainer verify .* failed"):
        reading.cost("verify", tmp_path, tmp_path / "to")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("runs")
    for count in (FEW, MANY):
        write_large_run(folder / str(count), count)
    return [folder / str(count) for count in (FEW, MANY)]


@pytest.mark.slow
@pytest.mark.parametrize("name", MOST_BYTES)
def test_memory_does_not_grow_with_the_run(runs: list[Path], tmp_path: Path, name):
    few, many = (reading.cost(name, run, tmp_path / "to").megabytes for run in runs)
    assert (many - few) * 1e6 / (MANY - FEW) < MOST_BYTES[name], f"{few} MB, {many} MB"


@pytest.mark.slow
def test_a_hundred_thousand_samples_are_inspected_in_little_memory_and_one_of_them_is_drawn_alone(tmp_path: Path):
    run = tmp_path / "run"
    write_large_run(run, 100_000)
    assert reading.cost("inspect", run, tmp_path / "to").megabytes < 150  # 95; all in memory were 926
    drawn = reading.cost("figure --samples 5", run, tmp_path / "to")
    assert drawn.megabytes < 150  # 96, most of them Matplotlib; all in memory were 683
