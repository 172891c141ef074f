"""A run whose samples are read when they are asked for: the same as one that is read at once, and no more is read."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from counted_reads import counted_reads
from hostile_runs import HOSTILE, write
from large_runs import write_large_run
from report_runs import Sizes, write_report_run
from small_runs import write_run

from explainer.analysis.calibration import ReliabilitySums, reliability
from explainer.analysis.curves import MeanCurves, mean_curve
from explainer.analysis.facts import facts_of, run_and_facts
from explainer.analysis.view import open_run, read_run, scanned_run
from explainer.command.main import main
from explainer.records import ScoreCurve
from explainer.summary.folder import find_runs
from explainer.summary.index_file import INDEX


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with all that there is, in more samples than are worked out at once."""
    folder = tmp_path_factory.mktemp("run")
    write_report_run(folder, Sizes(samples=123, height=8, width=9))
    return folder


def test_the_facts_are_those_of_the_run_that_is_read_at_once(written: Path):
    facts = facts_of(read_run(written))
    assert facts_of(open_run(written)) == facts_of(scanned_run(written)) == run_and_facts(written)[1] == facts
    assert (facts["samples"], len(facts["curves"]), facts["uncertainty"]["samples"]) == (123, 10, 123)
    assert {**run_and_facts(written, sources=False)[1], "sources": facts["sources"]} == facts


def test_samples_are_a_mapping_in_rising_order(tmp_path: Path):
    write_run(tmp_path, [4, 0, 2])
    samples = open_run(tmp_path).samples
    assert (list(samples), len(samples), 2 in samples, 3 in samples) == ([0, 2, 4], 3, True, False)
    assert [sample.scores[0].value for sample in samples.values()] == [2.0, 3.0, 1.0]
    assert [(number, sample.sample_id) for number, sample in samples.items()] == [(0, 0), (2, 2), (4, 4)]
    with pytest.raises(KeyError, match="3"):
        samples[3]
    assert repr(samples) == f"<StoredSamples: 3 of {str(find_runs(tmp_path)[0].event_file)!r}>"
    assert (
        open_run(tmp_path).map_of(4, "Gradient", "b").tolist() == read_run(tmp_path).map_of(4, "Gradient", "b").tolist()
    )


@pytest.mark.parametrize("name", ["5,000 samples that end together", "one sample 5,000 times", "50,000 curves"])
def test_a_hostile_run_has_the_same_facts(tmp_path: Path, name):
    facts = facts_of(read_run(write(tmp_path, HOSTILE[name]())))
    assert run_and_facts(tmp_path)[1] == facts


def test_damage_that_came_after_the_index_is_found_where_it_is(tmp_path: Path):
    event_file = write_large_run(tmp_path, 200)
    content = bytearray(event_file.read_bytes())
    content[len(content) // 2] ^= 4
    event_file.write_bytes(content)
    assert len(open_run(tmp_path).samples) == 200  # which nobody has looked at
    run, facts = run_and_facts(tmp_path)
    assert (facts, run.findings) == (facts_of(read_run(tmp_path)), read_run(tmp_path).findings)
    assert (facts["state"], facts["samples"]) == ("damaged", 199)
    (lost,) = set(range(200)) - set(run.samples)
    opened = open_run(tmp_path)
    assert opened.samples.get(lost) is None
    assert opened.samples[lost + 1].source == f"img_{lost + 1:06}.png"


def test_a_sample_of_a_run_with_an_index_is_opened_by_reading_it_alone(tmp_path: Path, monkeypatch, capsys):
    event_file = write_large_run(tmp_path, 3_000)
    size, counted = event_file.stat().st_size, counted_reads(monkeypatch)
    sample = open_run(tmp_path).samples[2_345]
    assert (sample.source, sum(counted) < size / 10) == ("img_002345.png", True)
    counted.clear()
    assert main(["figure", str(tmp_path), "--samples", "2345,7", "--to", str(tmp_path.parent / "a.png")]) == 0
    assert 0 < sum(counted) < size / 10


def test_without_an_index_the_run_opens_all_the_same(tmp_path: Path):
    event_file = write_large_run(tmp_path, 300)
    (find_runs(tmp_path)[0].data_dir / INDEX).unlink()
    assert open_run(tmp_path).samples[234].source == "img_000234.png"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["_explain_1700000000", event_file.name])
    assert [path.name for path in find_runs(tmp_path)[0].data_dir.iterdir() if path.is_file()] == ["manifest.json"]


def test_reading_leaves_a_folder_as_it_was(tmp_path: Path):
    write_large_run(tmp_path, 30)
    (find_runs(tmp_path)[0].data_dir / INDEX).unlink()
    before = sorted(tmp_path.rglob("*"))
    for command in ("inspect", "verify"):
        assert main([command, str(tmp_path)]) == 0
    assert open_run(tmp_path).samples[3].sample_id == 3
    assert sorted(tmp_path.rglob("*")) == before


# What is summed up while samples pass by.


def curve(seed: int, reach: float = 1.0) -> ScoreCurve:
    generator = np.random.default_rng(seed)
    points = np.linspace(0, reach, 3 + seed % 4)
    return ScoreCurve(0, "Gradient", "DeletionAUC", 0, "blur", points, generator.random(len(points)))


def test_a_mean_curve_of_many_is_that_of_all_at_once():
    curves = [curve(seed) for seed in range(257)]
    grid = np.linspace(0, 1, 101)
    drawn = np.stack([np.interp(grid, one.fractions, one.probabilities) for one in curves])
    found = mean_curve(curves)
    np.testing.assert_allclose(found.probabilities, drawn.mean(axis=0), rtol=1e-12)
    reach = 1.9692739 * drawn.std(axis=0, ddof=1) / np.sqrt(257)  # Student's, 256 degrees of freedom
    np.testing.assert_allclose(found.high - found.probabilities, reach, rtol=1e-6)
    assert found.curves == 257


@pytest.mark.parametrize("reaches", [[1.0, 0.5, 1.0], [0.5, 1.0, 0.25], [0.25] * 150 + [0.5] * 150 + [1.0]])
def test_a_curve_that_reaches_further_than_those_before_it_gives_the_mean_of_all_at_once(reaches):
    curves = [curve(seed, reach) for seed, reach in enumerate(reaches)]
    samples = cast(Any, [SimpleNamespace(curves=[one]) for one in curves])
    means = MeanCurves()
    for sample in samples:
        means.take(sample)
    ((kind, found),) = means.means(samples)
    expected = mean_curve(curves)
    assert (kind, found.curves) == (("DeletionAUC", "Gradient", "blur"), len(curves))
    for one, other in zip(found[1:], expected[1:], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", ["classes", "labels"])
def test_reliability_of_parts_is_that_of_all_at_once(kind):
    generator = np.random.default_rng(3)
    probabilities = generator.dirichlet(np.ones(4), 90)
    truth = np.eye(4, dtype=bool)[generator.integers(0, 4, 90)]
    if kind == "labels":
        truth[70] = False
    sums = ReliabilitySums()
    for part in np.split(np.arange(90), [1, 30, 71]):
        sums.add(probabilities[part], truth[part])
    found, expected = sums.reliability(), reliability(probabilities, truth)
    assert (found.kind, found.compared) == (kind, expected.compared) == (expected.kind, found.compared)
    assert found[2:] == pytest.approx(expected[2:], rel=1e-12)
