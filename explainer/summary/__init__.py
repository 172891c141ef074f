"""The summary on disk: writer, reader and everything between a record and its bytes."""

from explainer.summary.reader import RunView, SampleView, read_run
from explainer.summary.writer import SummaryWriter

__all__ = ["RunView", "SampleView", "SummaryWriter", "read_run"]
