"""The summary on disk: writer, reader and everything between a record and its bytes."""

from explainer.summary.reader import RunView, SampleView, iter_samples, read_run
from explainer.summary.writer import SummaryWriter

__all__ = ["RunView", "SampleView", "SummaryWriter", "iter_samples", "read_run"]
