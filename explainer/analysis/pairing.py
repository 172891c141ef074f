"""Which sample of one run is which of another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from explainer.errors import ComparisonError
from explainer.summary.reader import SampleView

_KEYS = ("source", "input_digest", "picture_digest")
NUMBER = "number"


class SampleKey(NamedTuple):
    """What a sample is known again by; "" and b"" where it was not recorded.

    Attributes:
        number: in its run.
        source: the name of its file.
        input_digest: of the network's input.
        picture_digest: of the file of its picture.
    """

    number: int
    source: str
    input_digest: bytes
    picture_digest: bytes

    @property
    def name(self) -> str:
        """The name of its file, else its number."""
        return self.source or f"sample {self.number}"


class Pairing(NamedTuple):
    """The samples that two runs have in common.

    Attributes:
        by: what they are paired by: "source", "input_digest", "picture_digest" or "number".
        pairs: their numbers in both runs, in the order of the first one.
        only_in_first: the other samples of the first run.
        only_in_second: those of the second one.
    """

    by: str
    pairs: tuple[tuple[int, int], ...]
    only_in_first: tuple[int, ...]
    only_in_second: tuple[int, ...]


def key_of(sample: SampleView) -> SampleKey:
    """What a sample is known again by."""
    digest = b"" if sample.origin is None else sample.origin.input_digest
    return SampleKey(sample.sample_id, sample.source, digest, sample.image.digest)


def paired(first: Sequence[SampleKey], second: Sequence[SampleKey]) -> Pairing:
    """The pairs by the name of the file, else by the digest of the network's input, else by that of the picture.

    A key counts only where every sample of both runs has it and some have it in common. Samples are paired by their
    numbers where there is no such key because it was not recorded. Of samples that share a key, as a picture that is
    there twice, the first are paired, then the second, and so on.

    Raises:
        ComparisonError: no sample is in both runs.

    >>> paired([SampleKey(0, "a", b"", b""), SampleKey(1, "b", b"", b"")], [SampleKey(0, "b", b"", b"")])
    Pairing(by='source', pairs=((1, 0),), only_in_first=(0,), only_in_second=())
    """
    known = [by for by in _KEYS if all(getattr(key, by) for key in (*first, *second))]
    for by in known or [NUMBER]:
        found = _paired_by(by, first, second)
        if found.pairs:
            return found
    raise ComparisonError(_nothing_in_common(first, second))


def _paired_by(by: str, first: Sequence[SampleKey], second: Sequence[SampleKey]) -> Pairing:
    waiting: dict[object, list[int]] = {}
    for key in reversed(second):
        waiting.setdefault(getattr(key, by), []).append(key.number)
    matches = [(key.number, _next(waiting.get(getattr(key, by)))) for key in first]
    pairs = tuple((number, match) for number, match in matches if match is not None)
    return Pairing(by, pairs, _without(first, (a for a, _ in pairs)), _without(second, (b for _, b in pairs)))


def _next(numbers: list[int] | None) -> int | None:
    return numbers.pop() if numbers else None


def _without(keys: Iterable[SampleKey], taken: Iterable[int]) -> tuple[int, ...]:
    gone = set(taken)
    return tuple(key.number for key in keys if key.number not in gone)


def _nothing_in_common(first: Sequence[SampleKey], second: Sequence[SampleKey]) -> str:
    for keys, which in ((first, "first"), (second, "second")):
        if not keys:
            return f"the runs cannot be compared: the {which} one has no complete sample"
    return (
        "the runs cannot be compared: no sample is in both, neither by the names of files nor by the digests of "
        "images; explain the same images, or give both runs their names, RunOptions(sources=[...])"
    )
