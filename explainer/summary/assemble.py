"""Records put together sample by sample, for whoever writes a run and for whoever reads one."""

from __future__ import annotations

from typing import Any


class SampleAssembler:
    """The records of the samples that are not finished yet; a finished one takes no memory any more.

    >>> from explainer.records import Score
    >>> assembler = SampleAssembler()
    >>> assembler.add(Score(3, "Gradient", "metric", None, 0.5))
    >>> assembler.open, len(assembler.end(3)), assembler.open
    ({3}, 1, set())
    """

    def __init__(self) -> None:
        self._records: dict[int, list[Any]] = {}

    @property
    def open(self) -> set[int]:
        """The samples that have begun and not ended."""
        return set(self._records)

    def begin(self, sample_id: int) -> None:
        """The sample begins, or begins anew: what came before is forgotten."""
        self._records[sample_id] = []

    def add(self, record: Any) -> None:
        """Takes a record of a sample."""
        self._records.setdefault(record.sample_id, []).append(record)

    def end(self, sample_id: int) -> list[Any]:
        """The sample's records, in the order in which they came."""
        return self._records.pop(sample_id, [])

    def drop(self) -> None:
        """What is open is lost: the records that followed it may be missing."""
        self._records.clear()
