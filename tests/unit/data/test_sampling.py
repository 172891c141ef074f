"""A few pictures of many: each label in its share, the same for the same seed."""

from collections import Counter
from pathlib import Path

import pytest

from explainer.data.pictures import Picture, PictureObject
from explainer.data.sampling import drawn


def pictures(**counts):
    """So many pictures of each label, 'a1' being of label 1, '_' of none."""
    found = []
    for label, count in counts.items():
        labels = tuple(PictureObject(int(digit)) for digit in label.removeprefix("of").strip("_"))
        found += [Picture(Path(f"{label}/{index:03}.png"), f"{label}/{index:03}.png", labels) for index in range(count)]
    return found


def shares(found):
    return Counter(picture.labels for picture in found)


@pytest.mark.parametrize("seed", range(5))
def test_each_label_has_its_share(seed):
    found = drawn(pictures(of0=60, of1=30, of2=10), 20, seed)
    assert shares(found) == {(0,): 12, (1,): 6, (2,): 2}
    assert [picture.name for picture in found] == sorted(picture.name for picture in found)


def test_the_largest_remainders_get_what_is_left():
    # of 10 pictures 4: 5 -> 2, 3 -> 1.2, 2 -> 0.8
    assert shares(drawn(pictures(of0=5, of1=3, of2=2), 4, 0)) == {(0,): 2, (1,): 1, (2,): 1}


def test_the_seed_decides_between_equals_and_which_pictures():
    of = pictures(of0=3, of1=3, of2=3)
    firsts = {drawn(of, 1, seed)[0].labels for seed in range(20)}
    assert firsts == {(0,), (1,), (2,)}
    assert {picture.name for seed in range(20) for picture in drawn(of, 3, seed)} == {picture.name for picture in of}


def test_the_same_seed_draws_the_same_and_another_others():
    of = pictures(of0=50, of01=50, of_=20)
    assert drawn(of, 12, 3) == drawn(of, 12, 3) != drawn(of, 12, 4)
    assert shares(drawn(of, 12, 3)) == {(0,): 5, (0, 1): 5, (): 2}


def test_no_picture_is_drawn_twice_and_all_are_there_when_all_are_asked_for():
    of = pictures(of0=7, of1=5)
    assert len(set(drawn(of, 11, 0))) == 11
    assert drawn(of, 12, 0) == drawn(of, 99, 1) == tuple(of)
