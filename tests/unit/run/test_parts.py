"""What workers have written becomes one run, wherever a kill has interrupted that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from run_leaves import compared, leaves_of
from shard_runs import write_part, write_whole

from explainer.errors import SummaryWriteError
from explainer.run import parts as parts_module
from explainer.run.parts import Parts
from explainer.run.shared_run import SharedRun
from explainer.summary.folder import find_runs
from explainer.summary.verify import verify


def values_of(folder: Path) -> dict[str, Any]:
    own = ("metadata.parameters.merged", "metadata.parameters.length")
    return {where: value for where, value in leaves_of(folder) if not where.startswith(own)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("whole") / "out"
    write_whole(folder)
    return values_of(folder)


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    """Those of two workers, which have ended."""
    for name, numbers in (("worker-0", range(0, 12, 2)), ("worker-1", range(1, 12, 2))):
        write_part(tmp_path / "out" / "parts" / name, numbers, shard={"worker": name})
    return Parts(tmp_path / "out")


def test_parts_become_a_run_beside_those_that_are_there(parts: Parts, whole: dict[str, Any]) -> None:
    write_whole(parts.summary_dir, clock=1_600_000_000)
    files = parts.merge()
    assert [run.timestamp for run in find_runs(parts.summary_dir)] == [1_600_000_000, files.timestamp]
    assert compared(whole, values_of(parts.summary_dir)) == ((), 0.0)
    assert verify(parts.summary_dir).problems == ()
    assert not parts.exist
    assert len(list(parts.summary_dir.iterdir())) == 4


class KillError(Exception):
    """In the place of a kill."""


@pytest.mark.parametrize("moment", range(5))
def test_a_kill_while_they_are_put_together_costs_nothing(
    parts: Parts, whole: dict[str, Any], monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """Before and behind each of the steps: the parts are set aside, the pictures move, the events do."""
    moves = []

    def replace(source: Any, target: Any) -> None:
        if len(moves) == moment:
            raise KillError
        moves.append(source)
        Path(source).rename(target)

    with monkeypatch.context() as context, pytest.raises(KillError):
        context.setattr(parts_module.os, "replace", replace)
        context.setattr(parts_module.shutil, "rmtree", _killed if moment == 4 else _ignored)
        parts.merge()
    again = Parts(parts.summary_dir)
    again.publish()
    if again.exist:
        assert SharedRun(again, again.all(), 2, False).is_done
        again.merge()
    assert compared(whole, values_of(parts.summary_dir)) == ((), 0.0)
    assert verify(parts.summary_dir).problems == ()
    assert len(list(parts.summary_dir.iterdir())) == 2


def _killed(path: Path, ignore_errors: bool = False) -> None:
    if not ignore_errors:
        raise KillError


def _ignored(path: Path, ignore_errors: bool = False) -> None:
    pass


def test_what_is_left_is_told(parts: Parts) -> None:
    write_part(parts.place("worker-2"), [3], shard={"worker": "worker-2"}, ended=False)
    parts.place("worker-3").mkdir()
    found = {part.name: part for part in parts.all()}
    assert [part.has_ended for part in found.values()] == [True, True, False, False]
    assert found["worker-0"].done == list(range(0, 12, 2))
    assert found["worker-1"].skipped == (5,)
    assert found["worker-1"].complete == (1, 3, 7, 9, 11)
    assert found["worker-2"].complete == (3,)
    assert not SharedRun(parts, [*found.values()], 2, False).is_done


def test_two_drivers_do_not_work_on_one_run(parts: Parts) -> None:
    other = Parts(parts.summary_dir).held()
    with parts.held(), pytest.raises(SummaryWriteError, match="it is being written, by a process that is alive"):
        other.__enter__()


def test_a_run_of_which_nothing_came_leaves_nothing(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "new" / "out")
    with pytest.raises(ZeroDivisionError), parts.held() as found:
        assert found == []
        parts.place("worker-0").mkdir()
        raise ZeroDivisionError
    assert not (tmp_path / "new" / "out").exists()


def test_what_came_stays_where_a_run_fails(parts: Parts) -> None:
    with pytest.raises(ZeroDivisionError), parts.held():
        raise ZeroDivisionError
    assert [part.name for part in parts.all()] == ["worker-0", "worker-1"]
