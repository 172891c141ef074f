"""The errors of this package.

```text
ExplainerError                  everything below; catch it to catch all of ours
├── LayerError (ValueError)         a layer that does not exist or cannot be used
├── NetworkInputError (ValueError)  images that the network cannot be evaluated for
├── NoGradientError (ValueError)    an operator of the network that MindSpore has no gradient for
├── NetworkOutputError (ValueError) a network or activation whose output is not what a classifier gives
│   └── LabelCountError                 another number of outputs than labels
├── EngineError (ValueError)        a network that another engine than MindSpore cannot compute
├── NoReluError (ValueError)        a ReLU rule for a network in which no ReLU can be changed
├── NoDropoutError (ValueError)     dropout samples of a network without dropout
├── BadSampleError (ValueError)     one sample of the data that cannot be explained
├── OriginalOutputError (ValueError) an image whose label is not above the threshold, so that nothing can be searched
├── NoValidResultError (ValueError) a search that finds no region that meets the threshold
├── DatasetError (ValueError)       a dataset that fails while it is read
├── ResumeError (ValueError)        a run that cannot be gone on with, as something is other than it was
├── MergeError (ValueError)        shards that are not the parts of one run
├── ComparisonError (ValueError)    two runs that cannot be compared
├── MissingExtraError (ImportError) a package that an extra of this one brings
├── WorkerError (RuntimeError)      a process of a run that died again and again
├── RemoteError (OSError)           a URL that could not be read or written
├── SummaryReadError (ValueError)   a folder or file that is not a readable summary
├── SummaryWriteError (RuntimeError) a summary that could not be written
└── ReportWriteError (RuntimeError)  a report that could not be written
```

RunInterrupted (KeyboardInterrupt) stands beside the tree: who catches errors must not catch a Ctrl-C.

Arguments of a wrong type are plain TypeErrors, wrong values plain ValueErrors, wrong states plain RuntimeErrors.
"""

from __future__ import annotations

from explainer.deprecated import warn_renamed


class ExplainerError(Exception):
    """Base of the package's own errors."""


class LayerError(ExplainerError, ValueError):
    """A layer that does not exist or cannot be used, or whose gradient does not tell what it does."""


class NetworkInputError(ExplainerError, ValueError):
    """Images that the network cannot be evaluated for: of another size, or channels, than it was made for."""


class NoGradientError(ExplainerError, ValueError):
    """An operator of the network that MindSpore has no gradient for, or none in the way that is needed."""


class NetworkOutputError(ExplainerError, ValueError):
    """A network or activation whose output is not what a classifier gives."""


class LabelCountError(NetworkOutputError):
    """A network that has another number of outputs than there are labels.

    Attributes:
        outputs: how many the network has.
        labels: how many there are.
    """

    def __init__(self, message: str, *, outputs: int, labels: int) -> None:
        super().__init__(message)
        self.outputs = outputs
        self.labels = labels


class EngineError(ExplainerError, ValueError):
    """A network that another engine than MindSpore cannot compute; the message says why.

    Attributes:
        difference: from MindSpore's outputs, in parts of the largest; None where that is not the reason.
    """

    def __init__(self, message: str, *, difference: float | None = None) -> None:
        super().__init__(message)
        self.difference = difference


class NoReluError(ExplainerError, ValueError):
    """A ReLU rule for a network in which no ReLU can be changed."""


class NoDropoutError(ExplainerError, ValueError):
    """Dropout samples of a network without dropout."""


class BadSampleError(ExplainerError, ValueError):
    """One sample of the data that cannot be explained.

    Attributes:
        index: of the sample on axis 0 of the array that was given, when the error is about an array.
        sample_id: the number of the sample in the dataset, when the error is about a run.
    """

    def __init__(self, message: str, *, index: int | None = None, sample_id: int | None = None) -> None:
        super().__init__(message)
        self.index = index
        self.sample_id = sample_id

    @property
    def place(self) -> int | None:
        """The old name of `index`."""
        warn_renamed("place", "index")
        return self.index


class OriginalOutputError(ExplainerError, ValueError):
    """An image whose label is not above the threshold, so that nothing can be searched."""


class NoValidResultError(ExplainerError, ValueError):
    """A search that finds no region that meets the threshold."""


class DatasetError(ExplainerError, ValueError):
    """A dataset that fails while it is read."""


class ResumeError(ExplainerError, ValueError):
    """A run that cannot be gone on with, as something is other than it was when it was begun."""


class MergeError(ExplainerError, ValueError):
    """Shards that are not the parts of one run: of other settings or data, not ended, samples missing or double."""


class ComparisonError(ExplainerError, ValueError):
    """Two runs that cannot be compared: other labels, or no sample in common."""


class MissingExtraError(ExplainerError, ImportError):
    """A package that an extra of this one brings, as matplotlib for figures."""


class WorkerError(ExplainerError, RuntimeError):
    """A process of a run that died again and again, or could not begin."""


class RemoteError(ExplainerError, OSError):
    """A URL that could not be read or written, for another reason than that it is not there.

    Attributes:
        strerror: why not.
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(f"{message}: {reason}")
        self.strerror = reason


class SummaryReadError(ExplainerError, ValueError):
    """A folder or file that is not a readable summary."""


class SummaryWriteError(ExplainerError, RuntimeError):
    """A summary that could not be written."""


class ReportWriteError(ExplainerError, RuntimeError):
    """A report that could not be written."""


class RunInterrupted(KeyboardInterrupt):
    """A run that a signal has ended, between two samples.

    Attributes:
        signal_number: the signal, as in `signal.Signals`.
    """

    def __init__(self, message: str, *, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number
