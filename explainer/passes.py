"""What goes through a network: the one way in which methods, metrics and draws say before they begin what they cost."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Passes:
    """How many images go through a network.

    Attributes:
        forwards: images that are evaluated.
        backwards: images of which a gradient is taken, each forward and backward.
        known: how many of `forwards` are images as they are in the data, whose outputs a run knows already.
        is_exact: whether it is always so; else it depends on what comes of them, and is what to expect.

    >>> Passes(forwards=2, known=1) + 3 * Passes(backwards=50)
    Passes(forwards=2, backwards=150, known=1, is_exact=True)
    """

    forwards: int = 0
    backwards: int = 0
    known: int = 0
    is_exact: bool = True

    def __add__(self, other: Passes) -> Passes:
        return Passes(
            self.forwards + other.forwards,
            self.backwards + other.backwards,
            self.known + other.known,
            self.is_exact and other.is_exact,
        )

    def __mul__(self, times: int) -> Passes:
        return Passes(self.forwards * times, self.backwards * times, self.known * times, self.is_exact)

    __rmul__ = __mul__

    @property
    def total(self) -> int:
        """All of them."""
        return self.forwards + self.backwards

    @property
    def in_run(self) -> int:
        """Those that are left where the outputs of images as they are in the data are known."""
        return self.total - self.known

    @property
    def of_changed(self) -> Passes:
        """The same of images, or of a network, of which nothing is known."""
        return replace(self, known=0)


ONE_GRADIENT = Passes(backwards=1)
