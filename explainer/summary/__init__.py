"""The summary on disk: writer, reader and everything between a record and its bytes."""

from explainer.summary.reader import SampleView
from explainer.summary.sample_index import iter_samples
from explainer.summary.writer import SummaryWriter

__all__ = ["SampleView", "SummaryWriter", "iter_samples"]
