"""The job of hierarchical occlusion: which labels it searches, what its records say, and what it refuses when."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mindspore import Tensor, nn, ops
from mindspore.dataset import GeneratorDataset
from numpy.typing import NDArray
from replicas import sigmoid
from unit.counterfactual.seen import Seen, ones

from explainer import ImageClassificationRunner, RunOptions, read_run
from explainer.counterfactual import EditStep, HierarchicalOcclusion
from explainer.data.batch import Batch, Sample
from explainer.errors import BadSampleError
from explainer.records import EditLayer, EditTree
from explainer.run.hierarchical_occlusion import HierarchicalOcclusionJob
from explainer.run.job import PredictedBatch, PredictedSample

FloatArray = NDArray[np.float32]
LABELS = ["ant", "bee", "cat", "dog"]
SMALL: dict[str, Any] = {"win_sizes": [4, 2], "strides": [2, 1]}  # for images of 8 x 12


def weights_of(channels: int) -> FloatArray:
    weights = np.zeros((4, 2 * channels), np.float32)
    weights[0, 0], weights[2, 0] = 8, 4
    weights[1, -2], weights[2, -2] = 8, 4
    return weights


BIAS = np.float32([-4, -4, -6, 2])


def two_pixels(images: FloatArray) -> FloatArray:
    """Probabilities of two pixels, 2 right and 1 down from the first corner, 3 left and 2 up from beyond the last.

    Label 0 sees the first one in channel 0, label 1 the second one in channel 1, label 2 needs both, label 3 is there
    whatever is shown. Where the first pixel of channel 2 is 1 and the second is not, all are NaN.
    """
    first, second = images[:, :, 1, 2], images[:, :, -2, -3]
    with np.errstate(all="ignore"):
        fault = 0 / (1 - (first[:, -1] - second[:, -1]))
        return sigmoid(np.concatenate([first, second], 1) @ weights_of(3).T + BIAS + fault[:, None])


class TwoPixels(nn.Cell):
    """The logits of `two_pixels`."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        weights, bias = Tensor(weights_of(channels)), Tensor(BIAS)
        self.fc = nn.Dense(2 * channels, 4, weight_init=weights, bias_init=bias)

    def construct(self, images: Tensor) -> Tensor:
        first, second = images[:, :, 1, 2], images[:, :, -2, -3]
        fault = 0 / (1 - (first[:, -1] - second[:, -1]))
        return self.fc(ops.concat([first, second], 1)) + fault[:, None]


def scene(ant: float = 0.0, bee: float = 0.0, *, faulty: bool = False, size: Sequence[int] = (3, 8, 12)) -> FloatArray:
    """An image that shows so much of an ant and a bee; if faulty, the network fails when it is edited."""
    image = np.zeros(size, np.float32)
    image[0, 1, 2], image[1, -2, -3] = ant, bee
    image[2, 1, 2] = image[2, -2, -3] = faulty
    return image


def job_of(network: Any = two_pixels, mask: Any = 0.0, **kwargs: Any) -> HierarchicalOcclusionJob:
    search = HierarchicalOcclusion(network, None, **(SMALL | {"threshold": 0.6} | kwargs))
    return HierarchicalOcclusionJob(search, mask)


def batch_of(*images: FloatArray, first_id: int = 10, probabilities: Any = None) -> PredictedBatch:
    told = probabilities or [two_pixels(image[None])[0] for image in images]
    samples = [Sample(first_id + place, image, ()) for place, image in enumerate(images)]
    return PredictedBatch(
        tuple(PredictedSample(sample, np.float32(row), (), ()) for sample, row in zip(samples, told, strict=True))
    )


def trees_of(job: HierarchicalOcclusionJob, *batches: PredictedBatch) -> list[Any]:
    records: list[Any] = list(job.start())
    for batch in batches:
        records += job.on_batch(batch)
    return [*records, *job.finish()]


def approximately(layers: Sequence[EditLayer]) -> list[tuple[Any, Any]]:
    return [(pytest.approx(layer.output, abs=1e-5), layer.boxes) for layer in layers]


def plain(layers: Sequence[EditLayer]) -> list[tuple[Any, Any]]:
    return [(layer.output, layer.boxes) for layer in layers]


def checked(job: HierarchicalOcclusionJob, *images: FloatArray) -> None:
    job.check(Batch(tuple(Sample(place, image, ()) for place, image in enumerate(images))), LABELS)


# ---- what is found ----


def test_each_label_has_the_first_window_that_shows_its_pixel_and_the_finer_one_in_it() -> None:
    ant, bee, cat, _ = trees_of(job_of(), batch_of(scene(1, 1)))
    assert plain(ant.layers) == approximately(
        [EditLayer(sigmoid(4), ((0, 0, 4, 4),)), EditLayer(sigmoid(4), ((1, 0, 2, 2),))]
    )
    # The pixel (9, 6) is first shown by the window at (6, 4): columns first, and 6 + 4 > 9.
    assert plain(bee.layers) == approximately(
        [EditLayer(sigmoid(4), ((6, 4, 4, 4),)), EditLayer(sigmoid(4), ((8, 5, 2, 2),))]
    )
    assert plain(cat.layers) == approximately(
        [
            EditLayer(sigmoid(2), ((0, 0, 4, 4), (6, 4, 4, 4))),
            EditLayer(sigmoid(2), ((1, 0, 2, 2), (8, 5, 2, 2))),
        ]
    )
    assert [(tree.sample_id, tree.label, tree.mask, tree.by_masking, tree.reason) for tree in (ant, bee, cat)] == [
        (10, label, "0.0", False, "") for label in (0, 1, 2)
    ]
    root = EditStep.from_dict(ant.tree)
    assert (root.layer, root.box, [step.box for step in root.leaf_steps]) == (-1, (0, 0, 12, 8), [(1, 0, 2, 2)])


def test_by_masking_the_window_that_hides_the_pixel_is_found() -> None:
    ant, _, cat, _ = trees_of(job_of(by_masking=True), batch_of(scene(1, 1)))
    assert ant.by_masking and cat.by_masking
    assert plain(ant.layers) == approximately(
        [EditLayer(sigmoid(-4), ((0, 0, 4, 4),)), EditLayer(sigmoid(-4), ((1, 0, 2, 2),))]
    )
    assert plain(cat.layers) == approximately(  # to hide one of the two is enough
        [EditLayer(sigmoid(-2), ((0, 0, 4, 4),)), EditLayer(sigmoid(-2), ((1, 0, 2, 2),))]
    )


def test_there_is_a_tree_for_each_label_strictly_above_the_threshold_and_for_no_other() -> None:
    just_above = float(np.nextafter(np.float32(0.5), np.float32(1)))
    told = [[0.5, just_above, 0.25, 0.9], [0.9, 0.5, 0.5, 0.4], [0.1, 0.2, 0.5, 0.3], [0.8, 0.7, 0.6, 0.9]]
    images = [scene(1, 1)] * 4
    found = trees_of(job_of(threshold=0.5), batch_of(*images, probabilities=told))
    assert [(tree.sample_id, tree.label) for tree in found] == [
        *((10, label) for label in (1, 3)),
        (11, 0),
        *((13, label) for label in (0, 1, 2, 3)),
    ]


@pytest.mark.parametrize(("threshold", "labels"), [(0.0, [0, 1, 2, 3]), (0.3, [1, 2, 3]), (0.75, [2])])
def test_the_threshold_is_that_of_the_search(threshold: float, labels: list[int]) -> None:
    batch = batch_of(scene(1, 1), probabilities=[[0.2, 0.6, 0.9, 0.7]])
    assert [tree.label for tree in trees_of(job_of(threshold=threshold), batch)] == labels


@pytest.mark.parametrize("by_masking", [False, True])
@pytest.mark.parametrize("mask", [None, "gaussian:2", 0.25, (0.1, -0.2, 0.3)])
def test_a_record_tells_what_the_search_alone_finds(mask: Any, by_masking: bool) -> None:
    sized = {"size": (3, 14, 17)} if mask is None else {}
    images = [scene(1, 1, **sized), scene(0.75, 1, **sized)]
    search = HierarchicalOcclusion(two_pixels, None, **SMALL, by_masking=by_masking)
    found = trees_of(job_of(mask=mask, threshold=0.5, by_masking=by_masking), batch_of(*images))
    with_result = [tree for tree in found if tree.layers]
    assert [(tree.sample_id, tree.label) for tree in with_result] == [
        (n, label) for n in (10, 11) for label in (0, 1, 2)
    ]
    for tree in with_result:
        root, outputs = search.search(images[tree.sample_id - 10], tree.label, mask)
        assert plain(tree.layers) == [
            (pytest.approx(output, abs=1e-6), tuple(step.box for step in root.get_layer_or_leaf_steps(layer)))
            for layer, output in enumerate(outputs)
        ]
        assert [step.box for step in EditStep.from_dict(tree.tree).leaf_steps] == [step.box for step in root.leaf_steps]
        assert EditStep.from_dict(tree.tree).stop_reason == root.stop_reason
        assert (tree.mask, tree.by_masking) == ("gaussian:1" if mask is None else str(mask), by_masking)


def test_a_box_without_finer_ones_stands_in_the_next_layer_too() -> None:
    """Only both pixels together do something: the first box alone changes nothing, so it is not searched."""
    job = job_of(Seen(lambda seen: 0.25 + 0.5 * seen[1, 2] * seen[6, 9]))
    case = PredictedSample(Sample(4, ones(8, 12, 3), ()), np.float32([0.25, 0.75]), (), ())
    (tree,) = trees_of(job, PredictedBatch((case,)))
    assert tree.layers == (
        EditLayer(0.75, ((0, 0, 4, 4), (6, 4, 4, 4))),
        EditLayer(0.75, ((0, 0, 4, 4), (8, 5, 2, 2))),
    )


def test_batches_of_another_size_change_nothing() -> None:
    images = [scene(1, 1), scene(0, 1), scene(0.8, 0.9)]
    together = trees_of(job_of(), batch_of(*images))
    alone = trees_of(job_of(), *(batch_of(image, first_id=10 + place) for place, image in enumerate(images)))
    assert [(tree.sample_id, tree.label, tree.reason) for tree in together] == [
        (tree.sample_id, tree.label, tree.reason) for tree in alone
    ]
    for one, other in zip(together, alone, strict=True):
        assert plain(one.layers) == approximately(other.layers)


@pytest.mark.parametrize(("height", "width", "window"), [(56, 60, 28), (64, 57, 28)])
def test_automatic_windows_and_mask_work_from_56_pixels_on(height: int, width: int, window: int) -> None:
    job = HierarchicalOcclusionJob(HierarchicalOcclusion(TwoPixels(), nn.Sigmoid(), threshold=0.6))
    image = scene(1, 1, size=(3, height, width))
    checked(job, image)
    ant, *_ = trees_of(job, batch_of(image))
    assert ant.mask == "gaussian:2"
    assert plain(ant.layers) == approximately([EditLayer(sigmoid(4), ((0, 0, window, window),))])


# ---- labels without a result ----


@pytest.mark.parametrize(
    ("mask", "told"),
    [(None, "gaussian:1"), ("gaussian:2", "gaussian:2"), (0.5, "0.5"), ((0.1, 0.2, 0.3), "(0.1, 0.2, 0.3)")],
)
def test_a_label_without_result_has_a_reason_the_mask_and_no_layers(mask: Any, told: str) -> None:
    image = scene(1, size=(3, 14, 17))
    (tree,) = [found for found in trees_of(job_of(mask=mask), batch_of(image)) if found.label == 3]
    assert "the background alone meets the threshold 0.6" in tree.reason
    assert tree == EditTree(10, 3, told, False, reason=tree.reason)


def test_by_masking_a_label_that_nothing_hides_says_so() -> None:
    *_, tree = trees_of(job_of(by_masking=True), batch_of(scene(1)))
    assert tree == EditTree(10, 3, "0.0", True, reason=tree.reason)
    assert "stays above the threshold 0.6 when every window is hidden" in tree.reason


def test_a_label_that_the_search_sees_below_the_threshold_says_so() -> None:
    (tree,) = trees_of(job_of(), batch_of(scene(), probabilities=[[0.7, 0, 0, 0]]))  # rounded otherwise in a batch
    assert "must be above the threshold 0.6 to be searched, got 0.0179862 for the image itself" in tree.reason
    assert (tree.label, tree.layers, tree.tree) == (0, (), None)


def test_the_labels_beside_one_without_result_have_theirs() -> None:
    found = trees_of(job_of(), batch_of(scene(1), scene(0, 1)))
    assert [(tree.sample_id, tree.label, bool(tree.layers), bool(tree.reason)) for tree in found] == [
        (10, 0, True, False),
        (10, 3, False, True),
        (11, 1, True, False),
        (11, 3, False, True),
    ]


@pytest.mark.parametrize(
    ("windows", "mask", "size", "told"),
    [
        (SMALL, 0.0, (3, 4, 12), "must be larger than the first window, 4, got a short side of 4"),
        ({"win_sizes": None, "strides": None}, "gaussian:1", (3, 55, 60), "at least 56 pixels, got 55"),
        (SMALL, None, (3, 12, 12), "at least 13 pixels for an automatic mask, got 12"),
        (SMALL, np.zeros((3, 8, 12), np.float32), (3, 8, 13), r"shape (3, 8, 13), got (3, 8, 12)"),
    ],
)
def test_a_later_sample_that_does_not_fit_says_why_for_each_label(
    windows: dict[str, Any], mask: Any, size: tuple[int, ...], told: str
) -> None:
    small = trees_of(job_of(mask=mask, **windows), batch_of(scene(1, 1, size=size)))
    assert [(tree.label, tree.layers, tree.tree) for tree in small] == [(label, (), None) for label in range(4)]
    assert all(told in tree.reason for tree in small)
    names = {0.0: "0.0", None: "", "gaussian:1": "gaussian:1"}
    wanted = "an image of shape (3, 8, 12)" if isinstance(mask, np.ndarray) else names[mask]
    assert {tree.mask for tree in small} == {wanted}


# ---- what is refused ----


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_images_that_have_not_three_channels_are_refused(channels: int) -> None:
    with pytest.raises(ValueError, match=rf"needs images of 3 channels, got {channels}; .*HierarchicalOcclusion alone"):
        checked(job_of(), np.zeros((channels, 8, 12), np.float32))


def test_the_check_looks_at_the_first_image_and_asks_the_network_nothing() -> None:
    job = job_of(silent)
    checked(job, scene(1))
    with pytest.raises(ValueError, match="larger than the first window, 4, got a short side of 4"):
        checked(job, scene(1, size=(3, 12, 4)))


def silent(images: FloatArray) -> FloatArray:
    """A network that must not be asked."""
    raise AssertionError("the network was asked")


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        ("gaussian:0", ValueError, "`mask` must be 'gaussian:N' with a whole number N of at least 1, got 'gaussian:0'"),
        ("median", ValueError, "`mask` must be 'gaussian:N'"),
        (0, TypeError, "`mask` must be None, 'gaussian:N', a float.*got int"),
        ((0.1, 0.2), ValueError, "mask"),
        (np.zeros((3, 8, 11), np.float32), ValueError, r"`mask` must have the image's shape \(3, 8, 12\)"),
        (np.full((3, 8, 12), np.nan, np.float32), BadSampleError, "`mask` must be finite"),
        (float("nan"), ValueError, "mask"),
    ],
)
def test_a_wrong_mask_is_refused_by_the_check(mask: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        checked(job_of(silent, mask), scene(1))


@pytest.mark.parametrize(("mask", "error"), [("gaussian:0", ValueError), (0, TypeError), ((0.1, 0.2), ValueError)])
def test_a_mask_that_is_no_image_is_refused_at_registration(mask: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="mask"):
        job_of(silent, mask)


# ---- what is recorded ----


@pytest.mark.parametrize(
    ("mask", "told"),
    [
        (None, "auto"),
        ("gaussian:5", "gaussian:5"),
        (0.25, "0.25"),
        ((0.1, 0.2, 0.3), "(0.1, 0.2, 0.3)"),
        (np.zeros((3, 8, 12), np.float32), "an image of shape (3, 8, 12)"),
        (Tensor(np.zeros((1, 3, 8, 12), np.float32)), "an image of shape (1, 3, 8, 12)"),
    ],
)
def test_parameters_tell_what_was_asked_for(mask: Any, told: str) -> None:
    assert job_of(mask=mask, by_masking=True).parameters == {
        "win_sizes": [4, 2],
        "strides": [2, 1],
        "threshold": 0.6,
        "by_masking": True,
        "mask": told,
    }


def test_parameters_of_automatic_windows_are_none() -> None:
    job = HierarchicalOcclusionJob(HierarchicalOcclusion(two_pixels))
    assert job.parameters == {
        "win_sizes": None,
        "strides": None,
        "threshold": 0.5,
        "by_masking": False,
        "mask": "auto",
    }


@pytest.mark.parametrize("kind", [np.asarray, Tensor])
def test_a_mask_that_is_an_image_is_told_by_its_shape_in_each_record(kind: Any) -> None:
    mask = kind(np.zeros((3, 8, 12), np.float32))
    found = trees_of(job_of(mask=mask), batch_of(scene(1, 1)))
    assert [tree.mask for tree in found] == ["an image of shape (3, 8, 12)"] * 4
    assert plain(found[0].layers) == plain(trees_of(job_of(), batch_of(scene(1, 1)))[0].layers)  # as the mask 0.0


# ---- in a run ----


def run(
    folder: Path,
    *images: FloatArray,
    network: nn.Cell | None = None,
    on_bad_sample: str = "raise",
    batch_size: int = 2,
    **kwargs: Any,
) -> None:
    rows = [(image, np.int32(place % 4)) for place, image in enumerate(images)]
    dataset = GeneratorDataset(rows, ["image", "label"], shuffle=False, num_parallel_workers=1)
    options = RunOptions(on_bad_sample=on_bad_sample, batch_size=batch_size)
    runner = ImageClassificationRunner(
        folder, (dataset, LABELS), network or TwoPixels(images[0].shape[0]), nn.Sigmoid(), options=options
    )
    runner.register_hierarchical_occlusion(**({"mask": 0.0, "threshold": 0.6} | SMALL | kwargs))
    runner.run()


def test_a_later_sample_that_is_too_small_is_told_and_the_run_goes_on(tmp_path: Path) -> None:
    run(tmp_path, scene(1, 1), scene(1, size=(3, 4, 9)), scene(0, 1))
    found = read_run(tmp_path)
    assert found.ended and list(found.samples) == [0, 1, 2]
    assert [[tree.label for tree in sample.edit_trees if tree.layers] for sample in found.samples.values()] == [
        [0, 1, 2],
        [],
        [1],
    ]
    assert all("larger than the first window" in tree.reason for tree in found.samples[1].edit_trees)
    assert [tree.label for tree in found.samples[1].edit_trees] == [0, 3]


AUTOMATIC: dict[str, Any] = {"win_sizes": None, "strides": None, "mask": None}


@pytest.mark.parametrize(
    ("size", "kwargs", "error", "message"),
    [
        ((1, 8, 12), {}, ValueError, "needs images of 3 channels, got 1"),
        ((4, 8, 12), {}, ValueError, "needs images of 3 channels, got 4"),
        ((3, 55, 60), AUTOMATIC, ValueError, "at least 56 pixels, got 55"),
        ((3, 60, 55), AUTOMATIC, ValueError, "at least 56 pixels, got 55"),
        ((3, 8, 12), {"mask": "gaussian:1.5"}, ValueError, "`mask` must be 'gaussian:N'"),
        ((3, 8, 12), {"mask": 7}, TypeError, "`mask` must be None"),
        ((3, 8, 12), {"mask": (0.5, 0.5)}, ValueError, "mask"),
    ],
)
def test_what_does_not_fit_is_refused_before_any_file_exists(
    tmp_path: Path, size: tuple[int, ...], kwargs: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(tmp_path / "job", np.zeros(size, np.float32), **kwargs)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("by_masking", "batch_size"), [(False, 5), (True, 2)])
def test_a_network_that_fails_on_an_edited_image_ends_the_run_and_the_samples_before_stay(
    tmp_path: Path, by_masking: bool, batch_size: int
) -> None:
    images = [scene(1, 1), scene(0, 1), scene(1, 0), scene(1, 1, faulty=True), scene(1)]
    assert np.isfinite(two_pixels(images[3][None])).all()  # the image itself is fine
    with pytest.raises(BadSampleError, match="the hierarchical occlusion of sample 3 met a NaN or an infinity") as told:
        run(tmp_path, *images, by_masking=by_masking, batch_size=batch_size)
    assert told.value.sample_id == 3
    found = read_run(tmp_path)
    assert (list(found.samples), found.unfinished, found.ended, found.findings) == ([0, 1, 2], (), False, ())
    assert all(sample.edit_trees for sample in found.samples.values())


@pytest.mark.parametrize("batch_size", [2, 5])
def test_with_skip_only_that_sample_is_lost(tmp_path: Path, batch_size: int) -> None:
    images = [scene(1, 1), scene(1, 1, faulty=True), scene(1, 0), scene(0, 1, faulty=True), scene(0, 1)]
    run(tmp_path, *images, on_bad_sample="skip", batch_size=batch_size)
    found = read_run(tmp_path)
    assert found.ended and list(found.samples) == [0, 2, 4]
    assert found.skipped == {
        number: f"the hierarchical occlusion of sample {number} met a NaN or an infinity" for number in (1, 3)
    }
    for number, labels in ((0, [0, 1, 2]), (2, [0]), (4, [1])):
        assert [tree.label for tree in found.samples[number].edit_trees if tree.layers] == labels


def test_a_faulty_image_that_is_not_searched_costs_nothing(tmp_path: Path) -> None:
    run(tmp_path, scene(1), scene(1, faulty=True), threshold=0.99)
    found = read_run(tmp_path)
    assert [sample.edit_trees for sample in found.samples.values()] == [(), ()]
