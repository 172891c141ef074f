"""Event files that are read on while they are written, cut, or replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from explainer.errors import SummaryReadError
from explainer.summary.event_tail import EventTail
from explainer.summary.recordfile import Damage, frame


def payloads(tail: EventTail, *, growing: bool = True) -> list[bytes | str]:
    """What was added: payloads, and damage as its words."""
    return [found.finding.what if found.finding else found.payload for found in tail.read_on(growing=growing)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "events"
    path.write_bytes(frame(b"") + frame(b""))
    return path


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def test_each_record_comes_once(file: Path):
    tail = EventTail(file)
    assert payloads(tail) == [b"", b""]
    assert payloads(tail) == []
    append(file, frame(b"\x12\x01a"))
    assert tail.is_there()
    assert payloads(tail) == [b"\x12\x01a"]
    assert payloads(tail, growing=False) == []


def test_half_a_record_is_none_yet_while_somebody_writes(file: Path):
    tail, record = EventTail(file), frame(b"\x12\x01a")
    append(file, record[:5])
    assert payloads(tail) == [b"", b""]
    append(file, record[5:-1])
    assert payloads(tail) == []
    append(file, record[-1:])
    assert payloads(tail) == [b"\x12\x01a"]


def test_half_a_record_is_damage_when_nobody_writes_and_told_once(file: Path):
    tail = EventTail(file)
    append(file, frame(b"\x12\x01a")[:-1])
    assert payloads(tail, growing=False) == [b"", b"", Damage.TRUNCATED.value]
    assert payloads(tail, growing=False) == []
    assert tail.is_there()


def test_a_file_that_was_cut_and_written_on_is_another_one(file: Path):
    tail = EventTail(file)
    append(file, frame(b"\x12\x01a"))
    payloads(tail)
    file.write_bytes(file.read_bytes()[: -len(frame(b"\x12\x01a"))])
    assert not tail.is_there()
    append(file, frame(b"\x12\x02bc") + frame(b""))  # longer than it was
    assert not tail.is_there()


def test_a_file_whose_damaged_end_was_cut_off_is_another_one(file: Path):
    tail = EventTail(file)
    append(file, frame(b"\x12\x01a")[:-1])
    payloads(tail, growing=False)
    file.write_bytes(file.read_bytes()[: len(frame(b""))] + frame(b"") * 9)
    assert not tail.is_there()


def test_a_file_in_the_place_of_another_is_another_one(file: Path, tmp_path: Path):
    tail = EventTail(file)
    payloads(tail)
    copy = tmp_path / "copy"
    copy.write_bytes(file.read_bytes())
    copy.replace(file)
    assert not tail.is_there()


def test_a_file_that_is_gone_is_an_error(file: Path):
    tail = EventTail(file)
    payloads(tail)
    file.unlink()
    with pytest.raises(SummaryReadError, match="No such file"):
        tail.is_there()
