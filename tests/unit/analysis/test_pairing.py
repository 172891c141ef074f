"""Which sample is which of another run."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from explainer.analysis.pairing import SampleKey, paired
from explainer.errors import ComparisonError


def keys(names: Sequence[str] = (), digests: Sequence[bytes] = (), pictures: Sequence[bytes] = ()) -> list[SampleKey]:
    """Samples from number 10 on, with the keys that are given."""
    count = max(map(len, (names, digests, pictures)))
    parts = (list(given) or [empty] * count for given, empty in ((names, ""), (digests, b""), (pictures, b"")))
    return [SampleKey(10 + place, *key) for place, key in enumerate(zip(*parts, strict=True))]


def test_names_of_files_come_first() -> None:
    found = paired(keys("abc", [b"1", b"2", b"3"]), keys("dcb", [b"1", b"2", b"3"]))
    assert found == ("source", ((11, 12), (12, 11)), (10,), (10,))


def test_digests_count_where_a_sample_has_no_name_or_no_name_is_in_both() -> None:
    for names in (["a", "", "c"], ["x", "y", "z"]):
        found = paired(keys(names, [b"1", b"2", b"3"]), keys("abc", [b"3", b"2", b"9"]))
        assert found == ("input_digest", ((11, 11), (12, 10)), (10,), (12,))


def test_digests_of_pictures_count_where_those_of_inputs_are_not_there_or_all_other() -> None:
    pictures = [b"1", b"2"]
    assert paired(keys(pictures=pictures), keys((), [b"8", b"9"], pictures)).by == "picture_digest"
    assert paired(keys((), [b"6", b"7"], pictures), keys((), [b"8", b"9"], pictures)).by == "picture_digest"


def test_numbers_count_where_nothing_else_was_recorded_in_one_run() -> None:
    found = paired(keys(pictures=[b"", b"", b""]), keys("ab", [b"1", b"2"]))
    assert found == ("number", ((10, 10), (11, 11)), (12,), ())


def test_of_pictures_that_are_there_twice_the_first_belong_together() -> None:
    found = paired(keys((), [b"1", b"1", b"2", b"1"]), keys((), [b"2", b"1", b"1"]))
    assert found == ("input_digest", ((10, 11), (11, 12), (12, 10)), (13,), ())


def test_other_images_are_not_paired_by_their_numbers() -> None:
    with pytest.raises(ComparisonError, match=r"no sample is in both, neither by the names .* RunOptions.sources="):
        paired(keys("ab", [b"1", b"2"]), keys("cd", [b"3", b"4"]))


def test_a_run_without_samples_is_told() -> None:
    with pytest.raises(ComparisonError, match="the first one has no complete sample"):
        paired([], keys("ab"))
    with pytest.raises(ComparisonError, match="the second one has no complete sample"):
        paired(keys("ab"), [])
