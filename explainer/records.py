"""What jobs yield and sinks consume: one frozen dataclass per fact of a run.

Samples are numbered from 0 in the order of the dataset; labels are indices into the run's label list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray
from explainer.representation import of_changed_fields


@dataclass(frozen=True)
class RunMetadata:
    """What a run is about; the first record of every run."""

    labels: tuple[str, ...]
    explainers: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)  # JSON: options, explainers, metrics
    package_version: str = ""

    __repr__ = of_changed_fields


@dataclass(frozen=True, eq=False)
class OriginalImage:
    """The picture of a sample, displayable: (H, W) or (H, W, 3 or 4) uint8."""

    sample_id: int
    pixels: NDArray[np.uint8]

    __repr__ = of_changed_fields


@dataclass(frozen=True)
class SampleOrigin:
    """Where a sample comes from.

    input_digest: blake2b, 16 bytes, of the network's input: its shape and float32 values. source: the name of the file
    that it was read from, "" where there is none; source_digest: blake2b, 16 bytes, of that file's bytes.
    """

    sample_id: int
    input_digest: bytes
    source: str = ""
    source_digest: bytes = b""

    __repr__ = of_changed_fields


@dataclass(frozen=True)
class Box:
    """A box around an object of one label: corner (x, y) and size in pixels, inside the image; may be empty."""

    label: int
    x: int
    y: int
    width: int
    height: int

    __repr__ = of_changed_fields


@dataclass(frozen=True)
class ObjectBoxes:
    """Where the objects of the true labels are, as the dataset has them.

    boxes: in pixels of the network's image, one or more. size: width and height of that image.
    """

    sample_id: int
    boxes: tuple[Box, ...]
    size: tuple[int, int]

    __repr__ = of_changed_fields


@dataclass(frozen=True, eq=False)
class Prediction:
    """The true labels of a sample, the network's prediction, and which labels are explained."""

    sample_id: int
    ground_truth: tuple[int, ...]
    predicted: tuple[int, ...]
    explained: tuple[int, ...]
    probabilities: FloatArray  # (K,) in [0, 1]

    __repr__ = of_changed_fields


@dataclass(frozen=True, eq=False)
class Saliency:
    """One saliency map: (H, W) float32, any sign, larger = more important.

    completeness_gap: how much of the logit's difference from the baseline the attributions miss; None for a method
    whose attributions do not claim to sum to it.
    standard_error: of a map that is an estimate, as in `Explained`: of random draws, the root mean square over its
    pixels; of drops, over the windows; None where it was not estimated.
    """

    sample_id: int
    explainer: str
    label: int
    saliency: FloatArray
    completeness_gap: float | None = None
    standard_error: float | None = None

    __repr__ = of_changed_fields


@dataclass(frozen=True)
class Score:
    """One single score; nan = undefined; label None = the metric does not look at labels."""

    sample_id: int
    explainer: str
    metric: str
    label: int | None
    value: float

    __repr__ = of_changed_fields


@dataclass(frozen=True, eq=False)
class ScoreCurve:
    """What a score is the area of: a label's probability while pixels are deleted or inserted, most important first.

    fill: what is shown where pixels are hidden, in words or numbers. fractions: of the pixels that are changed, from 0
    on, (P,). probabilities: of the label, (P,).
    """

    sample_id: int
    explainer: str
    metric: str
    label: int
    fill: str
    fractions: FloatArray
    probabilities: FloatArray

    __repr__ = of_changed_fields


@dataclass(frozen=True, eq=False)
class Draws:
    """The drawn probabilities of some labels of a sample: (S, L) float32, a row for each draw, as labels come."""

    labels: tuple[int, ...]
    probabilities: FloatArray

    __repr__ = of_changed_fields


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """How sure the network is of a sample: the spread of draws of each label's probability, and entropies in nats.

    mean, deviation: of the draws, (K,); low, high: where 95 % of them lie, (K,). total: the entropy of the mean
    prediction; aleatoric: of the draws, on average; epistemic: the rest. draws: some of them, where they were kept.
    """

    sample_id: int
    mean: FloatArray
    deviation: FloatArray
    low: FloatArray
    high: FloatArray
    total: float
    aleatoric: float
    epistemic: float
    draws: Draws | None = None

    __repr__ = of_changed_fields


@dataclass(frozen=True)
class EditLayer:
    """The boxes that are edited in a layer, and the network's output then.

    output: the label's probability. boxes: (x, y, width, height) in pixels of the image.
    """

    output: float
    boxes: tuple[tuple[int, int, int, int], ...]

    __repr__ = of_changed_fields


@dataclass(frozen=True)
class EditTree:
    """What a hierarchical occlusion found for one label of a sample.

    mask: what is seen where the image is hidden, "gaussian:N" for a blur. by_masking: whether boxes hide the image, not
    show it. layers: the largest boxes first; none where there is no result. tree: as
    `explainer.counterfactual.EditStep.from_dict` takes it. reason: why there is no result.
    """

    sample_id: int
    label: int
    mask: str
    by_masking: bool
    layers: tuple[EditLayer, ...] = ()
    tree: Mapping[str, Any] | None = None
    reason: str = ""

    __repr__ = of_changed_fields


@dataclass(frozen=True)
class SampleDone:
    """Every record of this sample has been yielded."""

    sample_id: int

    __repr__ = of_changed_fields


@dataclass(frozen=True)
class SampleSkipped:
    """A sample was left out, and why."""

    sample_id: int
    reason: str

    __repr__ = of_changed_fields


@dataclass(frozen=True)
class Benchmark:
    """The mean score of an explainer; nan = undefined; no by_label = the metric does not look at labels."""

    explainer: str
    metric: str
    total: float
    by_label: tuple[float, ...] = ()
    defined: int = 0
    undefined: int = 0

    __repr__ = of_changed_fields


@dataclass(frozen=True)
class DatasetOrder:
    """The whole dataset of which a run works on a part, as that run has read it, or as the dataset's source tells.

    samples: how many there are, those of other parts included. digest: blake2b, 16 bytes, of all of them in their
    order: parts of one dataset have the same.
    """

    samples: int
    digest: bytes

    __repr__ = of_changed_fields


@dataclass(frozen=True)
class RunEnd:
    """The run ended as planned; the last record of a run.

    at: when, in seconds since 1970-01-01 UTC, as it stands in a file that was read; a writer takes its own clock.
    """

    at: float | None = field(default=None, compare=False)

    __repr__ = of_changed_fields


@dataclass(frozen=True)
class RunRepaired:
    """The run was copied by `explainer repair`, or put together of shards; what had to be left out."""

    left_out: str

    __repr__ = of_changed_fields


@dataclass(frozen=True)
class RunResumed:
    """The run was interrupted and gone on with from here; changed: the parameters that were other than at its begin."""

    changed: Mapping[str, Any]

    __repr__ = of_changed_fields


@dataclass(frozen=True)
class ImageFile:
    """Where the picture of a sample lies, relative to the job folder; shown: MindInsight may list the sample.

    digest: blake2b, 16 bytes, of the file's bytes; empty where none was recorded.
    """

    sample_id: int
    path: str
    shown: bool = True
    digest: bytes = b""

    __repr__ = of_changed_fields


@dataclass(frozen=True)
class RawMapFile:
    """Where a saliency map lies as floats: a NumPy file of float16 or float32, saliency = value * 2 ** exponent."""

    path: str
    digest: bytes = b""  # as in ImageFile
    exponent: int = 0

    __repr__ = of_changed_fields


@dataclass(frozen=True)
class SaliencyFile:
    """Where a saliency map lies: an 8-bit grey PNG, saliency = low + grey / 255 * (high - low).

    raw: the same map as floats, where the run kept it (`RunOptions(raw_maps=...)`).
    """

    sample_id: int
    explainer: str
    label: int
    path: str
    low: float
    high: float
    completeness_gap: float | None = None  # as in Saliency
    digest: bytes = b""  # as in ImageFile
    raw: RawMapFile | None = None
    standard_error: float | None = None  # as in Saliency

    @property
    def constant(self) -> bool:
        """Whether all values of the map are equal, so that it ranks no pixel."""
        return self.low == self.high

    __repr__ = of_changed_fields


Record = (
    RunMetadata
    | OriginalImage
    | SampleOrigin
    | ObjectBoxes
    | Prediction
    | Saliency
    | Score
    | ScoreCurve
    | Uncertainty
    | EditTree
    | SampleDone
    | SampleSkipped
    | Benchmark
    | DatasetOrder
    | RunEnd
)
"""What a job or the runner yields."""

StoredRecord = (
    RunMetadata
    | ImageFile
    | SampleOrigin
    | ObjectBoxes
    | Prediction
    | SaliencyFile
    | Score
    | ScoreCurve
    | Uncertainty
    | EditTree
    | SampleDone
    | SampleSkipped
    | Benchmark
    | DatasetOrder
    | RunEnd
    | RunRepaired
    | RunResumed
)
"""What a summary file holds: as Record, with pictures by their paths."""
