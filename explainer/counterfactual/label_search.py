"""The search itself: the boxes of one label, greedily, layer by layer."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray, Keep
from explainer.counterfactual.edit_tree import ROOT_LAYER, EditStep, StopReason
from explainer.counterfactual.edited_image import EditedImage
from explainer.counterfactual.windows import WindowLayers
from explainer.errors import NoValidResultError, OriginalOutputError
from explainer.representation import of_fields


class SearchResult(NamedTuple):
    """What a search found.

    Attributes:
        root: the tree of boxes; `root.get_layer_or_leaf_steps(layer)` are those to be edited in a layer.
        layer_outputs: the label's probability with the boxes of each layer, the largest first; the last one meets the
            threshold, those before it need not.
    """

    root: EditStep
    layer_outputs: list[float]

    def __repr__(self) -> str:
        """One line, with the shapes of arrays."""
        return of_fields(self)


@dataclass(frozen=True)
class Goal:
    """Where a search has to get to.

    Attributes:
        threshold: the probability to be reached.
        falling: it is to be reached from above.
    """

    threshold: float
    falling: bool

    def met(self, output: float) -> bool:
        """Whether the threshold is reached."""
        return self.reached(output, self.threshold)

    def reached(self, value: float, target: float) -> bool:
        """Whether a value is as good as the target, or better."""
        return value <= target if self.falling else value >= target

    def improves(self, change: float) -> bool:
        """Whether a change leads towards the threshold."""
        return change < 0 if self.falling else change > 0

    def best(self, outputs: NDArray[np.float64]) -> int:
        """The index of the best output, the first of equals."""
        return int(outputs.argmin() if self.falling else outputs.argmax())


@dataclass(frozen=True)
class _Job:
    """The search inside one box.

    Attributes:
        parent: the box; what counts becomes its children.
        before: the steps edited before it, now in whatever leaves they have.
    """

    parent: EditStep
    before: list[EditStep]


class LabelSearch:
    """The search for one label.

    Args:
        edited: the image to be edited, with the probabilities of some labels.
        index: which of them.
        layers: the windows.
        goal: where to get to.
    """

    def __init__(self, edited: EditedImage, index: int, layers: WindowLayers, goal: Goal) -> None:
        self._edited = edited
        self._index = index
        self._layers = layers
        self._goal = goal

    def result(self) -> SearchResult:
        """The tree down to the deepest layer that meets the threshold, and the output of each layer.

        Raises:
            OriginalOutputError: the original is not above the threshold.
            NoValidResultError: no region meets it.
        """
        (original,) = self._outputs([self._edited.original])
        if original <= self._goal.threshold:
            raise OriginalOutputError(
                f"the label's probability must be above the threshold {self._goal.threshold:g} to be searched, "
                f"got {original:g} for the image itself"
            )
        root = self._tree()
        if root.is_leaf:
            raise NoValidResultError(self._why_nothing(root))
        by_layer = [root.get_layer_or_leaf_steps(layer) for layer in range(root.max_layer + 1)]
        outputs = self._outputs(self._edited.keep(step.box for step in steps) for steps in by_layer)
        # Layer 0 counts only when it meets the threshold, so there is one.
        deepest = max(layer for layer, output in enumerate(outputs) if self._goal.met(output))
        for step in root.get_layer_steps(deepest):
            step.children = []
        return SearchResult(root, outputs[: deepest + 1].tolist())

    def _tree(self) -> EditStep:
        """The boxes of all layers; a job's boxes count only if it got where it had to."""
        root = EditStep(ROOT_LAYER, (0, 0, *self._edited.size))
        jobs = deque([_Job(root, [])])
        while jobs:
            job = jobs.popleft()
            steps, finer, job.parent.stop_reason = self._greedy(job)
            if job.parent.stop_reason is not StopReason.NO_NEW_STEP:
                job.parent.children = steps
                jobs.extend(finer)
        return root

    def _greedy(self, job: _Job) -> tuple[list[EditStep], list[_Job], StopReason]:
        """The best windows of the job's box one after another, the jobs for the boxes found, and why it ended."""
        layer = job.parent.layer + 1
        keep = self._edited.keep(leaf.box for step in job.before for leaf in step.leaf_steps)
        start = last = float(self._outputs([keep])[0])
        steps: list[EditStep] = []
        finer: list[_Job] = []
        left = self._layers.boxes(layer, job.parent.box)
        while not self._goal.met(last):
            if not left:
                return steps, finer, StopReason.NO_NEW_STEP
            outputs = self._of_label(self._edited.outputs_with(keep, left))
            best = self._goal.best(outputs)
            step = EditStep(layer, left.pop(best), float(outputs[best]), float(outputs[best]) - last)
            if layer + 1 < len(self._layers.win_sizes) and self._goal.improves(step.step_change):
                finer.append(_Job(step, job.before + steps))
            steps.append(step)
            keep, last = self._edited.with_box(keep, step.box), step.network_output
            if layer > 0 and self._goal.reached(last - start, job.parent.step_change):
                return steps, finer, StopReason.STEP_CHANGE_MET
        return steps, finer, StopReason.THRESHOLD_MET

    def _outputs(self, keeps: Iterable[Keep]) -> NDArray[np.float64]:
        """The label's probability for each, (M,)."""
        return self._of_label(self._edited.outputs(keeps))

    def _of_label(self, outputs: FloatArray) -> NDArray[np.float64]:
        return outputs[:, self._index].astype(np.float64)

    def _why_nothing(self, root: EditStep) -> str:
        if root.stop_reason is StopReason.THRESHOLD_MET:
            return (
                f"the background alone meets the threshold {self._goal.threshold:g}, so there is no region that the "
                "label needs; give a `mask` that shows less of the image, or a higher `threshold`"
            )
        return (
            f"the label's probability stays above the threshold {self._goal.threshold:g} when every window is hidden; "
            "give a `mask` that shows less of the image, or a higher `threshold`"
        )
