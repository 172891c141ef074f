"""A sample's randomness belongs to it alone."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from explainer.streams import sample_stream

IMAGE = np.random.default_rng(0).standard_normal((2, 5, 7)).astype(np.float32)


def drawn(seed: int = 7, image: NDArray[np.float32] = IMAGE, *branch: int) -> list[float]:
    return sample_stream(seed, image, *branch).random(20).tolist()


def one_pixel_changed() -> NDArray[np.float32]:
    image = IMAGE.copy()
    image[1, 3, 4] = np.nextafter(image[1, 3, 4], np.float32(9))
    return image


def test_the_same_sample_draws_the_same_numbers() -> None:
    assert drawn(7, IMAGE, 1, 2) == drawn(7, IMAGE.copy(), 1, 2)


def test_a_view_draws_what_its_copy_draws() -> None:
    batch = np.stack([IMAGE, 2 * IMAGE])
    turned = np.asfortranarray(batch[1])
    assert drawn(7, turned) == drawn(7, 2 * IMAGE)


@pytest.mark.parametrize(
    "other",
    [(8, IMAGE, 1, 2), (7, one_pixel_changed(), 1, 2), (7, IMAGE, 1, 3), (7, IMAGE, 2, 1), (7, IMAGE, 1)],
    ids=["seed", "last bit of one pixel", "branch", "order of branches", "fewer branches"],
)
def test_another_seed_content_or_branch_draws_other_numbers(other: tuple[int, ...]) -> None:
    assert not set(drawn(*other)) & set(drawn(7, IMAGE, 1, 2))


def test_drawing_leaves_numpy_s_global_state_alone() -> None:
    before = repr(np.random.get_state())
    drawn()
    assert repr(np.random.get_state()) == before


def test_numbers_of_neighbouring_branches_are_not_correlated() -> None:
    first, second = (sample_stream(7, IMAGE, branch).standard_normal(10_000) for branch in (0, 1))
    # The correlation of independent numbers has the standard error 1 / sqrt(10 000) = 0.01; 4 of them.
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.04
