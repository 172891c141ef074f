"""What the dataset room makes of the rows of a MindSpore dataset."""

import logging
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import mindspore.dataset
import numpy as np
import pytest
from mindspore.dataset import GeneratorDataset

from explainer.data.mindspore_dataset import has_boxes, pairs_of, read_batches, require_dataset, sample_count
from explainer.records import Box

CLASSES = 4
HEIGHT, WIDTH = 5, 7


def images_of(count, channels=3, size=(HEIGHT, WIDTH)):
    return np.random.default_rng(count).standard_normal((count, channels, *size)).astype(np.float32)


def rows_of(*columns):
    return [tuple(np.asarray(value) for value in row) for row in zip(*columns, strict=True)]


def dataset_of(rows, batch_size=None):
    """The rows as a dataset of [images], [images, labels] or [images, labels, bboxes], batched or not."""
    names = ["image", "label", "box", "more"][: len(rows[0])]
    dataset = GeneratorDataset(rows, names, shuffle=False, num_parallel_workers=1)
    return dataset if batch_size is None else dataset.batch(batch_size)


def stream_of(rows):
    """As `dataset_of`, from a source without a length."""
    names = ["image", "label", "box"][: len(rows[0])]
    return GeneratorDataset(lambda: iter(rows), names, shuffle=False, num_parallel_workers=1)


def samples_of(dataset, classes=CLASSES, label_format="auto"):
    return [sample for batch in read_batches(dataset, classes, 32, label_format) for sample in batch.samples]


def labels_of(labels, classes=CLASSES, batch_size=None, label_format="auto"):
    rows = rows_of(images_of(len(labels)), labels)
    return [sample.labels for sample in samples_of(dataset_of(rows, batch_size), classes, label_format)]


def boxes_of(labels, boxes):
    rows = rows_of(images_of(1), [np.array(labels, np.int32)], [np.array(boxes, np.float32)])
    return samples_of(dataset_of(rows))[0].boxes


class CountingSource:
    """Nine rows, and which of them were read."""

    def __init__(self):
        self.read = []

    def __len__(self):
        return 9

    def __getitem__(self, place):
        self.read.append(place)
        return np.full((3, HEIGHT, WIDTH), place, np.float32), np.array(place % CLASSES)


class CountingStream:
    """As CountingSource, without a length, or more of them with one label."""

    def __init__(self, count=9, label=None):
        self.source = CountingSource()
        self.count = count
        self.label = label

    @property
    def read(self):
        return self.source.read

    def __iter__(self):
        for place in range(self.count):
            image, label = self.source[place]
            yield image, label if self.label is None else np.array(self.label)


# ---- images ----


@pytest.mark.parametrize("batch_size", [None, 1, 2])
def test_rows_of_one_image_and_rows_of_a_batch_give_the_same_samples(batch_size):
    images = images_of(5)
    samples = samples_of(dataset_of(rows_of(images, [3, 0, 1, 1, 2]), batch_size))
    assert [sample.sample_id for sample in samples] == [0, 1, 2, 3, 4]
    assert [sample.labels for sample in samples] == [(3,), (0,), (1,), (1,), (2,)]
    np.testing.assert_array_equal([sample.image for sample in samples], images)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_one_three_and_four_channels_are_read_as_they_are(channels):
    images = images_of(2, channels)
    np.testing.assert_array_equal([sample.image for sample in samples_of(dataset_of(rows_of(images)))], images)


@pytest.mark.parametrize("batch_size", [None, 1])
@pytest.mark.parametrize("channels", [2, 5])
def test_two_and_five_channels_are_refused_with_shape_and_sample(channels, batch_size):
    rows = [(images_of(1)[0],), (images_of(1)[0],), (images_of(1, channels)[0],)]
    with pytest.raises(ValueError, match=rf"1, 3 or 4 channels, got shape \(.*{channels}, 5, 7\) at sample 2"):
        samples_of(dataset_of(rows, batch_size))


def test_channels_last_are_refused_with_the_line_to_add():
    with pytest.raises(ValueError, match=r"got shape \(5, 7, 3\).*HWC2CHW"):
        samples_of(dataset_of([(np.zeros((5, 7, 3), np.float32),)]))


def test_the_line_for_a_batch_with_its_channels_last_does_what_it_says():
    dataset = dataset_of([(np.zeros((2, 5, 7, 3), np.float32),)])
    with pytest.raises(ValueError, match=r"got shape \(2, 5, 7, 3\).*add dataset\.map\(lambda") as caught:
        samples_of(dataset)
    (line,) = re.findall(r"lambda images: [^:]*\(0, 3, 1, 2\)", str(caught.value))
    mended = dataset.map(eval(line), input_columns=dataset.get_col_names()[:1])
    assert [sample.image.shape for sample in samples_of(mended)] == [(3, 5, 7)] * 2


@pytest.mark.parametrize("shape", [(5, 7), (1, 1, 3, 5, 7), (3, 0, 7)])
def test_images_of_another_number_of_axes_or_without_pixels_are_refused(shape):
    with pytest.raises(ValueError, match=r"images must be \(C, H, W\) or \(N, C, H, W\)"):
        samples_of(stream_of([(np.zeros(shape, np.float32),)]))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float16, np.float64])
def test_images_of_any_number_type_become_float32_of_the_same_values(dtype):
    image = np.arange(2 * 3 * 3).reshape(3, 2, 3).astype(dtype)
    read = samples_of(dataset_of([(image,)]))[0].image
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, image.astype(np.float32))


@pytest.mark.parametrize("image", [np.full((3, 2, 2), "x"), np.ones((3, 2, 2), bool)])
def test_images_that_are_not_numbers_are_refused(image):
    with pytest.raises(TypeError, match=r"images must hold numbers, got dtype .* at sample 0"):
        samples_of(dataset_of([(image,)]))


def test_images_in_a_dict_are_refused_with_the_sample():
    with pytest.raises(TypeError, match=r"images .* at sample 0"):
        samples_of(stream_of([({"image": images_of(1)[0]},)]))


# ---- columns ----


def test_one_two_and_three_columns_are_accepted_and_boxes_are_the_third():
    rows = rows_of(images_of(1), [2], [[[1, 0, 2, 3]]])
    datasets = [dataset_of([row[:count] for row in rows]) for count in (1, 2, 3)]
    for dataset in datasets:
        require_dataset(dataset)
    assert [has_boxes(dataset) for dataset in datasets] == [False, False, True]
    found = [samples_of(dataset)[0] for dataset in datasets]
    assert [(sample.labels, sample.boxes) for sample in found] == [
        ((), ()),
        ((2,), ()),
        ((2,), (Box(2, 1, 0, 2, 3),)),
    ]


def test_a_fourth_column_is_refused_with_the_names_of_all():
    with pytest.raises(ValueError, match=r"got 4: image, label, box, more; keep these with dataset\.project"):
        require_dataset(dataset_of(rows_of(images_of(1), [2], [[[1, 0, 2, 3]]], [0])))


@pytest.mark.parametrize("value", [None, [np.zeros((3, 2, 2))], np.zeros((1, 3, 2, 2))])
def test_what_is_not_a_mindspore_dataset_is_a_type_error(value):
    with pytest.raises(TypeError, match=rf"`data\[0\]` must be a MindSpore dataset .*got {type(value).__name__}"):
        require_dataset(value)


def test_a_dataset_of_known_length_zero_is_a_value_error():
    with pytest.raises(ValueError, match=r"`data\[0\]` must have at least one sample"):
        require_dataset(GeneratorDataset([], ["image"], shuffle=False))


GOOD_ROW = (np.ones((3, HEIGHT, WIDTH), np.float32), np.array(2), np.array([[1, 0, 2, 3]], np.float32))


def rows_with(value, place):
    """Three good rows, but for the value in one of the columns of the second, or of each where it is a dictionary."""
    bad = tuple(value if column == place else good for column, good in enumerate(GOOD_ROW))
    rows = [bad] * 3 if isinstance(value, dict) else [GOOD_ROW, bad, GOOD_ROW]
    return GeneratorDataset(lambda: iter(rows), ["scan", "meta", "zones"], shuffle=False, num_parallel_workers=1)


@pytest.mark.parametrize("batch_size", [None, 2])
@pytest.mark.parametrize(
    ("place", "what"),
    [(0, "images must hold numbers"), (1, "labels must be class ids"), (2, "bboxes must hold numbers")],
)
@pytest.mark.parametrize("value", [{"label": 1, "name": "scan"}, {"label": np.array([1]), "of": np.array(["a", "b"])}])
def test_a_column_of_dictionaries_is_refused_with_its_keys_and_the_way_out(value, place, what, batch_size):
    dataset = rows_with(value, place)
    name = ["scan", "meta", "zones"][place]
    keys = ", ".join(f"'{key}'" for key in value)
    way_out = rf"dataset\.map\(lambda entry: entry\[key\], input_columns=\['{name}'\]\)$"
    with pytest.raises(
        TypeError, match=rf"^{what}.*, got a dict of {keys} at sample 0 of column '{name}'; .*{way_out}"
    ):
        samples_of(dataset if batch_size is None else dataset.batch(batch_size))


def test_the_way_out_of_a_column_of_dictionaries_works():
    dataset = rows_with({"label": 3, "name": "scan"}, 1)
    mended = dataset.map(lambda entry: entry["label"], input_columns=["meta"])
    assert [sample.labels for sample in samples_of(mended)] == [(3,), (3,), (3,)]


def test_what_mindspore_cannot_carry_is_told_in_one_line():
    """In a process of its own: after many other datasets MindSpore's threads have once hung on such rows."""
    cases = Path(__file__).parent / "refused_rows.py"
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(cases)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stdout[-3000:]
    assert "42 passed" in ended.stdout


@pytest.mark.parametrize(
    ("place", "value", "error", "told"),
    [
        (
            0,
            "scan.png",
            TypeError,
            r"images must hold numbers, got dtype <U8 at sample 1 of column 'scan'; .*Decode\(\)",
        ),
        (
            0,
            b"\x89PNG",
            TypeError,
            r"images must hold numbers, got dtype \|S4 at sample 1 of column 'scan'; .*Decode\(\)",
        ),
        (0, np.ones((3, 5, 7), bool), TypeError, "images must hold numbers, got dtype bool .*; convert to float32"),
        (0, np.ones((5, 7, 3)), ValueError, r"got shape \(5, 7, 3\) at sample 1 of column 'scan'; .*HWC2CHW"),
        (0, np.ones((2, 5, 7)), ValueError, r"1, 3 or 4 channels, got shape \(2, 5, 7\) at sample 1 of column 'scan'"),
        (
            0,
            np.ones((5, 7)),
            ValueError,
            r"got shape \(5, 7\) at sample 1 .*; for images without channels add .*image\[None\]",
        ),
        (0, np.ones((3, 0, 7)), ValueError, r"got shape \(3, 0, 7\) at sample 1 .*; leave images without pixels out"),
        (
            0,
            np.array(2.0),
            ValueError,
            r"got shape \(\) at sample 1 of column 'scan'; the first column must be the images",
        ),
        (1, "cat", TypeError, "labels must be .*, got dtype <U3 at sample 1 of column 'meta'; give each name's number"),
        (
            1,
            b"cat",
            TypeError,
            r"labels must be .*, got dtype \|S3 at sample 1 of column 'meta'; give each name's number",
        ),
        (
            1,
            np.ones((1, 2), int),
            ValueError,
            r"\(1, k\) beside 1 images, got \(1, 1, 2\) at sample 1 of column 'meta'",
        ),
        (
            2,
            "box",
            TypeError,
            "bboxes must hold numbers, got dtype <U3 at sample 1 of column 'zones'; give .x, y, width",
        ),
        (2, np.ones(4), ValueError, r"\(1, k, 4\) .*, got shape \(1, 4\) at sample 1 of column 'zones'; give k boxes"),
        (2, np.ones((1, 1, 4)), ValueError, r"\(1, k, 4\) .*, got shape \(1, 1, 1, 4\) at sample 1 of column 'zones'"),
        (2, np.ones((2, 5)), ValueError, r"\(1, k, 4\) .*, got shape \(1, 2, 5\) at sample 1 of column 'zones'"),
        (2, np.array(1.0), ValueError, r"\(1, k, 4\) .*, got shape \(1,\) at sample 1 of column 'zones'"),
    ],
)
def test_a_value_that_a_column_cannot_hold_is_refused_with_sample_column_and_advice(place, value, error, told):
    with pytest.raises(error, match=told) as refusal:
        samples_of(rows_with(value, place))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("failure", [KeyError(None), AttributeError("no shape"), RuntimeError(), Warning("odd")])
def test_whatever_a_dataset_raises_while_it_is_read_becomes_one_line(failure, monkeypatch):
    dataset = dataset_of(rows_of(images_of(2)))

    def broken(**_):
        raise failure

    monkeypatch.setattr(dataset, "create_tuple_iterator", broken)
    with pytest.raises(ValueError, match=r"^`data\[0\]` failed after 0 samples: .+$"):
        samples_of(dataset)


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("batch_size", [None, 2])
def test_pairs_of_dictionaries_are_refused_with_the_column(place, batch_size):
    bad = [(image, image.mean()) for image in images_of(2)]
    bad = [tuple({"value": entry} if column == place else entry for column, entry in enumerate(row)) for row in bad]
    dataset = GeneratorDataset(lambda: iter(bad), ["inputs", "meta"], shuffle=False, num_parallel_workers=1)
    name = ["inputs", "meta"][place]
    with pytest.raises(TypeError, match=f"must hold numbers, got a dict of 'value' at sample 0 of column '{name}'"):
        list(pairs_of(dataset if batch_size is None else dataset.batch(batch_size), 4))


def test_pairs_come_in_batches_and_a_failure_says_after_how_many():
    images = images_of(3)

    def rows():
        yield from ((image, np.array(place)) for place, image in enumerate(images))
        time.sleep(0.3)
        raise KeyError("row is lost")

    dataset = GeneratorDataset(rows, ["inputs", "targets"], shuffle=False, num_parallel_workers=1)
    seen = []
    with pytest.raises(ValueError, match=r"failed after 3 samples: KeyError: 'row is lost'"):
        seen.extend(pairs_of(dataset, 4))
    assert [(inputs.shape, targets.tolist()) for inputs, targets in seen] == [((1, 3, 5, 7), [n]) for n in range(3)]


# ---- labels ----


@pytest.mark.parametrize("batch_size", [None, 2, 3])
def test_a_label_each_is_that_label(batch_size):
    assert labels_of([3, 1, 0], batch_size=batch_size) == [(3,), (1,), (0,)]


@pytest.mark.parametrize("batch_size", [None, 2, 3])
@pytest.mark.parametrize("padding", [-1, CLASSES, 255])
def test_rows_of_labels_lose_their_padding_and_come_sorted_without_duplicates(padding, batch_size):
    rows = [[3, 1, padding], [2, padding, 2], [padding] * 3]
    assert labels_of(rows, batch_size=batch_size) == [(1, 3), (2,), ()]


@pytest.mark.parametrize("dtype", [np.int32, np.float32, np.uint8, bool])
@pytest.mark.parametrize("batch_size", [None, 3])
def test_rows_of_as_many_zeros_and_ones_as_classes_are_one_hot_or_multi_hot(dtype, batch_size, caplog):
    rows = np.array([[0, 0, 0, 1], [1, 0, 1, 0], [0, 0, 0, 0]], dtype)
    with caplog.at_level(logging.INFO, "explainer"):
        assert labels_of(rows, batch_size=batch_size) == [(3,), (0, 2), ()]
    assert [record.getMessage() for record in caplog.records if "one-hot" in record.getMessage()] == [
        "labels: rows of 4 zeros and ones are read as one-hot rows"
    ]


def test_rows_of_zeros_and_ones_of_another_length_are_class_ids(caplog):
    with caplog.at_level(logging.INFO, "explainer"):
        assert labels_of([[0, 1, 1], [1, 1, 1]]) == [(0, 1), (1,)]
    assert not [record for record in caplog.records if "one-hot" in record.getMessage()]


def test_as_many_class_ids_as_classes_are_class_ids_when_one_is_above_one():
    assert labels_of([[0, 1, 2, -1], [0, 0, 0, 1]]) == [(0, 1, 2), (0, 1)]


def test_a_one_of_the_only_class_is_no_id_but_says_that_it_is_there():
    assert labels_of([[0], [1]], classes=1) == [(), (0,)]


def ragged(*labels):
    """The labels of each sample in rows of their own length, as a dataset of single samples can have them."""
    rows = [(image, np.array(row, np.int32)) for image, row in zip(images_of(len(labels)), labels, strict=True)]
    return stream_of(rows)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)])
@pytest.mark.parametrize(
    ("labels", "classes", "wanted"),
    [
        ([[1], [0, 1], [0]], 2, [(1,), (0, 1), (0,)]),
        ([[0, 1], [1, 0], [1, -1]], 2, [(0, 1), (0, 1), (1,)]),
        ([[0, 1, 1], [1], []], 3, [(0, 1), (1,), ()]),
        ([[0, 0, 1], [2, 1, -1], [1, 0, 0]], 3, [(0, 1), (1, 2), (0, 1)]),
        ([[0], [-1], [0]], 1, [(0,), (), (0,)]),
        ([[0], [1], [0]], 1, [(), (0,), ()]),
        ([[0, 0, 1], [1, 0, 1], [0, 0, 0]], 3, [(2,), (0, 2), ()]),
    ],
)
def test_what_labels_mean_does_not_depend_on_the_order_of_the_samples(labels, classes, wanted, order):
    read = samples_of(ragged(*(labels[place] for place in order)), classes)
    assert [sample.labels for sample in read] == [wanted[place] for place in order]


def test_every_sample_says_how_its_labels_were_read():
    def formats(*columns):
        return {sample.label_format for sample in samples_of(dataset_of(rows_of(*columns)))}

    assert formats(images_of(2)) == {None}
    assert formats(images_of(2), [0, 1]) == {"ids"}
    assert formats(images_of(2), [[0, 0, 1, 0], [1, 1, 0, 0]]) == {"multi-hot"}


@pytest.mark.parametrize("batch_size", [None, 1, 2, 3])
@pytest.mark.parametrize(
    ("labels", "classes", "told"),
    [
        ([[0, 1], [1, 0], [0, 0]], 2, r"\[0, 1\] at sample 0 of column 'label' is label 0 and 1 .* and label 1 if"),
        ([[1, 1], [1, 0], [0, 0]], 2, r"\[1, 1\] at sample 0 of column 'label' is label 1 .* and label 0 and 1 if"),
        ([[0], [0], [0]], 1, r"\[0\] at sample 0 of column 'label' is label 0 .* and no label if"),
        ([0, 0, 0], 1, r"\[0\] at sample 0 of column 'label' is label 0 .* and no label if"),
    ],
)
def test_zeros_and_ones_of_one_or_two_classes_that_can_be_both_are_asked_about(labels, classes, told, batch_size):
    ask = r'; give RunOptions\(label_format="ids"\) or RunOptions\(label_format="multi-hot"\)$'
    with pytest.raises(ValueError, match=f"^labels can be read in two ways: {told}.*{ask}"):
        labels_of(np.array(labels), classes, batch_size)


@pytest.mark.parametrize("batch_size", [None, 2])
def test_the_option_answers(batch_size):
    both = [[0, 1], [1, 0], [0, 0], [1, 1]]
    assert labels_of(both, 2, batch_size, "ids") == [(0, 1), (0, 1), (0,), (1,)]
    assert labels_of(both, 2, batch_size, "multi-hot") == [(1,), (0,), (), (0, 1)]
    assert labels_of([[0], [0], [0]], 1, batch_size, "ids") == [(0,), (0,), (0,)]
    assert labels_of([[0], [0], [0]], 1, batch_size, "multi-hot") == [(), (), ()]


@pytest.mark.parametrize("batch_size", [None, 2])
def test_the_option_outweighs_what_the_rows_seem_to_be(batch_size):
    assert labels_of([[0, 0, 1], [1, 1, 1]], 3, batch_size, "ids") == [(0, 1), (1,)]
    assert labels_of([[0, 0, 1, -1]], 4, None, "ids") == [(0, 1)]


def test_an_unknown_format_is_refused_with_the_choices():
    with pytest.raises(ValueError, match=r"`label_format` must be one of auto, ids, multi-hot, got 'onehot'"):
        labels_of([1, 2], label_format="onehot")


@pytest.mark.parametrize("batch_size", [None, 2, 3])
@pytest.mark.parametrize("dtype", [np.int32, np.float32, np.uint8, bool])
@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_the_only_class_may_have_a_column_of_zeros_and_ones_of_any_dtype(shape, dtype, batch_size):
    column = np.array([0, 1, 1], dtype).reshape(shape)
    for label_format in ("auto", "multi-hot"):
        assert labels_of(column, 1, batch_size, label_format) == [(), (0,), (0,)]


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_the_only_class_may_have_ids_and_minus_one(shape):
    column = np.array([0, -1, 0], np.int32).reshape(shape)
    for label_format in ("auto", "ids"):
        assert labels_of(column, 1, None, label_format) == [(0,), (), (0,)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, bool])
def test_two_zeros_and_ones_that_are_no_integers_are_multi_hot(dtype):
    assert labels_of(np.array([[0, 1], [1, 1], [0, 0]], dtype), 2) == [(1,), (0, 1), ()]


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (
            [[1], [-1]],
            r"read as a zero or one for each class, as \[1\] at sample 0 .*, but \[-1\] at sample 1 of column",
        ),
        (
            [[-1], [1]],
            r"read as class ids, as \[-1\] at sample 0 .*, but \[1\] at sample 1 of column 'label' can only be a",
        ),
    ],
)
@pytest.mark.parametrize("batch_size", [None, 2])
def test_rows_that_contradict_one_another_are_refused_with_both_samples_and_the_option(labels, told, batch_size):
    with pytest.raises(ValueError, match=rf'{told}.*RunOptions\(label_format="ids"\) or RunOptions'):
        labels_of(labels, 1, batch_size)


@pytest.mark.parametrize("row", [[2, 0, 0], [1, 0], [0, 1, -1]])
def test_ids_after_so_many_zeros_and_ones_that_no_more_could_wait_are_refused(row):
    labels = [[0, 0, 1]] * 256 + [row]
    with pytest.raises(ValueError, match=r"the samples before were rows of 3 zeros and ones, but \[.*at sample 256"):
        samples_of(ragged(*labels), 3)
    assert [sample.labels for sample in samples_of(ragged(*labels[1:]), 3)][:2] == [(0, 1), (0, 1)]


def test_as_many_samples_wait_as_the_bound_says_and_no_more():
    source = CountingStream(400, label=[0, 1, 1])
    dataset = GeneratorDataset(source, ["image", "label"], shuffle=False, num_parallel_workers=1, max_rowsize=-1)
    batches = read_batches(dataset, 3, 10)
    assert next(batches).samples[0].labels == (1, 2)
    batches.close()
    assert 256 <= len(source.read) < 400


def test_large_images_that_wait_are_fewer():
    """Ten images of 12 MB: six are more than 64 MB, and the row of ids comes too late."""
    labels = [[0, 1]] * 9 + [[1, -1]]
    rows = ((np.zeros((3, 1000, 1000), np.float32), np.array(row)) for row in labels)
    dataset = GeneratorDataset(lambda: rows, ["image", "label"], shuffle=False, num_parallel_workers=1)
    with pytest.raises(ValueError, match="labels can be read in two ways"):
        samples_of(dataset, 2)


def test_class_ids_and_floats_wait_for_nothing():
    for label in (1, [2, -1, -1], np.float32([0, 1, 1])):
        source = CountingStream(90, label=label)
        dataset = GeneratorDataset(source, ["image", "label"], shuffle=False, num_parallel_workers=1)
        batches = read_batches(dataset, 3, 2)
        next(batches)
        batches.close()
        assert len(source.read) < 60


def test_samples_that_waited_are_given_out_before_the_failure_of_the_dataset():
    seen, error = read_until_failure(5, 2, awaited=6, seconds=0.3, grace=0.3, label=[0, 1, 0])
    assert seen == [0, 1, 2, 3, 4]
    assert "row is lost" in str(error)


def test_the_failure_of_the_dataset_goes_before_the_question_what_its_labels_mean():
    seen, error = read_until_failure(5, 2, awaited=6, seconds=0.3, grace=0.3, label=[0, 1], classes=2)
    assert seen == []
    assert "row is lost" in str(error)


@pytest.mark.parametrize("later", [[0, 0, -1, 0], [0, 0, 9, 1], [1, -1, 1, -1]])
@pytest.mark.parametrize("batch_size", [None, 3])
def test_zeros_and_ones_with_something_unknown_among_them_are_refused(later, batch_size):
    with pytest.raises(
        ValueError, match=r"got \[.*\] at sample 2 of column 'label': ids that name a label twice, or zer"
    ):
        labels_of([[0, 0, 1, 0], [1, 0, 0, 0], later], batch_size=batch_size)


def test_a_label_that_stands_twice_beside_boxes_is_an_id_for_each_of_them():
    boxes = np.tile(np.array([[0, 1, 1, 2], [4, 2, 3, 1], [0, 0, 2, 2]], np.float32), (2, 1, 1))
    read = samples_of(dataset_of(rows_of(images_of(2), [[0, 0, -1], [1, 0, 0]], boxes)), 3)
    assert [[box.label for box in sample.boxes] for sample in read] == [[0, 0], [1, 0, 0]]


def test_zeros_and_ones_with_a_box_for_each_are_asked_about():
    boxes = np.zeros((2, 3, 4), np.float32)
    dataset = dataset_of(rows_of(images_of(2), [[0, 0, 1], [1, 0, 0]], boxes))
    with pytest.raises(
        ValueError, match=r"two ways: \[0, 0, 1\] at sample 0 .* is label 0 and 1 if .*, and label 2 if"
    ):
        samples_of(dataset, 3)
    assert [len(sample.boxes) for sample in samples_of(dataset, 3, "ids")] == [3, 3]
    assert [len(sample.boxes) for sample in samples_of(dataset, 3, "multi-hot")] == [1, 1]


@pytest.mark.parametrize("batch_size", [None, 2])
@pytest.mark.parametrize(
    ("labels", "label_format", "error", "told"),
    [
        (
            [2, 1],
            "multi-hot",
            ValueError,
            "a zero or one for each of 4 classes, .* got one number per image at sample 0",
        ),
        ([[1, 0], [0, 1]], "multi-hot", ValueError, 'says, got rows of 2 at sample 0 .*RunOptions.label_format="ids"'),
        ([[0, 1, 1, 0], [0, 3, 1, 0]], "multi-hot", ValueError, r"got \[0, 3, 1, 0\] at sample 1 of column 'label'"),
        ([[0, 1, 1, 0], [0, np.nan, 1, 0]], "multi-hot", ValueError, r"got \[0.0, nan, 1.0, 0.0\] at sample 1"),
        ([[0, 1, 1, 0], [0, np.nan, 1, 0]], "auto", ValueError, r"got \[0.0, nan, 1.0, 0.0\] at sample 1"),
        ([[0, 1, 1, 0], [0, 0.25, 0.75, 0]], "auto", ValueError, r"got \[0.0, 0.25, 0.75, 0.0\] at sample 1"),
        (
            [[0.0, 1, 1, 0], [0, 1, 1, 0]],
            "ids",
            TypeError,
            "integers. as RunOptions.* says, got dtype float64 and rows of",
        ),
        ([True, False], "ids", TypeError, "got dtype bool and one number per image at sample 0"),
        ([0.5, 1.0], "auto", TypeError, "integers. or one-hot rows of 4, got dtype float64 and one number per image"),
        ([np.nan, 1.0], "auto", TypeError, "got dtype float64 and one number per image at sample 0.*convert class ids"),
        ([0, 4], "ids", ValueError, "got 4 at sample 1 of column 'label'"),
        ([-2, 0], "ids", ValueError, "got -2 at sample 0 of column 'label'"),
    ],
)
def test_labels_that_do_not_fit_their_format_are_refused_in_one_sentence(labels, label_format, error, told, batch_size):
    with pytest.raises(error, match=f"^labels must be .*{told}") as refusal:
        labels_of(np.array(labels), batch_size=batch_size, label_format=label_format)
    assert "\n" not in str(refusal.value)


def test_labels_of_unequal_padding_beyond_the_classes_are_dropped_with_the_option_for_ids():
    assert labels_of([[3, 9, -1], [-7, 1, 1]], label_format="ids") == [(3,), (1,)]


def test_what_a_row_of_labels_means_does_not_depend_on_the_batch_size():
    def outcome(batch_size):
        try:
            return labels_of([[0, 1], [1, -1]], classes=2, batch_size=batch_size)
        except ValueError as error:
            return type(error)

    assert outcome(1) == outcome(2)


@pytest.mark.parametrize("batch_size", [None, 1, 3])
def test_minus_one_is_no_label(batch_size):
    assert labels_of([-1, 2, -1], batch_size=batch_size) == [(), (2,), ()]


@pytest.mark.parametrize("batch_size", [None, 2, 5])
@pytest.mark.parametrize("label", [CLASSES, -2])
def test_a_label_that_is_no_class_is_refused_with_label_and_sample(label, batch_size):
    with pytest.raises(ValueError, match=rf"lie in \[0, 3\] as `labels` names 4 classes, got {label} at sample 3"):
        labels_of([0, 1, 2, label, 3], batch_size=batch_size)


@pytest.mark.parametrize("labels", [[1.0, 2.0], [[1.0, 2.0], [0.0, 1.0]], ["cat", "dog"], [True, False]])
@pytest.mark.parametrize("batch_size", [None, 2])
def test_labels_that_are_not_whole_numbers_are_refused(labels, batch_size):
    with pytest.raises(TypeError, match=r"labels must be class ids .*got dtype .* at sample 0"):
        labels_of(labels, batch_size=batch_size)


@pytest.mark.parametrize("labels", [np.zeros(2, int), np.zeros((4, 2), int), np.zeros((3, 1, 1), int), np.array(1)])
def test_labels_of_another_length_than_the_images_are_refused(labels):
    rows = [(images_of(2), np.zeros(2, int)), (images_of(3), labels)]
    with pytest.raises(ValueError, match=r"labels must be \(3,\) or \(3, k\) beside 3 images, got \(.*at sample 2"):
        samples_of(stream_of(rows))


# ---- boxes ----


def test_a_box_has_x_on_columns_and_y_on_rows():
    assert boxes_of(2, [[4, 1, 2, 3]]) == (Box(label=2, x=4, y=1, width=2, height=3),)


@pytest.mark.parametrize("batch_size", [None, 1, 2])
def test_box_j_belongs_to_label_j_of_its_own_image(batch_size):
    boxes = np.array([[[0, 1, 1, 2], [4, 2, 3, 1]], [[1, 1, 2, 2], [5, 0, 1, 4]]], np.float32)
    rows = rows_of(images_of(2), np.array([[3, 1], [0, 3]]), boxes)
    assert [sample.boxes for sample in samples_of(dataset_of(rows, batch_size))] == [
        (Box(3, 0, 1, 1, 2), Box(1, 4, 2, 3, 1)),
        (Box(0, 1, 1, 2, 2), Box(3, 5, 0, 1, 4)),
    ]


@pytest.mark.parametrize(
    ("box", "clipped"),
    [
        ([-2, 1, 4, 30], (0, 1, 2, 4)),  # off the left edge by 2 and the bottom by 26
        ([5, -3, 30, 5], (5, 0, 2, 2)),  # off the right edge and the top by 3
        ([-9, -9, 99, 99], (0, 0, 7, 5)),
        ([0, 0, 7, 5], (0, 0, 7, 5)),
        ([-1e30, 2, 2e30, 1], (0, 2, 7, 1)),
    ],
)
def test_a_box_is_clipped_to_the_image(box, clipped):
    assert boxes_of(1, [box]) == (Box(1, *clipped),)


@pytest.mark.parametrize(
    "box",
    [
        [-4, 1, 3, 2],  # left of the image: numpy would read -4:-1 from the other side
        [7, 1, 3, 2],
        [1, -4, 2, 3],  # above it
        [1, 5, 2, 3],
        [2, 2, 0, 2],  # no area
        [2, 2, 2, 0],
        [3, 2, -2, 2],  # negative sizes
        [3, 2, 2, -1],
    ],
)
def test_a_box_with_nothing_inside_the_image_is_empty_and_never_wraps(box):
    (found,) = boxes_of(1, [box])
    assert found.width * found.height == 0
    assert 0 <= found.x <= WIDTH and 0 <= found.y <= HEIGHT
    assert found.width >= 0 and found.height >= 0


@pytest.mark.parametrize("nan", [float("nan"), float("inf"), float("-inf")])
def test_boxes_of_padding_labels_and_boxes_that_are_not_finite_are_left_out(nan):
    boxes = [[1, 1, 2, 2], [nan, 1, 2, 2], [3, 3, 1, 1], [1, 1, 1, nan]]
    assert boxes_of([2, 3, -1, 0], boxes) == (Box(2, 1, 1, 2, 2),)


def test_the_box_of_the_padding_label_k_is_left_out_like_that_of_minus_one():
    assert boxes_of([2, CLASSES], [[1, 1, 2, 2], [3, 3, 1, 1]]) == (Box(2, 1, 1, 2, 2),)


def test_the_box_of_an_image_without_label_is_left_out():
    assert boxes_of(-1, [[1, 1, 2, 2]]) == ()


@pytest.mark.parametrize("labels", [2, [2]])
def test_boxes_beyond_the_labels_are_left_out(labels):
    assert boxes_of(labels, [[1, 1, 2, 2], [3, 3, 1, 1], [0, 0, 1, 1]]) == (Box(2, 1, 1, 2, 2),)


def test_labels_beyond_the_boxes_have_no_box():
    assert boxes_of([2, 0, 1], [[1, 1, 2, 2]]) == (Box(2, 1, 1, 2, 2),)


def test_two_boxes_of_one_label_are_both_kept_and_the_label_is_there_once():
    rows = rows_of(images_of(1), [[3, 3]], [[[0, 1, 1, 2], [4, 2, 3, 1]]])
    (sample,) = samples_of(dataset_of(rows))
    assert (sample.labels, sample.boxes) == ((3,), (Box(3, 0, 1, 1, 2), Box(3, 4, 2, 3, 1)))


def test_boxes_beside_multi_hot_labels_belong_to_the_labels_in_rising_order():
    assert boxes_of([0, 1, 0, 1], [[0, 1, 1, 2], [4, 2, 3, 1]]) == (Box(1, 0, 1, 1, 2), Box(3, 4, 2, 3, 1))


def test_the_edges_of_a_box_are_rounded_to_whole_pixels():
    assert boxes_of(1, [[1.4, 0.6, 2.2, 2.8]]) == (Box(1, 1, 1, 3, 2),)  # edges 1.4..3.6 and 0.6..3.4


def test_a_box_of_one_pixel_between_pixels_stays_one_pixel():
    (found,) = boxes_of(1, [[1.5, 2.5, 1, 1]])
    assert (found.width, found.height) == (1, 1)


@pytest.mark.parametrize("shape", [(4,), (1, 5), (4, 1)])
def test_boxes_of_another_shape_are_refused_with_shape_and_sample(shape):
    rows = [*rows_of(images_of(1), [1], [[[1, 1, 2, 2]]]), (images_of(1)[0], np.array(1), np.ones(shape))]
    with pytest.raises(ValueError, match=r"bboxes must be \(1, k, 4\) as \[x, y, width, height\].*at sample 1"):
        samples_of(stream_of(rows))


def test_boxes_that_are_not_numbers_are_refused():
    with pytest.raises(TypeError, match="bboxes must hold numbers, got dtype <U1 at sample 0"):
        samples_of(dataset_of(rows_of(images_of(1), [1], [[["1", "1", "2", "2"]]])))


# ---- batches ----


@pytest.mark.parametrize("batch_size", [1, 3, 16])
def test_samples_are_regrouped_whatever_the_batch_size_of_the_dataset(batch_size):
    images = images_of(10)
    batches = list(read_batches(dataset_of(rows_of(images, np.arange(10) % CLASSES), batch_size), CLASSES, 4))
    assert [[sample.sample_id for sample in batch.samples] for batch in batches] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
    ]
    np.testing.assert_array_equal(np.concatenate([batch.images for batch in batches]), images)
    assert [sample.labels for batch in batches for sample in batch.samples] == [(n % CLASSES,) for n in range(10)]


def test_a_new_image_shape_begins_a_new_batch():
    sizes = [(5, 7), (5, 7), (7, 5), (5, 7), (5, 7), (5, 7), (5, 7)]
    rows = [(images_of(1, size=size)[0],) for size in sizes]
    batches = list(read_batches(dataset_of(rows), CLASSES, 3))
    assert [[sample.sample_id for sample in batch.samples] for batch in batches] == [[0, 1], [2], [3, 4, 5], [6]]
    assert [batch.images.shape[2:] for batch in batches] == [(5, 7), (7, 5), (5, 7), (5, 7)]


def test_batches_of_the_dataset_may_have_different_shapes_and_lengths():
    rows = [(images_of(2),), (images_of(3, size=(7, 5)),), (images_of(1, size=(7, 5)),)]
    batches = list(read_batches(stream_of(rows), CLASSES, 32))
    assert [batch.images.shape for batch in batches] == [(2, 3, 5, 7), (4, 3, 7, 5)]


def test_no_sample_gives_no_batch_and_one_sample_one():
    empty = GeneratorDataset(lambda: iter(()), ["image"], shuffle=False, num_parallel_workers=1)
    assert list(read_batches(empty, CLASSES, 4)) == []
    (batch,) = read_batches(dataset_of(rows_of(images_of(1))), CLASSES, 4)
    assert [sample.sample_id for sample in batch.samples] == [0]


def read_until_failure(count, batch_size, awaited, seconds=0.5, grace=0.0, failure=None, label=None, classes=CLASSES):
    """The samples that came from a source that raises after `count`, and the error.

    MindSpore drops what it holds when a source raises, so this one waits until `awaited` samples came out as batches,
    at most some seconds, and then a moment longer for what is not a batch.
    """
    enough = threading.Event()

    def rows():
        for image in images_of(count):
            yield (image,) if label is None else (image, np.array(label))
        enough.wait(seconds)
        time.sleep(grace)
        raise failure or KeyError("row is lost")

    seen = []
    try:
        for batch in read_batches(stream_from(rows, label is not None), classes, batch_size):
            seen += [sample.sample_id for sample in batch.samples]
            if len(seen) >= awaited:
                enough.set()
    except Exception as error:
        return seen, error
    raise AssertionError("the failure of the dataset was swallowed")


def stream_from(rows, labelled=False):
    names = ["image", "label"] if labelled else ["image"]
    return GeneratorDataset(rows, names, shuffle=False, num_parallel_workers=1)


def test_a_dataset_that_fails_ends_with_its_error_not_with_silence():
    seen, error = read_until_failure(5, 2, awaited=4, seconds=5)
    assert seen[:4] == [0, 1, 2, 3]
    assert "row is lost" in str(error)


def test_a_dataset_that_fails_is_told_with_the_number_of_samples_read():
    _, error = read_until_failure(4, 2, awaited=4)
    assert "after 4 samples" in str(error).splitlines()[0]
    assert "row is lost" in str(error).splitlines()[0]


def test_the_samples_before_a_failure_are_given_out():
    seen, _ = read_until_failure(5, 2, awaited=4, seconds=5, grace=0.3)
    assert seen == [0, 1, 2, 3, 4]


def test_a_full_batch_does_not_wait_for_the_sample_after_it():
    seen, _ = read_until_failure(4, 2, awaited=4)
    assert seen == [0, 1, 2, 3]


class RowGone(Exception):  # noqa: N818 - named unlike an error, as many are
    """An exception of the user's own."""


@pytest.mark.parametrize("failure", [RowGone("row is lost"), ZeroDivisionError()])
def test_a_dataset_that_fails_is_told_with_its_exception_whatever_its_name_and_text(failure):
    _, error = read_until_failure(4, 2, awaited=4, failure=failure)
    (line,) = str(error).splitlines()
    assert f"{type(failure).__name__}: {failure}" in line


# ---- counting ----


def test_a_source_with_a_length_is_counted_without_being_read():
    source = CountingSource()
    dataset = GeneratorDataset(source, ["image", "label"], shuffle=False)
    assert (sample_count(dataset), source.read) == (9, [])


@pytest.mark.parametrize(
    ("chain", "count"),
    [
        (lambda dataset: dataset.batch(3), 9),
        (lambda dataset: dataset.batch(4), 9),
        (lambda dataset: dataset.batch(4).map(lambda image: image + 1, "image"), 12),
        (lambda dataset: dataset.batch(4, drop_remainder=True), 8),
        (lambda dataset: dataset.map(lambda image: image + 1, "image").skip(2), 7),
        (lambda dataset: dataset.repeat(2), 18),
    ],
)
def test_a_pipeline_on_a_source_with_a_length_is_counted_without_being_read(chain, count):
    source = CountingSource()
    dataset = chain(GeneratorDataset(source, ["image", "label"], shuffle=False))
    assert (sample_count(dataset), source.read) == (count, [])


@pytest.mark.parametrize("chain", [lambda dataset: dataset, lambda dataset: dataset.batch(4).skip(1)])
def test_a_source_without_a_length_is_neither_counted_nor_read(chain):
    source = CountingStream()
    assert sample_count(chain(GeneratorDataset(source, ["image", "label"], shuffle=False))) is None
    assert source.read == []


def test_a_filter_is_not_run_to_be_counted():
    source = CountingSource()
    dataset = GeneratorDataset(source, ["image", "label"], shuffle=False).filter(lambda label: label > 1, "label")
    assert (sample_count(dataset), source.read) == (None, [])


@pytest.mark.parametrize("join", ["concat", "zip"])
def test_no_part_of_a_joined_dataset_is_run_to_be_counted(join):
    sized, stream = CountingSource(), CountingStream()
    first = GeneratorDataset(sized, ["image", "label"], shuffle=False)
    second = GeneratorDataset(stream, ["image", "label"], shuffle=False)
    if join == "concat":
        dataset = first + second
    else:
        dataset = mindspore.dataset.zip((first.project(["image"]), second.project(["label"])))
    before = (len(sized.read), len(stream.read))  # MindSpore itself reads to concatenate
    assert sample_count(dataset) is None
    assert (len(sized.read), len(stream.read)) == before
