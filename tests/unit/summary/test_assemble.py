"""Samples put together one by one, by the writer's and the reader's one assembler."""

from __future__ import annotations

from explainer.records import Score
from explainer.summary.assemble import SampleAssembler


def score(sample_id: int, value: float = 0.5) -> Score:
    return Score(sample_id, "Gradient", "m", 1, value)


def test_records_of_several_samples_may_come_mixed() -> None:
    assembler = SampleAssembler()
    for record in (score(3, 0.1), score(5, 0.2), score(3, 0.3)):
        assembler.add(record)
    assert assembler.open == {3, 5}
    assert [record.value for record in assembler.end(3)] == [0.1, 0.3]
    assert assembler.open == {5}
    assert assembler.end(3) == []


def test_a_sample_that_begins_anew_forgets_what_came_before() -> None:
    assembler = SampleAssembler()
    assembler.add(score(3, 0.1))
    assembler.begin(3)
    assembler.add(score(3, 0.2))
    assert [record.value for record in assembler.end(3)] == [0.2]


def test_what_is_open_can_be_dropped() -> None:
    assembler = SampleAssembler()
    assembler.add(score(3))
    assembler.drop()
    assert assembler.open == set()
