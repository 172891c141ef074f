"""What a sink, a consumer of results, of one's own has to hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, ClassVar
from unittest import SkipTest

from explainer.records import Record, SampleDone
from explainer.run.job import Sink
from explainer.testing.examples import records_of_run
from explainer.testing.expectations import is_alike, require_alike


class SinkContract(ABC):
    """What holds for every sink. The holes are `make` and `seen`.

    >>> class Kinds:
    ...     def __init__(self):
    ...         self.names = []
    ...
    ...     def write(self, record):
    ...         self.names.append(type(record).__name__)
    ...
    ...     def close(self):
    ...         pass
    >>> class TestKinds(SinkContract):
    ...     def make(self, folder):
    ...         return Kinds()
    ...
    ...     def seen(self, sink):
    ...         return sink.names
    >>> TestKinds().test_it_takes_every_kind_of_record(getfixture("tmp_path"))
    """

    takes_metadata: ClassVar[bool] = True
    """Whether the RunMetadata is written to it as the first record; False: it has it from its constructor."""
    takes_a_second_run: ClassVar[bool] = True
    """Whether it takes the records of another run after `close`, as a runner that runs twice needs it."""

    @abstractmethod
    def make(self, folder: Path) -> Sink:
        """The sink, set up in the same way each time; whatever it writes goes into this folder, made anew."""

    @abstractmethod
    def seen(self, sink: Any) -> Any:
        """What the sink has made of the records, as values to be compared: numbers, texts, arrays, lists, records."""

    def test_it_takes_every_kind_of_record(self, tmp_path: Path) -> None:
        """In the order of a run: samples that are done, one that is left out, totals."""
        self._after(tmp_path / "run", self._records())

    def test_what_it_makes_depends_on_the_records_alone(self, tmp_path: Path) -> None:
        """A second sink makes the same of them, and not the same of others."""
        first, second = (self._after(tmp_path / name, self._records()) for name in ("first", "second"))
        require_alike("what a second sink made of the same records", second, first)
        nothing = self._after(tmp_path / "nothing", self._records()[: int(self.takes_metadata)])
        assert not is_alike(nothing, first), "`seen` must tell a run from one without records, or it compares nothing"

    def test_records_are_left_as_they_were(self, tmp_path: Path) -> None:
        """Other sinks get the same ones."""
        records = self._records()
        self._after(tmp_path / "run", records)
        require_alike("the records after they were written", records, self._records())

    def test_closing_again_is_harmless(self, tmp_path: Path) -> None:
        """Whoever holds it may close it, too."""
        sink = self._written(tmp_path / "run", self._records())
        once = deepcopy(self.seen(sink))  # it may be a list that the sink goes on with
        sink.close()
        require_alike("what it made, closed again", self.seen(sink), once)

    def test_it_closes_after_a_run_that_failed(self, tmp_path: Path) -> None:
        """In the middle of a sample, between two, or before the first: wherever the records end."""
        records = self._records()
        done = next(index for index, record in enumerate(records) if isinstance(record, SampleDone))
        for end in (int(self.takes_metadata), done - 2, done + 1):
            self._after(tmp_path / f"after {end}", records[:end])

    def test_it_takes_a_second_run(self, tmp_path: Path) -> None:
        """After it was closed, if it promises to: none of its records is refused or left out."""
        if not self.takes_a_second_run:
            raise SkipTest("it takes one run")
        sink = self._written(tmp_path / "run", self._records())
        for record in self._records():
            sink.write(record)
        sink.close()

    def _records(self) -> list[Record]:
        return records_of_run()[0 if self.takes_metadata else 1 :]

    def _after(self, folder: Path, records: Sequence[Record]) -> Any:
        """What a sink has made of these records, once closed."""
        return self.seen(self._written(folder, records))

    def _written(self, folder: Path, records: Sequence[Record]) -> Any:
        folder.mkdir(parents=True)
        sink = self.make(folder)
        try:
            for record in records:
                sink.write(record)
        finally:
            sink.close()
        return sink
