"""Samples of a run are given out to workers: each once, in rising order, and again to who had them."""

from __future__ import annotations

from itertools import pairwise

from explainer.run.coordinator import UNCOUNTED, Coordinator


def taken(coordinator: Coordinator, worker: str, start: int, total: int = 10, most: int = 4) -> tuple[int, ...]:
    return coordinator.claim(worker, start, total, most).samples


def test_every_sample_is_given_to_one_worker() -> None:
    coordinator = Coordinator(3)
    start = {"a": 0, "b": 0, "c": 0}
    given: dict[str, list[int]] = {worker: [] for worker in start}
    for worker in "abcacbaabccabcbacbbaabcabc":
        share = coordinator.claim(worker, start[worker], 20, 4)
        start[worker] = share.stop
        given[worker] += [sample for sample in share.samples if sample < 20]
    assert sorted(sample for samples in given.values() for sample in samples) == list(range(20))
    assert all(samples == sorted(samples) for samples in given.values())


def test_a_worker_that_begins_anew_gets_its_own_ranges_again_and_then_others() -> None:
    coordinator = Coordinator(1)
    first, second = (coordinator.claim("a", start, 100, 4) for start in (0, 4))
    assert taken(coordinator, "b", 0, 100) == (8, 9, 10, 11)
    assert [coordinator.claim("a", start, 100, 4) for start in (0, first.stop)] == [first, second]
    assert taken(coordinator, "a", second.stop, 100) == (12, 13, 14, 15)


def test_what_another_folder_has_is_not_given_out_and_what_the_own_has_is() -> None:
    coordinator = Coordinator(1, {"a": [1], "b": [0, 3], "gone": [2]})
    assert taken(coordinator, "b", 0, 100) == (0, 3)
    assert coordinator.done == 4
    assert coordinator.done_by("b") == [0, 3]


def test_it_is_known_at_which_sample_a_worker_is() -> None:
    coordinator = Coordinator(1)
    coordinator.claim("a", 0, 100, 4)
    assert coordinator.at("a") == 0
    coordinator.note("a", 0)
    assert coordinator.at("a") == 1
    assert coordinator.at("b") is None


def test_ranges_become_small_so_that_workers_are_ready_together() -> None:
    coordinator = Coordinator(2)
    stops = [0]
    while stops[-1] < 60:
        stops.append(coordinator.claim("ab"[len(stops) % 2], stops[-1], 60, 8).stop)
    sizes = [end - start for start, end in pairwise(stops)]
    assert sizes[0] == 8
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-6:] == [1] * 6


def test_where_nobody_knows_how_many_samples_there_are_ranges_go_on_without_an_end() -> None:
    coordinator = Coordinator(2)
    shares = [coordinator.claim("a", start * UNCOUNTED, None, 32) for start in range(3)]
    assert [share.stop for share in shares] == [UNCOUNTED, 2 * UNCOUNTED, 3 * UNCOUNTED]
    assert coordinator.total is None
