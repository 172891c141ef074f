"""Outputs for images of which a window is hidden: only what it changes is computed, where that pays and is right."""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from explainer.arrays import FloatArray, IndexArray
from explainer.errors import EngineError
from explainer.network.onnx.graph import Graph
from explainer.network.onnx.session import Session
from explainer.network.onnx.windows.laid import laid
from explainer.network.onnx.windows.locality import size_of
from explainer.network.onnx.windows.plan import Plan
from explainer.network.translation import difference_of
from explainer.perturb.engine import Windows

_LEAST_GAIN = 1.2
_WORTH = 1e10  # multiplications that could have been spared before sessions are made, which takes as long as they do
_FETCHING = 2e6  # multiplications that the places of one fetching take, however many windows there are
_SIZES = 28  # of windows along an axis, to which they are rounded up, so that few plans serve all
_AT_WORK = 3  # plans with sessions: a hierarchical occlusion has windows of three sizes
_ROUNDING = 1e-5  # of the largest output: what batches of other sizes differ by
_LONGEST = 200
_LOG = logging.getLogger("explainer")

Outputs = tuple[NDArray[Any], ...]
Size = tuple[int, int]


class WindowSessions:
    """What is known of a network whose images are hidden by windows, by the size of these.

    Args:
        graph: the network's.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._plans: dict[Size, Plan | None] = {}
        self._spared: dict[Size, float] = {}
        self._at_work: dict[Size, PlanAtWork] = {}
        self._refused: set[Size] = set()
        self._session: Session | None = None

    def outputs(self, session: Session, images: FloatArray, windows: Windows) -> Outputs | None:
        """The network's outputs for images (B, C, H, W); None where all are to be computed in full.

        Args:
            session: the network at work; with another one, which has other weights, all begins anew.
            images: those in which something is hidden.
            windows: what is hidden in them.
        """
        if session is not self._session:
            self._session, self._spared, self._at_work, self._refused = session, {}, {}, set()
        runs = windows.by_image()
        parts = [self._of_one(session, images[rows], windows[rows]) for rows in runs]
        if all(part is None for part in parts):
            return None
        complete = [
            session.in_parts(images[rows]) if part is None else part for rows, part in zip(runs, parts, strict=True)
        ]
        return tuple(np.concatenate(output) for output in zip(*complete, strict=True))

    def _of_one(self, session: Session, images: FloatArray, windows: Windows) -> Outputs | None:
        """As `outputs`, of windows of one image."""
        size = _room_for(windows, size_of(self._graph.images))
        try:
            plan = None if size in self._refused else self._plan(size)
            if plan is None or not self._pays(plan, windows):
                return None
            return self._made(plan, session).outputs(images, windows)
        except Exception as error:  # ONNX Runtime has a class of its own for each reason, all private
            self._refuse(size, error)
            return None

    def _plan(self, size: Size) -> Plan | None:
        """What is computed for windows of a size; None where it gains too little."""
        if size not in self._plans:
            plan = Plan(self._graph, size)
            self._plans[size] = plan if plan.gain >= _LEAST_GAIN else None
        return self._plans[size]

    def _pays(self, plan: Plan, windows: Windows) -> bool:
        """Whether so many windows are computed sooner in this way, and enough were for making its sessions."""
        at_work = self._at_work.get(plan.window)
        is_known = at_work is not None and at_work.known(windows) is not None
        spared = len(windows.indices) * plan.spared - plan.fetchings * _FETCHING - (0 if is_known else plan.whole)
        before = self._spared.get(plan.window, 0.0)
        self._spared[plan.window] = before + max(0.0, spared)
        return spared > 0 and before >= _WORTH

    def _made(self, plan: Plan, session: Session) -> PlanAtWork:
        """The sessions of a plan."""
        size = plan.window
        if size not in self._at_work:
            if len(self._at_work) >= _AT_WORK:
                del self._at_work[next(iter(self._at_work))]
            self._at_work[size] = PlanAtWork(plan, session)
        return self._at_work[size]

    def _refuse(self, size: Size, error: Exception) -> None:
        """Images are computed in full from now on, and why is logged."""
        self._refused.add(size)
        self._at_work.pop(size, None)
        level = logging.INFO if getattr(error, "difference", None) is None else logging.WARNING
        told = str(error).strip().split("\n")[0][:_LONGEST]
        _LOG.log(level, "images with a window of %d x %d hidden are computed in full, not in part: %s", *size, told)


class _Known(NamedTuple):
    """What is known of an image: its number in a call of the engine, itself, and the tables of its maps."""

    number: int
    image: FloatArray
    tables: Outputs


class PlanAtWork:
    """A plan with the weights of a session, proven with the first windows.

    Args:
        plan: what is computed.
        session: the whole network at work.

    Raises:
        EngineError: ONNX Runtime does not take one of the graphs.
    """

    def __init__(self, plan: Plan, session: Session) -> None:
        self._size = plan.window
        self._graphs = laid(plan)
        self._full = session
        self._tables = session.with_weights_for(self._graphs.known)
        self._windowed = session.with_weights_for(self._graphs.windowed)
        self._is_proven = False

    def known(self, windows: Windows) -> _Known | None:
        """What is known of the windows' image; None where it was not the last one."""
        known: _Known | None = windows.kept.get(self)
        return known if known is not None and known.number == windows.indices[0] else None

    def outputs(self, images: FloatArray, windows: Windows) -> Outputs | None:
        """The network's outputs for windows of one image; None where the images differ from it elsewhere, too.

        Raises:
            EngineError: they are not those that the network gives; says by how much.
        """
        known = self._looked_at(windows)
        tops, lefts = self._places(windows)
        differs = images != known.image
        if np.count_nonzero(self._parts(differs, tops, lefts)) != np.count_nonzero(differs):  # somebody wrote into them
            return None
        parts = self._parts(images, tops, lefts)
        found = self._windowed(parts, *self._graphs.given(known.tables, tops, lefts))
        return found if self._is_proven else self._proven(found, images)

    def _looked_at(self, windows: Windows) -> _Known:
        known = self.known(windows)
        if known is None:
            number = int(windows.indices[0])
            image = windows.images[number].copy()  # it is the caller's
            known = windows.kept[self] = _Known(number, image, self._tables(image[None]))
        return known

    def _places(self, windows: Windows) -> tuple[IndexArray, IndexArray]:
        """First rows and columns (B,) of windows of the plan's size in which those that are given lie."""
        ends = zip(windows.images.shape[2:], self._size, strict=True)
        tops, lefts = (np.clip(windows.rectangles[:, axis], 0, end - side) for axis, (end, side) in enumerate(ends))
        return tops, lefts

    def _parts(self, arrays: NDArray[Any], tops: IndexArray, lefts: IndexArray) -> NDArray[Any]:
        """Of each array (C, H, W) the part (C, h, w) in its window."""
        views = sliding_window_view(arrays, self._size, axis=(2, 3))  # type: ignore[call-overload]  # two axes
        parts: NDArray[Any] = views[np.arange(len(arrays)), :, tops, lefts]
        return parts

    def _proven(self, found: Outputs, images: FloatArray) -> Outputs:
        expected = self._full.in_parts(images)
        difference = difference_of(found, expected, expected)
        if difference > _ROUNDING:
            raise EngineError(f"the outputs are others, by {difference:.1e} of the largest", difference=difference)
        self._is_proven = True
        return expected


def _room_for(windows: Windows, image: Size) -> Size:
    """A size that has room for each of the windows."""
    sides = (windows.rectangles[:, 2:] - windows.rectangles[:, :2]).max(axis=0)
    height, width = (_rounded_up(int(side), whole) for side, whole in zip(sides, image, strict=True))
    return height, width


def _rounded_up(side: int, whole: int) -> int:
    step = max(1, whole // _SIZES)
    return min(whole, max(1, -(-side // step)) * step)
