"""The summary on disk: writer, reader and everything between a record and its bytes."""

from explainer.summary.reader import SampleView, iter_samples
from explainer.summary.writer import SummaryWriter

__all__ = ["SampleView", "SummaryWriter", "iter_samples"]
