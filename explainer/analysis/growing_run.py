"""A run that is read on as it grows."""

from __future__ import annotations

from pathlib import Path

from explainer.analysis.view import RunView, state_of, view_of
from explainer.summary.event_tail import EventTail
from explainer.summary.folder import RunFiles, chosen_run
from explainer.summary.lock import has_writer, may_grow
from explainer.summary.reader import RunReader, SampleView


class GrowingRun:
    """A run of a job folder, whose records are read once each; memory holds them, as `RunView` does.

    Args:
        summary_dir: the job folder.
        files: of the run.

    Attributes:
        running: whether somebody was writing it when it was read last.
        restarts: how often it had to be read anew, as what had been read was no longer there.
    """

    def __init__(self, summary_dir: Path, files: RunFiles) -> None:
        self.summary_dir = summary_dir
        self.files = files
        self.running = False
        self.restarts = 0
        self._begin()

    def _begin(self) -> None:
        self._tail = EventTail(self.files.event_file)
        self._reading = RunReader()
        self._samples: dict[int, SampleView] = {}

    @property
    def sample_count(self) -> int:
        """How many samples are complete."""
        return len(self._samples)

    @property
    def state(self) -> str:
        """As `RunView.state`, and "running" for one that somebody writes."""
        reading = self._reading
        if self.running and not reading.ended:
            return "running"
        lost = reading.metadata is None
        return state_of(damaged=lost or bool(reading.findings), ended=reading.ended, repaired=bool(reading.repairs))

    def read_on(self) -> bool:
        """Reads what was added since; whether anything was.

        Raises:
            SummaryReadError: the run is not there any more, or its format is a later one.
        """
        # The lock first: what nobody writes any more is read to its end.
        self.running = has_writer(self.summary_dir, self.files)
        begun_anew = not self._tail.is_there()
        if begun_anew:
            self.restarts += 1
            self._begin()
        added = begun_anew
        for found in self._tail.read_on(growing=self.running or may_grow(self.files)):
            added = True
            records = found.records if found.finding is None else (found.finding,)
            for sample in self._reading.samples(records):
                self._samples[sample.sample_id] = sample
        return added

    def view(self) -> RunView:
        """The run as far as it was read.

        Raises:
            SummaryReadError: there is nothing in it yet, or the job folder cannot be read.
        """
        _, older = chosen_run(self.summary_dir, self.files.event_file.name)
        return view_of(self.summary_dir, self.files, older, self._reading, self._samples)
