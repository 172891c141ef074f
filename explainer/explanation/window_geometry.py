"""How large windows are and how far they move, for inputs of any size."""

from __future__ import annotations

from typing import Any

from explainer.checks import require_choice, require_integer
from explainer.perturb.masks import EDGES, Windows

_SMALL = 63  # up to this length of an axis a window is 3 pixels wide, beyond it a 32nd part of the axis

Given = int | tuple[int, ...] | str | None


class Geometry:
    """Window, stride and edges as a user gives them; `windows` makes them fit a size.

    Args:
        window: a number for all axes, one each, "auto" (a fifth of each axis), or None (the default of `Occlusion`).
        stride: likewise; "auto" is a tenth of each axis; None: what goes with the window.
        edges: see `explainer.perturb.masks.spans`.
        axes: how many there are.

    Raises:
        TypeError, ValueError: none of these.

    >>> Geometry("auto", None, "full", 2).windows((10, 23)).stride
    (1, 2)
    """

    def __init__(self, window: Given, stride: Given, edges: str, axes: int) -> None:
        require_choice("edges", edges, EDGES)
        self._axes = axes
        self._edges = edges
        self._window = _lengths("window", window, axes)
        self._stride = _lengths("stride", stride, axes)

    @property
    def recorded(self) -> dict[str, Any]:
        """What a summary keeps, as JSON values."""
        kept = {"window": self._window, "stride": self._stride}
        return {name: list(given) if isinstance(given, tuple) else given for name, given in kept.items()} | {
            "edges": self._edges
        }

    def windows(self, size: tuple[int, ...]) -> Windows:
        """The windows on inputs of this size.

        Raises:
            ValueError: whole windows that are larger than the input.
        """
        window, stride = self._window, self._stride
        if stride is None and window is not None:
            stride = "auto" if window == "auto" else (1,) * self._axes
        defaults = [_default(length) for length in size]
        windows = Windows(
            tuple(size),
            _resolved(window, [max(1, (2 * length + 5) // 10) for length in size], [pair[0] for pair in defaults]),
            _resolved(stride, [max(1, (length + 5) // 10) for length in size], [pair[1] for pair in defaults]),
            self._edges,
        )
        fits = all(length <= whole for length, whole in zip(windows.window, size, strict=True))
        if self._edges != "clip" and not fits:
            raise ValueError(
                f"`window` must fit into the image of {_by(size)}, got {_by(windows.window)}; "
                'edges="clip" cuts windows off'
            )
        return windows


def _resolved(given: tuple[int, ...] | str | None, auto: list[int], default: list[int]) -> tuple[int, ...]:
    if isinstance(given, tuple):
        return given
    return tuple(auto if given == "auto" else default)


def _lengths(name: str, given: Any, axes: int) -> tuple[int, ...] | str | None:
    if given is None or (isinstance(given, str) and given == "auto"):
        return given
    if not isinstance(given, tuple | list):
        return (require_integer(name, given, 1),) * axes
    if len(given) != axes:
        wanted = "(h, w)" if axes == 2 else f"{axes} of them"
        raise ValueError(f"`{name}` must be one number or {wanted}, got {given!r}")
    return tuple(require_integer(f"{name}[{index}]", value, 1) for index, value in enumerate(given))


def _default(length: int) -> tuple[int, int]:
    """Window and stride of an axis.

    >>> [_default(length) for length in (2, 32, 63, 64, 224)]
    [(2, 1), (3, 1), (3, 1), (2, 2), (7, 7)]
    """
    return (min(3, length), 1) if length <= _SMALL else (length // 32, length // 32)


def _by(size: tuple[int, ...]) -> str:
    return " x ".join(map(str, size))
