"""Edit trees and uncertainty, to the file and back; what MindInsight gets of them; what damage does to them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explainer.analysis.view import RunView, read_run
from explainer.counterfactual import EditStep
from explainer.counterfactual.edit_tree import StopReason
from explainer.records import (
    Box,
    Draws,
    EditLayer,
    EditTree,
    ImageFile,
    ObjectBoxes,
    OriginalImage,
    Prediction,
    Record,
    RunMetadata,
    Saliency,
    SampleDone,
    SampleSkipped,
    StoredRecord,
    Uncertainty,
)
from explainer.summary import codec
from explainer.summary.explain_pb2 import Event, Explain
from explainer.summary.reader import SampleView, read_records
from explainer.summary.recordfile import frame, read_frames
from explainer.summary.text import plain_text
from explainer.summary.writer import SummaryWriter

STEADY = settings(deadline=None, derandomize=True, database=None, max_examples=60)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
PIXELS = st.integers(0, 2**31 - 1)
BOXES = st.tuples(PIXELS, PIXELS, PIXELS, PIXELS)
LAYERS = st.lists(st.builds(EditLayer, FLOATS, st.lists(BOXES, max_size=3).map(tuple)), max_size=3).map(tuple)
STOP_REASONS = st.none() | st.sampled_from([reason.name for reason in StopReason])


def steps(children: st.SearchStrategy[list[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Steps as `EditStep.as_dict` gives them."""
    return st.fixed_dictionaries(
        {
            "layer": st.integers(-1, 9),
            "box": BOXES.map(list),
            "network_output": DOUBLES,
            "step_change": DOUBLES,
            "stop_reason": STOP_REASONS,
            "children": children,
        }
    )


NESTED = st.recursive(steps(st.just([])), lambda inner: steps(st.lists(inner, max_size=3)), max_leaves=8)

# An image 12 wide and 8 high: a first box, then two smaller ones in it.
ROOT = EditStep(
    -1,
    (0, 0, 12, 8),
    stop_reason=StopReason.THRESHOLD_MET,
    children=[
        EditStep(
            0,
            (6, 2, 4, 4),
            0.625,
            0.5,
            stop_reason=StopReason.STEP_CHANGE_MET,
            children=[EditStep(1, (6, 2, 2, 2), 0.1, -0.3), EditStep(1, (8, 4, 2, 2), 2 / 3, 1e-17)],
        )
    ],
)
FOUND_LAYERS = (EditLayer(0.625, ((6, 2, 4, 4),)), EditLayer(0.75, ((6, 2, 2, 2), (8, 4, 2, 2))))
FOUND = EditTree(5, 1, "gaussian:3", False, FOUND_LAYERS, ROOT.as_dict())
NOT_FOUND = EditTree(5, 2, "gaussian:3", False, reason="no window is left – nothing found")
SAID = Prediction(5, (2, 1), (3, 1), (1, 2, 3), np.float32([0.125, 0.75, 0.0625, 0.875]))
SHOWN, HIDDEN = ImageFile(5, "5.png"), ImageFile(5, "5.png", shown=False)
DOUBT = Uncertainty(
    5,
    mean=np.float32([0.125, 0.75, 0.0625, 0.875]),
    deviation=np.float32([0.01, 0.02, 0.03, 0.04]),
    low=np.float32([0.1, 0.2, 0.3, 0.4]),
    high=np.float32([0.6, 0.7, 0.8, 0.9]),
    total=1.25,
    aleatoric=0.75,
    epistemic=0.5,
)


def encoded(*trees: EditTree, image: ImageFile = HIDDEN, said: Prediction = SAID, picture: Any = (8, 12)) -> Explain:
    return codec.encode_edit_trees(trees, image, said, picture)


def back(message: Explain) -> list[StoredRecord]:
    """The records of a message after its way through bytes."""
    return list(codec.decode(Event.FromString(codec.as_event(message, 1.5).SerializeToString())))


def plain(record: Any) -> dict[str, Any]:
    """A record's fields in a form in which arrays compare."""
    fields = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    return {
        name: (value.dtype.str, value.tolist()) if isinstance(value, np.ndarray) else value
        for name, value in fields.items()
    }


# ------------------------------------------------- round trips


@STEADY
@given(
    trees=st.lists(
        st.builds(
            EditTree,
            st.just(5),
            PIXELS,
            st.sampled_from(["", "0.5", "gaussian:3", "(0.5, 0.25, 0.125)"]) | TEXT,
            st.booleans(),
            LAYERS,
            st.none() | NESTED,
            TEXT,
        ),
        max_size=3,
    )
)
def test_edit_trees_come_back_with_and_without_a_result(trees):
    assert back(encoded(*trees)) == trees


def test_a_tree_that_comes_back_is_the_tree_that_was_found():
    (found,) = back(encoded(FOUND))
    assert EditStep.from_dict(found.tree) == ROOT
    assert found.layers == FOUND_LAYERS
    assert type(found.layers[1].boxes) is tuple and type(found.layers[1].boxes[0]) is tuple


def test_the_numbers_of_a_step_come_back_bit_for_bit():
    root = EditStep(-1, (0, 0, 12, 8), 0.1, 2 / 3)
    (found,) = back(encoded(dataclasses.replace(FOUND, tree=root.as_dict())))
    assert (found.tree["network_output"], found.tree["step_change"]) == (0.1, 2 / 3)


@pytest.mark.parametrize("by_masking", [False, True])
@pytest.mark.parametrize("reason", [None, "NO_NEW_STEP"])
def test_mode_and_stop_reason_come_back(by_masking, reason):
    root = EditStep(-1, (0, 0, 12, 8)).as_dict() | {"stop_reason": reason}
    tree = EditTree(5, 3, "0.5", by_masking, (EditLayer(0.5, ()),), root)
    assert back(encoded(tree)) == [tree]


def test_a_tree_without_result_has_no_root_in_the_file():
    (entry,) = encoded(NOT_FOUND).edit_tree
    assert not entry.HasField("root") and not entry.layer
    assert back(encoded(NOT_FOUND)) == [NOT_FOUND]


def test_a_tree_with_a_result_has_no_reason_in_the_file():
    (entry,) = encoded(FOUND).edit_tree
    assert not entry.HasField("reason")


def test_the_trees_of_a_sample_are_in_one_message_in_their_order():
    message = encoded(NOT_FOUND, FOUND)
    assert message.sample_id == 5
    assert back(message) == [NOT_FOUND, FOUND]


@STEADY
@given(
    columns=st.tuples(*[st.lists(FLOATS, min_size=4, max_size=4)] * 4),
    entropies=st.tuples(FLOATS, FLOATS, FLOATS),
    shown=st.booleans(),
)
def test_uncertainty_comes_back_whether_or_not_the_sample_is_shown(columns, entropies, shown):
    doubt = Uncertainty(5, *(np.float32(column) for column in columns), *entropies)
    image = SHOWN if shown else HIDDEN
    found = back(codec.encode_sample(image, SAID, doubt))
    assert [type(record) for record in found] == [ImageFile, Prediction, Uncertainty]
    assert found[0] == image
    assert plain(found[1]) == plain(SAID)
    assert plain(found[2]) == plain(doubt)


def test_a_sample_without_uncertainty_comes_back_without():
    assert [type(record) for record in back(codec.encode_sample(SHOWN, SAID))] == [ImageFile, Prediction]


# ------------------------------------------------- what MindInsight gets of a tree


def test_mindinsight_gets_layers_in_their_order_with_probability_and_flat_boxes():
    (hoc,) = encoded(FOUND, image=SHOWN).hoc
    assert (hoc.label, hoc.mask) == (1, "gaussian:3")
    assert [(layer.prob, list(layer.box)) for layer in hoc.layer] == [
        (0.625, [6, 2, 4, 4]),
        (0.75, [6, 2, 2, 2, 8, 4, 2, 2]),
    ]


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        pytest.param(2, [2], id="true and not predicted"),
        pytest.param(3, [3], id="predicted and not true"),
        pytest.param(1, [1], id="true and predicted"),
        pytest.param(0, [], id="neither"),
    ],
)
def test_mindinsight_gets_true_and_predicted_labels_only(label, expected):
    """A job with another label never loads."""
    message = encoded(dataclasses.replace(FOUND, label=label), image=SHOWN)
    assert [hoc.label for hoc in message.hoc] == expected
    assert [entry.label for entry in message.edit_tree] == [label]  # our own field has it


@pytest.mark.parametrize(
    ("probability", "expected"), [(0.5, []), (float(np.nextafter(np.float32(0.5), np.float32(1))), [3])]
)
def test_a_label_predicted_by_a_threshold_of_the_users_own_is_shown_above_one_half_only(probability, expected):
    said = Prediction(5, (2,), (3,), (2, 3), np.float32([0, 0, 0.9, probability]))
    message = encoded(dataclasses.replace(FOUND, label=3), image=SHOWN, said=said)
    assert [hoc.label for hoc in message.hoc] == expected


def test_a_label_above_one_half_that_the_run_does_not_call_predicted_is_not_shown():
    said = Prediction(5, (2,), (), (2,), np.float32([0, 0, 0.9, 0.9]))
    assert not encoded(dataclasses.replace(FOUND, label=3), image=SHOWN, said=said).hoc


def test_mindinsight_gets_nothing_of_a_sample_that_is_not_shown():
    message = encoded(FOUND, image=HIDDEN)
    assert not message.hoc
    assert back(message) == [FOUND]


@pytest.mark.parametrize("mask", ["gaussian:1", "gaussian:9", "gaussian:10", "gaussian:120"])
def test_mindinsight_gets_each_blur(mask):
    (hoc,) = encoded(dataclasses.replace(FOUND, mask=mask), image=SHOWN).hoc
    assert hoc.mask == mask


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"by_masking": True}, id="boxes that hide"),
        pytest.param({"layers": (), "tree": None, "reason": "nothing found"}, id="no result"),
        pytest.param({"layers": ()}, id="no layers"),
        pytest.param({"tree": None}, id="no tree"),
        *(
            pytest.param({"mask": mask}, id=f"mask {mask!r}")
            for mask in (
                "",
                "0.5",
                "(0.5, 0.25, 0.125)",
                "gaussian:0",
                "gaussian:2.5",
                "gaussian:-3",
                "gaussian: 9",
                "Gaussian:9",
                "gaussian:9\n",
                "gaussian:",
                "a gaussian:9",
                "gaussian:1٣",
                "an image of shape (3, 8, 12)",
            )
        ),
    ],
)
def test_mindinsight_gets_nothing_that_it_cannot_draw(changes):
    tree = dataclasses.replace(FOUND, **changes)
    message = encoded(tree, image=SHOWN)
    assert not message.hoc
    assert back(message) == [tree]


@pytest.mark.parametrize(
    ("picture", "boxes"),
    [
        ((8, 12), [6, 2, 2, 2, 8, 4, 2, 2]),
        ((16, 24), [12, 4, 4, 4, 16, 8, 4, 4]),
        ((16, 12), [6, 4, 2, 4, 8, 8, 2, 4]),  # higher alone: x and widths stay
        ((8, 18), [9, 2, 3, 2, 12, 4, 3, 2]),  # wider alone
        ((4, 6), [3, 1, 1, 1, 4, 2, 1, 1]),
        ((8, 11), [6, 2, 2, 2, 7, 4, 2, 2]),  # 5.5, 1.83, 7.33, rounded
    ],
)
def test_boxes_are_in_pixels_of_the_saved_picture(picture, boxes):
    message = encoded(FOUND, image=SHOWN, picture=picture)
    assert list(message.hoc[0].layer[1].box) == boxes
    assert back(message) == [FOUND]  # ours are in pixels of the image


@pytest.mark.parametrize(
    ("mask", "picture", "drawn"),
    [
        ("gaussian:3", (8, 12), "gaussian:3"),
        ("gaussian:03", (8, 12), "gaussian:3"),
        ("gaussian:3", (16, 24), "gaussian:6"),
        ("gaussian:3", (16, 12), "gaussian:4"),  # one and a half times as large on the whole: 4.5, to the even one
        ("gaussian:1", (2, 3), "gaussian:1"),  # no blur at all cannot be drawn
    ],
)
def test_the_blur_is_in_pixels_of_the_saved_picture(mask, picture, drawn):
    tree = dataclasses.replace(FOUND, mask=mask)
    message = encoded(tree, image=SHOWN, picture=picture)
    assert message.hoc[0].mask == drawn
    assert back(message) == [tree]


def test_every_label_that_is_shown_has_its_own_entry():
    other = dataclasses.replace(FOUND, label=3, mask="gaussian:7", layers=FOUND_LAYERS[:1])
    message = encoded(FOUND, NOT_FOUND, other, image=SHOWN)
    assert [(hoc.label, hoc.mask, len(hoc.layer)) for hoc in message.hoc] == [
        (1, "gaussian:3", 2),
        (3, "gaussian:7", 1),
    ]
    assert [entry.label for entry in message.edit_tree] == [1, 2, 3]


# ------------------------------------------------- what MindInsight gets of uncertainty


def listed(values: Any) -> list[float]:
    """As float32 gives them back."""
    return np.float32(values).tolist()


def test_deviation_and_bounds_are_aligned_with_true_and_predicted_labels():
    inference = codec.encode_sample(SHOWN, SAID, DOUBT).inference
    assert list(inference.ground_truth_prob) == [0.0625, 0.75]  # the network's own, labels 2 and 1
    assert list(inference.ground_truth_prob_sd) == listed([0.03, 0.02])
    assert list(inference.ground_truth_prob_itl95_low) == listed([0.3, 0.2])
    assert list(inference.ground_truth_prob_itl95_hi) == listed([0.8, 0.7])
    assert list(inference.predicted_label) == [3, 1]
    assert list(inference.predicted_prob_sd) == listed([0.04, 0.02])
    assert list(inference.predicted_prob_itl95_low) == listed([0.4, 0.2])
    assert list(inference.predicted_prob_itl95_hi) == listed([0.9, 0.7])


def test_a_label_that_is_not_shown_as_predicted_has_no_bounds_there():
    said = Prediction(5, (0,), (3, 1), (0, 1, 3), np.float32([0.1, 0.5, 0.2, 0.875]))
    inference = codec.encode_sample(SHOWN, said, DOUBT).inference
    assert list(inference.predicted_label) == [3]
    assert list(inference.predicted_prob_sd) == listed([0.04])
    assert list(inference.predicted_prob_itl95_low) == listed([0.4])
    assert list(inference.predicted_prob_itl95_hi) == listed([0.9])


def test_without_uncertainty_these_fields_are_empty():
    message = codec.encode_sample(SHOWN, SAID)
    assert not message.HasField("uncertainty")
    assert {field.name for field, _ in message.inference.ListFields()} == {
        "ground_truth_prob",
        "predicted_label",
        "predicted_prob",
    }


def test_uncertainty_of_a_hidden_sample_is_in_our_own_field_alone():
    message = codec.encode_sample(HIDDEN, SAID, DOUBT)
    assert {field.name for field, _ in message.ListFields()} == {"sample_id", "sample", "uncertainty"}
    assert list(message.uncertainty.deviation) == listed([0.01, 0.02, 0.03, 0.04])


# ------------------------------------------------- the writer and the reader

METADATA = RunMetadata(
    labels=("cat", "hot_dog", "eel", "fox"), jobs=("saliency", "hierarchical_occlusion", "uncertainty")
)
NO_UNDERSCORE = dataclasses.replace(METADATA, labels=("cat", "dog", "eel", "fox"))


def records_of(number: int, *more: Record, said: Prediction = SAID, size: tuple[int, ...] = (8, 12)) -> list[Record]:
    """A whole sample with these further records, all numbered so."""
    picture = OriginalImage(number, np.random.default_rng(number).integers(0, 256, size, np.uint8))
    return [picture, *(dataclasses.replace(record, sample_id=number) for record in (said, *more)), SampleDone(number)]


def write(writer: SummaryWriter, records: list[Record]) -> None:
    for record in records:
        writer.write(record)


def sample_of(folder: Path, number: int) -> SampleView:
    return read_run(folder).samples[number]


def messages_of(writer: SummaryWriter) -> list[Explain]:
    with writer.event_file.open("rb") as file:
        return [Event.FromString(found.payload).explain for found in read_frames(file)]


def manifest_of(writer: SummaryWriter) -> dict[str, bool]:
    return json.loads((writer.data_dir / "manifest.json").read_text(encoding="utf-8"))


def test_trees_and_uncertainty_come_back_from_disk_with_their_sample(tmp_path: Path):
    with SummaryWriter(tmp_path, NO_UNDERSCORE) as writer:
        write(writer, records_of(0, FOUND, DOUBT, NOT_FOUND))
        write(writer, records_of(3))
        write(writer, records_of(7, dataclasses.replace(DOUBT, total=3.5), dataclasses.replace(FOUND, label=3)))
    run = read_run(tmp_path)
    assert run.findings == ()
    assert run.samples[0].edit_trees == tuple(dataclasses.replace(tree, sample_id=0) for tree in (FOUND, NOT_FOUND))
    assert plain(run.samples[0].uncertainty) == plain(dataclasses.replace(DOUBT, sample_id=0))
    assert (run.samples[3].edit_trees, run.samples[3].uncertainty) == ((), None)
    assert run.samples[7].edit_trees == (dataclasses.replace(FOUND, sample_id=7, label=3),)
    assert plain(run.samples[7].uncertainty) == plain(dataclasses.replace(DOUBT, sample_id=7, total=3.5))


def test_a_sample_has_no_message_of_trees_where_it_has_none(tmp_path: Path):
    with SummaryWriter(tmp_path, NO_UNDERSCORE) as writer:
        write(writer, records_of(0))
    metadata, _, sample, done = messages_of(writer)
    assert metadata.HasField("metadata") and sample.HasField("sample") and done.done


def test_the_occlusion_comes_after_the_image_and_before_the_end_of_its_sample(tmp_path: Path):
    with SummaryWriter(tmp_path, NO_UNDERSCORE) as writer:
        write(writer, records_of(4, FOUND))
    _, _, sample, occlusion, done = messages_of(writer)
    assert sample.image_path and not sample.hoc
    assert (occlusion.sample_id, len(occlusion.hoc), len(occlusion.edit_tree)) == (4, 1, 1)
    assert done.done


@pytest.mark.parametrize(("size", "box"), [((8, 12), [6, 2, 4, 4]), ((16, 36, 3), [18, 4, 12, 8])])
def test_boxes_on_disk_fit_the_picture_on_disk(tmp_path: Path, size, box):
    with SummaryWriter(tmp_path, NO_UNDERSCORE) as writer:
        write(writer, records_of(4, FOUND, size=size))
    (hoc,) = messages_of(writer)[3].hoc
    assert list(hoc.layer[0].box) == box


NO_LABEL = Prediction(5, (), (1,), (1,), np.float32([0.25, 0.5, 0.125, 0.125]))  # which MindInsight cannot show
HIDING = dataclasses.replace(FOUND, by_masking=True)


@pytest.mark.parametrize(
    ("more", "said", "occlusion", "uncertainty"),
    [
        pytest.param((FOUND, DOUBT), SAID, True, True, id="both"),
        pytest.param((FOUND,), SAID, True, False, id="a tree"),
        pytest.param((DOUBT,), SAID, False, True, id="uncertainty"),
        pytest.param((), SAID, False, False, id="neither"),
        pytest.param((NOT_FOUND,), SAID, False, False, id="a label without result"),
        pytest.param((HIDING,), SAID, False, False, id="a tree that MindInsight cannot draw"),
        pytest.param((FOUND, DOUBT), NO_LABEL, False, False, id="a sample that MindInsight cannot show"),
    ],
)
def test_the_manifest_says_what_mindinsight_can_show(tmp_path: Path, more, said, occlusion, uncertainty):
    with SummaryWriter(tmp_path, NO_UNDERSCORE) as writer:
        running = manifest_of(writer)
        write(writer, records_of(0, *more, said=said))
    assert (running["hierarchical_occlusion"], running["uncertainty"]) == (True, True)  # what the jobs may bring
    closed = manifest_of(writer)
    assert (closed["hierarchical_occlusion"], closed["uncertainty"]) == (occlusion, uncertainty)
    assert sample_of(tmp_path, 0).edit_trees == tuple(
        dataclasses.replace(record, sample_id=0) for record in more if isinstance(record, EditTree)
    )


def test_one_sample_that_mindinsight_can_show_is_enough_for_the_manifest(tmp_path: Path):
    with SummaryWriter(tmp_path, NO_UNDERSCORE) as writer:
        write(writer, records_of(0, HIDING, DOUBT, said=NO_LABEL))
        write(writer, records_of(1, FOUND, DOUBT))
        write(writer, records_of(2, HIDING, DOUBT, said=NO_LABEL))
    assert manifest_of(writer) == {
        "saliency_map": False,
        "benchmark": False,
        "uncertainty": True,
        "hierarchical_occlusion": True,
    }


@pytest.mark.parametrize(("said", "promised"), [(SAID, True), (NO_LABEL, False)])
def test_maps_of_samples_that_mindinsight_cannot_show_are_not_promised(tmp_path: Path, said, promised):
    metadata = dataclasses.replace(NO_UNDERSCORE, explainers=("Gradient",))
    with SummaryWriter(tmp_path, metadata) as writer:
        write(writer, records_of(0, Saliency(0, "Gradient", 1, np.eye(3, dtype=np.float32)), said=said))
    assert manifest_of(writer)["saliency_map"] is promised
    assert len(sample_of(tmp_path, 0).maps) == 1


def test_the_manifest_of_a_running_run_without_these_jobs_does_not_promise_them(tmp_path: Path):
    with SummaryWriter(tmp_path, dataclasses.replace(NO_UNDERSCORE, jobs=("saliency",))) as writer:
        assert manifest_of(writer) == {
            "saliency_map": True,
            "benchmark": False,
            "uncertainty": False,
            "hierarchical_occlusion": False,
        }


def test_an_underscore_is_a_blank_in_what_mindinsight_reads_but_not_in_ours(tmp_path: Path):
    with pytest.warns(UserWarning, match="labels with '_' are shown with a blank"):
        writer = SummaryWriter(tmp_path, METADATA)
    with writer:
        write(writer, records_of(0, FOUND))
    assert list(messages_of(writer)[0].metadata.label) == ["cat", "hot dog", "eel", "fox"]
    assert read_run(tmp_path).metadata.labels == ("cat", "hot_dog", "eel", "fox")


def test_uncertainty_alone_leaves_an_underscore_as_it_is(tmp_path: Path):
    with SummaryWriter(tmp_path, dataclasses.replace(METADATA, jobs=("saliency", "uncertainty"))) as writer:
        pass
    assert list(messages_of(writer)[0].metadata.label) == ["cat", "hot_dog", "eel", "fox"]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        *(
            pytest.param(
                dataclasses.replace(DOUBT, **{name: np.full(count, 0.5, np.float32)}),
                f"`{name}` must hold one number for each of 4 labels, got {count}",
                id=f"{count} for {name}",
            )
            for name in ("mean", "deviation", "low", "high")
            for count in (0, 3, 5)
        ),
        *(
            pytest.param(
                dataclasses.replace(tree, label=label),
                rf"`label` must lie in \[0, 3\], got {label}",
                id=f"label {label}",
            )
            for label in (4, -1)
            for tree in (FOUND, NOT_FOUND)
        ),
        pytest.param(
            dataclasses.replace(DOUBT, draws=Draws((1, 4), np.zeros((3, 2), np.float32))),
            r"`label` must lie in \[0, 3\], got 4",
            id="draws of label 4",
        ),
        pytest.param(
            ObjectBoxes(5, (Box(4, 0, 0, 1, 1),), (7, 5)), r"`label` must lie in \[0, 3\], got 4", id="a box of label 4"
        ),
    ],
)
def test_what_does_not_fit_the_labels_is_refused_and_the_samples_before_stay(tmp_path: Path, bad, message):
    with SummaryWriter(tmp_path, NO_UNDERSCORE) as writer:
        write(writer, records_of(0, FOUND, DOUBT))
        with pytest.raises(ValueError, match=message):
            write(writer, records_of(1, FOUND, bad))
        write(writer, records_of(2, DOUBT))
    run = read_run(tmp_path)
    assert (list(run.samples), run.unfinished, run.findings) == ([0, 2], (), ())
    assert run.samples[0].edit_trees == (dataclasses.replace(FOUND, sample_id=0),)
    assert run.samples[2].uncertainty is not None


def test_a_skipped_sample_leaves_neither_tree_nor_uncertainty(tmp_path: Path):
    with SummaryWriter(tmp_path, NO_UNDERSCORE) as writer:
        write(writer, [*records_of(0, FOUND, DOUBT)[:-1], SampleSkipped(0, "it is not finite")])
        write(writer, records_of(1))
    run = read_run(tmp_path)
    assert (list(run.samples), run.skipped) == ([1], {0: "it is not finite"})
    assert manifest_of(writer) | {"uncertainty": False, "hierarchical_occlusion": False} == manifest_of(writer)
    assert not any(message.HasField("uncertainty") or message.edit_tree for message in messages_of(writer))


# ------------------------------------------------- damage


def run_of(folder: Path, *payloads: bytes) -> RunView:
    """A run whose file holds the metadata, sample 5 and these payloads, and then says that the sample is whole."""
    whole = [codec.encode_metadata(NO_UNDERSCORE), codec.encode_sample(SHOWN, SAID, DOUBT)]
    done = codec.encode_done(SampleDone(5))
    first, second, last = (codec.as_event(message, 1.5).SerializeToString() for message in (*whole, done))
    (folder / "events.out.events.summary.17.1_explain").write_bytes(
        b"".join(map(frame, (first, second, *payloads, last)))
    )
    return read_run(folder)


def payload_of(message: Explain) -> bytes:
    return codec.as_event(message, 1.5).SerializeToString()


def test_a_list_of_boxes_that_is_cut_short_loses_its_last_box(tmp_path: Path):
    message = Explain(sample_id=5)
    tree = message.edit_tree.add(label=1, mask="gaussian:3")
    tree.layer.add(prob=0.5, box=[1, 2, 3, 4, 5, 6, 7])
    tree.layer.add(prob=0.25, box=[1, 2, 3])
    (found,) = run_of(tmp_path, payload_of(message)).samples[5].edit_trees
    assert found == EditTree(5, 1, "gaussian:3", False, (EditLayer(0.5, ((1, 2, 3, 4),)), EditLayer(0.25, ())))


def test_a_tree_of_which_nothing_is_left_is_read_as_one_without_result(tmp_path: Path):
    message = Explain(sample_id=5)
    message.edit_tree.add()
    run = run_of(tmp_path, payload_of(message))
    assert run.samples[5].edit_trees == (EditTree(5, 0, "", False),)
    assert run.findings == ()


def test_a_missing_root_is_read_as_no_tree_and_the_layers_stay(tmp_path: Path):
    message = encoded(FOUND)
    message.edit_tree[0].ClearField("root")
    (found,) = run_of(tmp_path, payload_of(message)).samples[5].edit_trees
    assert found == dataclasses.replace(FOUND, tree=None)


@pytest.mark.parametrize("text", ["gaussian:3", "STEP_CHANGE_MET", "no window is left"])
def test_a_text_that_is_not_utf_8_is_damage_at_its_place(tmp_path: Path, text):
    payload = payload_of(encoded(FOUND, NOT_FOUND))
    (clean := tmp_path / "clean").mkdir()
    assert run_of(clean, payload).samples[5].edit_trees == (FOUND, NOT_FOUND)
    (broken := tmp_path / "broken").mkdir()
    run = run_of(broken, payload.replace(text.encode(), b"\xff" * len(text)))
    assert [finding.what for finding in run.findings] == ["a record's content is damaged"]
    assert (dict(run.samples), run.unfinished) == ({}, (5,))


def test_text_is_text_whether_protobuf_gives_it_as_such_or_as_bytes():
    assert (plain_text("café"), plain_text("café".encode())) == ("café", "café")
    with pytest.raises(UnicodeDecodeError):
        plain_text(b"caf\xe9")


def test_a_tree_too_deep_for_protobuf_is_damage_and_no_crash(tmp_path: Path):
    step = EditStep(-1, (0, 0, 12, 8))
    for _ in range(300):
        step = EditStep(-1, (0, 0, 12, 8), children=[step])
    run = run_of(tmp_path, payload_of(encoded(dataclasses.replace(FOUND, tree=step.as_dict()))))
    assert [finding.what for finding in run.findings] == ["a record's content is damaged"]


@settings(STEADY, max_examples=200)
@given(place=st.integers(0, 10**6), value=st.integers(0, 255))
def test_no_changed_byte_makes_the_reader_crash(tmp_path_factory, place, value):
    payload = bytearray(payload_of(encoded(FOUND, NOT_FOUND, image=SHOWN)))
    payload[place % len(payload)] = value
    run = run_of(tmp_path_factory.mktemp("run"), bytes(payload))
    assert run.metadata == NO_UNDERSCORE


@pytest.mark.parametrize("count", [0, 1, 3])
def test_uncertainty_of_fewer_labels_is_read_as_it_stands(tmp_path: Path, count):
    message = Explain(sample_id=5)
    message.CopyFrom(codec.encode_sample(SHOWN, SAID, DOUBT))
    del message.uncertainty.deviation[count:]
    doubt = run_of(tmp_path, payload_of(message)).samples[5].uncertainty
    assert doubt is not None
    assert (len(doubt.deviation), len(doubt.mean)) == (count, 4)


def test_a_tree_of_an_unfinished_sample_counts_as_unfinished(tmp_path: Path):
    with SummaryWriter(tmp_path, NO_UNDERSCORE) as writer:
        pass
    with writer.event_file.open("ab") as file:
        file.write(frame(payload_of(encoded(FOUND))))
    run = read_run(tmp_path)
    assert (dict(run.samples), run.unfinished) == ({}, (5,))
    assert FOUND in list(read_records(writer.event_file))
