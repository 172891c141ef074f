"""Places of samples are a dict's, in the order in which they were put last, in a few bytes for each."""

from __future__ import annotations

import numpy as np
import pytest

from explainer.summary.sample_places import Place, SamplePlaces


def put(numbers: list[int]) -> SamplePlaces:
    places = SamplePlaces()
    for turn, number in enumerate(numbers):
        places.put(number, Place(10 * turn, 10 * turn + 7))
    return places


@pytest.mark.parametrize("seed", range(30))
def test_places_are_those_of_a_dict_whatever_is_put_removed_and_put_again(seed):
    generator = np.random.default_rng(seed)
    places, expected = SamplePlaces(), dict[int, Place]()
    for turn in range(60):
        number = int(generator.integers(-3, 12)) if seed % 3 else turn
        if generator.random() < 0.25 and number in expected:
            del places[number], expected[number]
        else:
            expected.pop(number, None)
            expected[number] = Place(turn, turn + 1, (turn,) if seed % 2 else ())
            places.put(number, expected[number])
        assert (number in places, len(places)) == (number in expected, len(expected))
    assert list(places.items()) == list(expected.items())
    assert [places.get(number) for number in range(-3, 61)] == [expected.get(number) for number in range(-3, 61)]
    assert {1, 5, 99} - places.keys() == {1, 5, 99} - expected.keys()


def test_what_is_not_there_is_a_key_error_and_no_member():
    places = put([4, 2])
    assert ("4" in places, 3 in places, np.int32(4) in places, 2**40 in places) == (False, False, True, False)
    for number in (3, 5, 2**40):
        with pytest.raises(KeyError, match=str(number)):
            places[number]
        with pytest.raises(KeyError, match=str(number)):
            del places[number]
    assert list(places) == [4, 2]


@pytest.mark.parametrize("numbers", [[], [0], [0, 3, 9], [9, 0, 3], [3, 0, 3]])
def test_columns_give_the_same_places_again(numbers):
    places = put(numbers)
    columns = places.columns()
    assert columns is not None
    assert [column.dtype.name for column in columns] == ["int32", "int64", "int64"]
    assert list(SamplePlaces.of_columns(*columns).items()) == list(places.items())


def test_records_that_do_not_stand_together_have_no_columns_unless_their_sample_was_put_again():
    places = put([0, 1])
    places.put(2, Place(30, 60, (30, 50)))
    assert places.columns() is None
    places.put(2, Place(70, 90))
    assert [column.tolist() for column in places.columns() or ()] == [[0, 1, 2], [0, 10, 70], [7, 17, 90]]


@pytest.mark.slow
def test_a_hundred_thousand_places_take_some_twenty_bytes_each():
    import tracemalloc

    tracemalloc.start()
    places = put(list(range(100_000)))
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(places) == 100_000
    assert held / 100_000 < 26  # 20, and what arrays have in reserve
