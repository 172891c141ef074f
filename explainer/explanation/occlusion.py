"""Occlusion: how far the score drops when a part of the input is hidden."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray, IndexArray
from explainer.checks import require_choice, require_flag, require_integer, require_number, require_type
from explainer.classifier import Evaluator
from explainer.explanation.any_inputs import AnyInputs
from explainer.explanation.base import Attribution, Explained, Traits
from explainer.explanation.coarse_to_fine import CoarseToFine
from explainer.explanation.hidden_regions import (
    AGGREGATES,
    GRIDDED,
    HiddenRegion,
    SegmentRegions,
    Segments,
    WindowRegions,
    resized_maps,
    weights_of,
)
from explainer.explanation.layouts import Layout
from explainer.explanation.progress import ProgressReporter
from explainer.explanation.scores import ExplainedOutput
from explainer.explanation.window_geometry import Geometry
from explainer.memory import images_per_pass
from explainer.network.of import evaluator_of, is_tensor, require_device, to_tensor
from explainer.passes import Passes
from explainer.perturb.engine import Request, asked_at_once, evaluated
from explainer.perturb.fills import fill_of, recorded_fill


class OcclusionCost(NamedTuple):
    """What an explanation costs.

    Attributes:
        windows: hidden parts of each input.
        passes: batches through the network, those of the inputs themselves included.
        uncovered: positions of an input that no window hides; their saliency is 0.
    """

    windows: int
    passes: int
    uncovered: int


Regions = Iterable[tuple[int, HiddenRegion]]
"""Hidden regions, each with the index of its input."""
Drops = tuple[int, HiddenRegion, NDArray[np.float64]]
"""How far the scores (L,) of an input drop when a region of it is hidden: its index, the region, the drops."""


class Occlusion(Attribution):
    """How far the target's score drops when parts of the input are hidden, window by window; one map per target.

    By default the mean drop over the windows that cover each pixel, as an absolute value. A window hides all channels
    with the fill. An axis longer than 63 pixels is cut into windows of a 32nd part of it, side by side; a shorter one
    has windows of 3 pixels at every position. The last window is aligned to the end of the axis, so that every pixel is
    covered.

    Source: Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 3. The reference
    divided by one window too many, never covered what was left over at the right and at the bottom, and had windows of
    one pixel for axes of 33 to 63 pixels. How to get the maps of Xplique, MATLAB, captum and mindspore.train is in
    docs/methods/occlusion.md.

    Args:
        network: the mindspore.nn.Cell to be explained, (N, C, H, W) -> logits (N, K); or any function of arrays.
        activation_fn: logits -> probabilities, nn.Softmax() or nn.Sigmoid(); may be None unless a probability is
            explained.
        perturbation_per_eval: perturbed inputs in one pass through the network, at most, whatever their number; None:
            as many as fit (`explainer.memory`).
        window: the window's length along each axis, one number for all or one each, or "auto" (a fifth of the axis); by
            default as above.
        stride: how far the window moves along each axis, likewise, or "auto" (a tenth of the axis); by default as
            above, "auto" for windows that are, or 1 for a window of your own. A stride beyond the window leaves
            positions uncovered, which is warned of.
        edges: "cover": windows are whole, the last one moved back to the end; "full": whole windows only, what is left
            at the end is not covered; "clip": the first window is centred at the first pixel, and what lies beyond the
            border is cut off.
        segments: hide these in place of windows: whole numbers (H, W), or (N, H, W), pixels of one number being hidden
            together; or a function of an input (C, H, W) that gives them.
        fill: what hides: a number, one per channel, "mean", "local_mean", "blur", "noise", "inpaint" or a function of
            the images, or of the images and their keep masks; docs/methods/occlusion.md says more.
        per_channel: hide one channel at a time: maps (N, L, C, H, W).
        aggregate: how windows become a map: the "mean" of those that cover a pixel, their "sum", or their mean weighted
            with the "gaussian" bell of each window (deviation: a quarter of it); or one value per window, as the "grid"
            that they form, or that grid resized to the input, "nearest" or "bicubic".
        refine: None hides every window. A number in [0, 1] hides every second one along each axis, and then this share
            of the others: where a score drops or rises most, of all labels that are explained, by the mean of the
            neighbours, which is taken for the rest. `explained` estimates the error; docs/methods/occlusion.md has
            measurements.
        signed: keep the sign: > 0 where hiding lowers the score, < 0 where it raises it.
        score: what is explained: the "probability" or the "logit" of a label (of a network that gives a map per
            channel, its sum over all positions); "regression": the outputs, weighted by targets (N, K); "segmentation":
            the mean output over a zone, targets (N, K, H, W); "object detection": how well a box is found, targets
            (N, 5 + K); or a function f(model, x, y) of the model, inputs (B, ...) and their targets -> scores (B,).
        data_format: the axes of the input: "NCHW", "NHWC", "NCDHW" (volumes), "NTW" (time series), "NW" (tabular), ...
        labels: the names of the classes, so that a target may be a name.
        device: "auto", or the device on which MindSpore has to run: "CPU", "GPU" or "Ascend".
        on_progress: called with the number of regions that are done and of all.
        name: what the method is called in a summary.

    Cost: a forward pass per window, and one more, per image; all labels together. By default 901 for 32 x 32 pixels,
    1025 for 224 x 224.

    Raises:
        TypeError: an argument of a wrong type.
        ValueError: a wrong value; when called, a window larger than the input.
        RuntimeError: MindSpore does not run on `device`.

    >>> from mindspore import Tensor, nn
    >>> linear = nn.Dense(3, 2, weight_init=Tensor([[1.0, 2, -4], [0, 0, 0]]), has_bias=False)
    >>> network = nn.SequentialCell(nn.Flatten(), linear)
    >>> occlusion = Occlusion(network, None, window=(1, 2), signed=True, score="logit")
    >>> occlusion(np.float32([[[[10, 10, 10]]]]), 0).tolist()
    [[[[30.0, 5.0, -20.0]]]]
    """

    one_pass_per_label = False

    def __init__(
        self,
        network: Any,
        activation_fn: Any,
        perturbation_per_eval: int | None = 32,
        *,
        window: int | tuple[int, ...] | str | None = None,
        stride: int | tuple[int, ...] | str | None = None,
        edges: str = "cover",
        segments: Any = None,
        fill: Any = 0.0,
        per_channel: bool = False,
        aggregate: str = "mean",
        refine: float | None = None,
        signed: bool = False,
        score: Any = "probability",
        data_format: str = "NCHW",
        labels: list[str] | None = None,
        device: str = "auto",
        on_progress: Callable[[int, int], None] | None = None,
        name: str | None = None,
    ) -> None:
        self._layout = Layout(data_format)
        self._geometry = Geometry(window, stride, edges, self._layout.axes)
        self._segments = None if segments is None else Segments(segments)
        if self._segments and (window, stride, aggregate) != (None, None, "mean"):
            raise ValueError("`segments` replace windows: give no `window`, `stride` or `aggregate` with them")
        self._per_channel = require_flag("per_channel", per_channel)
        self._signed = require_flag("signed", signed)
        require_choice("aggregate", aggregate, AGGREGATES)
        self._aggregate = aggregate
        self._refine = self._refinement(refine)
        require_type("device", device, str, "a string")
        require_device(device)
        self._output = ExplainedOutput.given_or_function(score, activation_fn)
        self._fill = fill_of("fill", fill)
        batch_size = sys.maxsize if perturbation_per_eval is None else perturbation_per_eval
        super().__init__(
            network,
            name=name,
            batch_size=require_integer("perturbation_per_eval", batch_size, 1),
            activation_fn=activation_fn,
            parameters=self._settings(fill),
            traits=self._declared(labels),
        )
        self._progress = ProgressReporter(self.name, on_progress)

    def explain(self, inputs: Any, targets: Any = None) -> Any:
        """The maps of one target for each input: the shape of the inputs without their channels.

        Args:
            inputs: as for a call; or a MindSpore dataset of (inputs, targets), in batches or one by one.
            targets: class ids (N,), or one-hot rows (N, K); what `score` wants; None with a dataset, which has its own.

        Raises:
            TypeError: as for a call.
            ValueError: as for a call; targets beside a dataset, or missing; rows that are not one-hot.

        >>> occlusion = Occlusion(lambda x: x * [1, 2], None, window=1, score="logit", data_format="NW")
        >>> occlusion.explain(np.float32([[3, 4]]), np.float32([[0, 1]])).tolist()
        [[0.0, 8.0]]
        """
        from explainer.data.mindspore_dataset import is_dataset, pairs_of  # loads MindSpore

        if is_dataset(inputs):
            if targets is not None:
                raise ValueError("`targets` must be None where `inputs` is a dataset, which brings its own")
            pairs = pairs_of(inputs, len(self._layout.letters))
            return np.concatenate([self.explain(*pair) for pair in pairs])
        if targets is None:
            raise ValueError("`targets` must be given: class ids (N,) or one-hot rows (N, K)")
        maps = self.explained(inputs, self._any_inputs.rows_of(targets)).maps[:, 0]
        return to_tensor(maps) if is_tensor(inputs) else maps

    def cost(self, inputs: Any) -> OcclusionCost:
        """What explaining these inputs costs; nothing is computed.

        Args:
            inputs: as for a call.

        Raises:
            TypeError, ValueError: as for a call.

        >>> occlusion = Occlusion(lambda x: x, None, 10, score="logit", window=2, stride=3)
        >>> occlusion.cost(np.zeros((1, 1, 8, 9), np.float32))
        OcclusionCost(windows=12, passes=3, uncovered=30)
        """
        images = self._any_inputs.images(inputs)
        counts = self._hidden_at_once(images)
        batch_size = images_per_pass(self.batch_size, images.shape[1:])
        passes = sum(-(-count // batch_size) for count in (len(images), *counts))
        return OcclusionCost(sum(counts) // len(images), passes, self._uncovered(images))

    def geometry(self, size: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Window and stride, a number per axis each, for inputs of this size (H, W).

        Raises:
            ValueError: a window larger than the input.
        """
        windows = self._geometry.windows(size)
        return windows.window, windows.stride

    def _refinement(self, refine: float | None) -> float | None:
        """The share of windows as it was given, where it means something."""
        if refine is None:
            return None
        if self._segments or self._per_channel or self._aggregate not in ("mean", "sum"):
            raise ValueError(
                '`refine` is about windows on all channels whose drops become a "mean" or a "sum", as neighbours are '
                "estimated from each other; give no `segments`, `per_channel` or other `aggregate` with it"
            )
        return require_number("refine", refine, 0.0, 1.0)

    def _settings(self, fill: Any) -> dict[str, Any]:
        """What a summary keeps, as JSON values."""
        return {
            "score": self._output.recorded,
            "fill": recorded_fill(fill),
            **self._geometry.recorded,
            "segments": None if self._segments is None else self._segments.recorded,
            "per_channel": self._per_channel,
            "aggregate": self._aggregate,
            "signed": self._signed,
            "data_format": self._layout.letters,
            **({} if self._refine is None else {"refine": self._refine}),
        }

    def _declared(self, labels: Any) -> Traits:
        plain = self._layout.letters == "NCHW" and not self._per_channel and self._aggregate != "grid"
        return Traits(
            passes=self._passes_of,
            cheaper="a larger `window` or `stride`, or `refine`",
            gives_pictures=plain and self._output.of_labels,
            trial=lambda _, images, targets: next(self._drops(images, targets)),
            classifier=evaluator_of,
            inputs=partial(self._inputs_of, labels),
        )

    def _passes_of(self, image_shape: tuple[int, ...], labels: int) -> Passes:
        """One for each hidden part, and the image's own."""
        hidden = sum(self._hidden_at_once(np.zeros((1, *image_shape), np.float32)))
        is_exact = self._segments is None or self._segments.are_given
        return Passes(forwards=1 + hidden, known=int(self._output.is_kept), is_exact=is_exact)

    def _inputs_of(self, labels: Any, evaluator: Evaluator) -> AnyInputs:
        return AnyInputs(evaluator, layout=self._layout, output=self._output, labels=labels, map_shape=self._map_shape)

    @property
    def _any_inputs(self) -> AnyInputs:
        return cast(AnyInputs, self._inputs)  # `_inputs_of` made them

    def _map_shape(self, images: FloatArray, label_count: int) -> tuple[int, ...]:
        windows = self._windows(images)  # refuses those that do not fit, also where only the size counts
        channels = images.shape[1:2] if self._per_channel else ()
        size = windows.grid if self._aggregate == "grid" else images.shape[2:]
        return len(images), label_count, *channels, *size

    def _windows(self, images: FloatArray) -> Any:
        return self._geometry.windows(images.shape[2:])

    def _regions(self, images: FloatArray) -> WindowRegions | SegmentRegions:
        """Every hidden region of every input with the input's index, in the order in which they are evaluated."""
        channels = images.shape[1] if self._per_channel else None
        if self._segments is not None:
            return SegmentRegions(self._segments.of(images), channels)
        return WindowRegions(len(images), self._windows(images), self._aggregate, channels)

    def _plan(self, images: FloatArray) -> CoarseToFine | None:
        """What is hidden where not all windows are."""
        if self._refine is None or self._refine == 1:
            return None
        return CoarseToFine(self._windows(images), self._refine)

    def _hidden_at_once(self, images: FloatArray) -> list[int]:
        """How many parts of these inputs are hidden one after another, before what came of them is looked at."""
        plan = self._plan(images)
        if plan is None:
            return [len(self._regions(images))]
        return [len(images) * len(plan.first), len(images) * plan.further]

    def _explain(self, images: FloatArray, targets: NDArray[Any]) -> FloatArray | Explained:
        self._warn_of_uncovered(images)
        plan = self._plan(images)
        if plan is None:
            return self._maps(images, targets, self._drops(images, targets))
        return self._refined(images, targets, plan)

    def _refined(self, images: FloatArray, targets: NDArray[Any], plan: CoarseToFine) -> Explained:
        """Maps of drops, (N, F, L), of which some are estimated."""
        count, labels = self._any_inputs.map_shape(images, targets)[:2]
        drops_under = self._hiding(images, targets, sum(self._hidden_at_once(images)))

        def known(numbers: Iterable[IndexArray]) -> NDArray[np.float64]:
            asked = ((index, plan.regions[number]) for index, each in enumerate(numbers) for number in each)
            return np.array([drops for _, _, drops in drops_under(asked)]).reshape(count, -1, labels)

        drops = np.stack([plan.estimates(first) for first in known([plan.first] * count)])
        chosen = np.stack([plan.chosen(*pair) for pair in zip(drops, images, strict=True)])
        rows = np.arange(count)[:, None]
        further = known(chosen)
        errors = [plan.error(misses) for misses in further - drops[rows, chosen]]
        drops[rows, chosen] = further
        every = (
            (index, region, drops[index, number])
            for index in range(count)
            for number, region in enumerate(plan.regions)
        )
        return Explained(self._maps(images, targets, every), standard_errors=np.array(errors, np.float32))

    def _maps(self, images: FloatArray, targets: NDArray[Any], found: Iterable[Drops]) -> FloatArray:
        """What becomes of the drops under the regions."""
        gridded = self._aggregate in GRIDDED
        shape = self._any_inputs.map_shape(images, targets)
        axes = images.ndim - 2
        size = self._windows(images).grid if gridded else images.shape[2:]
        score_drops = np.zeros((*shape[:-axes], *size), np.float64)
        for index, region, drops in found:
            region.add(score_drops[index], drops)
        if self._segments is None and not gridded:
            score_drops /= weights_of(self._windows(images), self._aggregate)
        maps = resized_maps(score_drops.astype(np.float32), images.shape[2:], self._aggregate)
        return maps if self._signed else np.abs(maps)

    def _drops(self, images: FloatArray, targets: NDArray[Any]) -> Iterator[Drops]:
        """Those under every region."""
        regions = self._regions(images)
        yield from self._hiding(images, targets, len(regions))(regions)

    def _hiding(self, images: FloatArray, targets: NDArray[Any], count: int) -> Callable[[Regions], Iterator[Drops]]:
        """A function that gives the drops under regions; `count` of them will be asked for in all."""
        outside = self._layout.outside
        whole = self._output.of_clean(self._classifier, outside(images), targets).astype(np.float64)
        progress = self._progress.of(count)

        def drops_under(regions: Regions) -> Iterator[Drops]:
            batches = evaluated(
                lambda shown, indices: self._output.of(self._classifier, outside(shown), targets[indices]),
                images,
                (Request(index, region.keep, region) for index, region in regions),
                fill=self._fill,
                batch_size=self._asked_at_once(images.shape[1:]),
            )
            for batch in batches:
                for request, outputs in zip(batch.requests, batch.outputs, strict=True):
                    yield request.image, request.payload, whole[request.image] - outputs
                progress.add(len(batch.requests))

        return drops_under

    def _asked_at_once(self, image_shape: tuple[int, ...]) -> int:
        """How many inputs are asked about together; a function of one's own is given no more than it is to have."""
        if not self._output.of_labels:
            return self.batch_size
        return asked_at_once(self._classifier, self.batch_size, image_shape)

    def _uncovered(self, images: FloatArray) -> int:
        return 0 if self._segments is not None else int(self._windows(images).uncovered)

    def _warn_of_uncovered(self, images: FloatArray) -> None:
        uncovered = self._uncovered(images)
        if uncovered:
            total = int(np.prod(images.shape[2:]))
            warnings.warn(
                f"{self.name}: {uncovered} of {total} positions are in no window, so nothing is known of them and "
                'their saliency is 0; a smaller `stride`, or edges="cover", covers them',
                stacklevel=2,
            )
