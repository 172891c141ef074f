"""Records to bytes and back; and that MindSpore's own messages read the same from those bytes."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explainer.errors import SummaryReadError
from explainer.records import (
    Benchmark,
    Box,
    DatasetOrder,
    Draws,
    ImageFile,
    ObjectBoxes,
    Prediction,
    RawMapFile,
    RunEnd,
    RunMetadata,
    RunRepaired,
    RunResumed,
    SaliencyFile,
    SampleDone,
    SampleOrigin,
    SampleSkipped,
    Score,
    ScoreCurve,
    StoredRecord,
    Uncertainty,
)
from explainer.summary import codec
from explainer.summary.explain_pb2 import Event, Explain

STEADY = settings(deadline=None, derandomize=True, database=None, max_examples=60)
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
LABELS = st.lists(st.integers(0, 3), max_size=4).map(tuple)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
GAPS = st.none() | FLOATS
DIGESTS = st.just(b"") | st.binary(min_size=16, max_size=16)
RAW_MAPS = st.none() | st.builds(RawMapFile, TEXT, DIGESTS, st.integers(-200, 200))
SCORES = FLOATS | st.just(math.nan)
COUNTS = st.integers(0, 2**40)
SAMPLE_IDS = st.integers(0, 2**31 - 1)
JSON_OBJECTS = st.dictionaries(
    TEXT, st.recursive(st.none() | st.booleans() | st.integers() | TEXT, st.lists, max_leaves=5)
)

LABEL_NAMES = ("cat", "hot_dog", "eel", "fox")
METADATA = RunMetadata(
    labels=LABEL_NAMES,
    explainers=("GradCAM", "Gradient"),
    metrics=("Faithfulness", "Localization", "Robustness"),
    jobs=("saliency",),
    parameters={"options": {"threshold": 0.5}, "seed": 7},
    package_version="0.9.1",
)


def prediction(
    *probabilities: float, truth: tuple[int, ...] = (), predicted: tuple[int, ...] = (), sample_id: int = 5
) -> Prediction:
    explained = tuple(sorted({*truth, *predicted}))
    return Prediction(sample_id, truth, predicted, explained, np.array(probabilities, np.float32))


def on_disk(message: Explain) -> bytes:
    return codec.as_event(message, 1.5).SerializeToString()


def back(message: Explain) -> list[StoredRecord]:
    """The records of a message after its way through bytes."""
    return list(codec.decode(Event.FromString(on_disk(message))))


def plain(record: StoredRecord) -> dict[str, object]:
    """A record's fields in a form in which arrays and nan compare."""
    fields = {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}
    return {"kind": type(record).__name__} | {name: _plain(value) for name, value in fields.items()}


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.tolist()
    if isinstance(value, tuple):
        return tuple(_plain(entry) for entry in value)
    return "nan" if isinstance(value, float) and math.isnan(value) else value


def assert_comes_back(message: Explain, *records: StoredRecord) -> None:
    assert [plain(record) for record in back(message)] == [plain(record) for record in records]


# ------------------------------------------------- round trips


@STEADY
@given(
    metadata=st.builds(
        RunMetadata,
        labels=st.lists(TEXT, max_size=4).map(tuple),
        explainers=st.lists(TEXT, max_size=3).map(tuple),
        metrics=st.lists(TEXT, max_size=3).map(tuple),
        jobs=st.lists(st.sampled_from(["saliency", "hierarchical_occlusion", "uncertainty"]), max_size=3).map(tuple),
        parameters=JSON_OBJECTS,
        package_version=TEXT,
    )
)
def test_metadata_comes_back_with_the_labels_as_the_user_gave_them(metadata):
    assert back(codec.encode_metadata(metadata)) == [metadata]


@STEADY
@given(
    sample_id=SAMPLE_IDS,
    path=TEXT,
    probabilities=st.lists(FLOATS, min_size=4, max_size=4),
    truth=LABELS,
    predicted=LABELS,
    explained=LABELS,
    shown=st.booleans(),
    digest=DIGESTS,
)
def test_a_sample_comes_back_as_picture_and_prediction(
    sample_id, path, probabilities, truth, predicted, explained, shown, digest
):
    said = Prediction(sample_id, truth, predicted, explained, np.array(probabilities, np.float32))
    image = ImageFile(sample_id, path, shown and path != "", digest)  # without a path there is nothing to show
    assert_comes_back(codec.encode_sample(image, said), image, said)


@STEADY
@given(
    record=st.builds(
        SaliencyFile, SAMPLE_IDS, TEXT, st.integers(0, 2**31 - 1), TEXT, FLOATS, FLOATS, GAPS, DIGESTS, RAW_MAPS
    )
)
def test_a_saliency_map_comes_back(record):
    assert back(codec.encode_saliency(record)) == [record]


@STEADY
@given(
    sample_id=SAMPLE_IDS,
    entries=st.lists(st.tuples(TEXT, TEXT, st.none() | st.integers(0, 2**31 - 1), SCORES), max_size=5),
)
def test_scores_come_back_and_nan_stays_nan(sample_id, entries):
    scores = [Score(sample_id, *entry) for entry in entries]
    assert_comes_back(codec.encode_scores(sample_id, scores), *scores)


@STEADY
@given(
    sample_id=SAMPLE_IDS,
    entries=st.lists(
        st.tuples(
            TEXT, TEXT, st.integers(0, 2**31 - 1), TEXT, st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=4)
        ),
        max_size=3,
    ),
)
def test_curves_come_back(sample_id, entries):
    curves = [ScoreCurve(sample_id, *names, *np.array(points, np.float32).T.copy()) for *names, points in entries]
    assert_comes_back(codec.encode_curves(sample_id, curves), *curves)


@pytest.mark.parametrize(("fractions", "probabilities"), [([], []), ([0.0, 1.0], [0.5]), ([], [0.5])])
def test_what_is_no_curve_is_passed_over(fractions, probabilities):
    message = Explain(sample_id=5)
    message.curve.add(explain_method="GradCAM", fraction=fractions, probability=probabilities)
    assert back(message) == []


@STEADY
@given(
    benchmarks=st.lists(
        st.builds(Benchmark, TEXT, TEXT, SCORES, st.lists(SCORES, max_size=4).map(tuple), COUNTS, COUNTS), max_size=4
    )
)
def test_benchmarks_come_back_in_their_order(benchmarks):
    assert_comes_back(codec.encode_benchmarks(benchmarks), *benchmarks)


@STEADY
@given(sample_id=SAMPLE_IDS, reason=TEXT.filter(bool))
def test_a_skipped_sample_comes_back_with_its_reason(sample_id, reason):
    assert back(codec.encode_skipped(SampleSkipped(sample_id, reason))) == [SampleSkipped(sample_id, reason)]


@pytest.mark.parametrize("sample_id", [0, 1, 2**31 - 1])
def test_a_finished_sample_comes_back(sample_id):
    assert back(codec.encode_done(SampleDone(sample_id))) == [SampleDone(sample_id)]


def test_the_end_of_a_run_comes_back():
    (end,) = codec.decode(codec.as_event(codec.encode_end(), 1234567890.25))
    assert (end, end.at) == (RunEnd(), 1234567890.25)


def test_label_zero_is_not_taken_for_no_label():
    scores = [Score(0, "GradCAM", "Faithfulness", 0, 0.5), Score(0, "GradCAM", "Robustness", None, 0.25)]
    assert back(codec.encode_scores(0, scores)) == scores


def test_an_event_has_its_time_and_step_one():
    event = codec.as_event(codec.encode_end(), 1234567890.25)
    assert (event.wall_time, event.step, event.WhichOneof("what")) == (1234567890.25, 1, "explain")


# ------------------------------------------------- what MindInsight gets


def test_ground_truth_and_inference_are_in_one_message_each_list_aligned_with_its_labels():
    """MindInsight pairs probabilities with the labels of the same event; apart they make its job page fail."""
    said = prediction(0.125, 0.75, 0.0625, 0.875, truth=(2, 1), predicted=(3, 1))
    message = codec.encode_sample(ImageFile(5, "_explain_17/origin_images/0/5.png"), said)
    assert (message.sample_id, message.image_path) == (5, "_explain_17/origin_images/0/5.png")
    assert list(message.ground_truth_label) == [2, 1]
    assert list(message.inference.ground_truth_prob) == [0.0625, 0.75]
    assert list(message.inference.predicted_label) == [3, 1]
    assert list(message.inference.predicted_prob) == [0.875, 0.75]
    assert not message.HasField("metadata")  # MindInsight works on the sample first and fails without metadata


ABOVE_HALF = float(np.nextafter(np.float32(0.5), np.float32(1)))


@pytest.mark.parametrize(
    ("predicted", "shown"),
    [
        ((0, 1, 2, 3), [1, 3]),  # a run's threshold below 0.5: MindInsight would call the others false negatives
        ((3,), [3]),  # a run's threshold above: what the run does not call predicted is not shown as such
        ((0, 2), []),
        ((), []),
    ],
)
def test_a_label_is_shown_as_predicted_only_above_one_half(predicted, shown):
    said = prediction(0.5, ABOVE_HALF, 0.375, 0.875, truth=(0,), predicted=predicted)
    message = codec.encode_sample(ImageFile(5, "5.png"), said)
    assert list(message.inference.predicted_label) == shown
    assert list(message.inference.predicted_prob) == [said.probabilities[label] for label in shown]
    assert list(message.sample.predicted) == list(predicted)  # our own field keeps the run's view


@pytest.mark.parametrize(
    ("truth", "predicted", "expected"),
    [((0,), (), True), ((), (3,), True), ((), (1,), False), ((), (), False), ((2,), (3,), True)],
)
def test_a_sample_with_neither_a_true_nor_a_predicted_label_is_not_for_mindinsight(truth, predicted, expected):
    assert codec.is_shown(prediction(0.1, 0.5, 0.1, 0.9, truth=truth, predicted=predicted)) is expected


def test_a_hidden_sample_has_its_picture_in_our_own_field_alone():
    said = prediction(0.25, 0.125, 0.375, 0.25, truth=(), predicted=(2,))
    message = codec.encode_sample(ImageFile(5, "5.png", shown=False), said)
    assert {field.name for field, _ in message.ListFields()} == {"sample_id", "sample"}
    assert message.sample.image_path == "5.png"
    assert_comes_back(message, ImageFile(5, "5.png", shown=False), said)


def test_an_underscore_is_shown_as_it_is_without_occlusion():
    message = codec.encode_metadata(METADATA)
    assert list(message.metadata.label) == ["cat", "hot_dog", "eel", "fox"]


def test_an_underscore_is_shown_as_a_blank_with_occlusion_and_kept_in_our_own_field():
    message = codec.encode_metadata(dataclasses.replace(METADATA, jobs=("saliency", "hierarchical_occlusion")))
    assert list(message.metadata.label) == ["cat", "hot dog", "eel", "fox"]
    assert list(message.run.label) == ["cat", "hot_dog", "eel", "fox"]


@pytest.mark.parametrize(
    "score",
    [
        math.inf,
        -math.inf,
        math.nan,
        pytest.param(1e39, id="finite, but infinite as float32"),
        pytest.param(-1e300, id="finite, but minus infinite as float32"),
    ],
)
def test_a_score_that_is_not_finite_is_written_as_nan(score):
    """MindInsight would answer with the literal Infinity, which no browser parses."""
    message = codec.encode_benchmarks([Benchmark("GradCAM", "Faithfulness", score, (0.5, score), 1, 2)])
    (entry,) = message.benchmark
    assert math.isnan(entry.total_score)
    assert entry.label_score[0] == 0.5
    assert math.isnan(entry.label_score[1])
    (single,) = codec.encode_scores(5, [Score(5, "GradCAM", "Faithfulness", 1, score)]).score
    assert math.isnan(single.value)


@pytest.mark.parametrize("score", [float(np.finfo(np.float32).max), -float(np.finfo(np.float32).max), 0.0, 1e-44])
def test_the_greatest_and_smallest_finite_scores_are_written_as_they_are(score):
    (single,) = codec.encode_scores(5, [Score(5, "GradCAM", "Faithfulness", 1, score)]).score
    assert single.value == float(np.float32(score))


# ------------------------------------------------- MindSpore's own messages


@pytest.fixture(scope="module")
def theirs():
    return pytest.importorskip("mindspore.train.summary_pb2", reason="MindSpore without summary messages")


def numbered(message: object) -> dict[int, object]:
    """Field number -> value of all that is set below 1000, messages likewise; numbers are all that the wire has."""
    return {field.number: _numbered(value) for field, value in message.ListFields() if field.number < 1000}


def _numbered(value: object) -> object:
    if isinstance(value, str | int | float):
        return value
    return numbered(value) if hasattr(value, "ListFields") else [_numbered(entry) for entry in value]


def full_message() -> Explain:
    """Every field that MindInsight knows, and all of ours."""
    said = prediction(0.125, 0.75, 0.0625, 0.875, truth=(2, 1), predicted=(3, 1))
    message = codec.encode_sample(ImageFile(5, "5.png"), said)
    inference = message.inference
    for place, name in enumerate(("sd", "itl95_low", "itl95_hi"), start=1):
        getattr(inference, f"ground_truth_prob_{name}").extend([0.25 / place, 0.5 / place])
        getattr(inference, f"predicted_prob_{name}").extend([0.75 / place, 1.0 / place])
    raw = RawMapFile("5_2.npy", b"digest of floats", -3)
    message.MergeFrom(codec.encode_saliency(SaliencyFile(5, "GradCAM", 2, "5_2.png", -1.5, 3.25, raw=raw)))
    message.MergeFrom(codec.encode_scores(5, [Score(5, "GradCAM", "Faithfulness", 2, 0.5)]))
    curve = ScoreCurve(5, "GradCAM", "Faithfulness", 2, "blur", np.float32([0, 1]), np.float32([0.75, 0.125]))
    message.MergeFrom(codec.encode_curves(5, [curve]))
    message.MergeFrom(
        codec.encode_benchmarks([Benchmark("GradCAM", "Faithfulness", 0.5, (0.25, 0.0, 0.75, 0.375), 3, 1)])
    )
    message.MergeFrom(codec.encode_metadata(METADATA))
    message.MergeFrom(codec.encode_done(SampleDone(5)))
    message.MergeFrom(codec.encode_end())
    message.skipped = "no reason"
    message.uncertainty.MergeFrom(Explain.Uncertainty(mean=[0.5, 0.25], total=0.75))
    message.edit_tree.add(label=2, mask="gaussian:9", root=Explain.EditStep(layer=-1, box=[0, 0, 8, 6]))
    hoc = message.hoc.add(label=2, mask="gaussian:9")
    hoc.layer.add(prob=0.625, box=[1, 2, 3, 4, 5, 6, 7, 8])
    message.MergeFrom(codec.encode_repaired(RunRepaired("sample 4 is left out")))
    message.MergeFrom(codec.encode_resumed(RunResumed({"python": "3.12.1"})))
    message.MergeFrom(codec.encode_order(DatasetOrder(7, b"0123456789abcdef")))
    return message


@STEADY
@given(left_out=TEXT.filter(bool))
def test_what_a_repair_left_out_comes_back(left_out):
    assert back(codec.encode_repaired(RunRepaired(left_out))) == [RunRepaired(left_out)]


def test_the_order_of_a_dataset_comes_back():
    order = DatasetOrder(1_000_000, bytes(range(16)))
    assert back(codec.encode_order(order)) == [order]


def test_what_was_other_when_a_run_was_resumed_comes_back():
    changed = {"options": {"batch_size": 4}, "python": "3.12.1"}
    assert back(codec.encode_resumed(RunResumed(changed))) == [RunResumed(changed)]


@STEADY
@given(source=TEXT, digests=st.tuples(st.binary(min_size=16, max_size=16), st.sampled_from([b"", b"x" * 16])))
def test_where_a_sample_comes_from_comes_back(source, digests):
    origin = SampleOrigin(5, digests[0], source, digests[1])
    message = codec.encode_sample(ImageFile(5, "5.png"), prediction(0.25, 0.75), origin=origin)
    assert [record for record in back(message) if isinstance(record, SampleOrigin)] == [origin]


@STEADY
@given(boxes=st.lists(st.tuples(*[st.integers(0, 2**31 - 1)] * 5), min_size=1, max_size=3))
def test_boxes_of_objects_come_back(boxes):
    objects = ObjectBoxes(5, tuple(Box(*box) for box in boxes), (7, 3))
    message = codec.encode_sample(ImageFile(5, "5.png"), prediction(0.25, 0.75), objects=objects)
    assert [record for record in back(message) if isinstance(record, ObjectBoxes)] == [objects]


def test_a_box_that_is_cut_short_is_left_out():
    objects = ObjectBoxes(5, (Box(1, 2, 3, 4, 5), Box(0, 6, 7, 8, 9)), (20, 20))
    message = codec.encode_sample(ImageFile(5, "5.png"), prediction(0.25, 0.75), objects=objects)
    del message.sample.objects.box[-1]
    (found,) = (record for record in back(message) if isinstance(record, ObjectBoxes))
    assert found.boxes == objects.boxes[:1]
    del message.sample.objects.label[:]
    (found,) = (record for record in back(message) if isinstance(record, ObjectBoxes))
    assert found.boxes == ()


@STEADY
@given(labels=st.lists(st.integers(0, 3), min_size=1, max_size=3), count=st.integers(1, 4), values=st.randoms())
def test_draws_come_back(labels, count, values):
    drawn = np.float32([[values.random() for _ in labels] for _ in range(count)])
    row = np.float32([0.5, 0.25, 0.125, 0.125])
    doubt = Uncertainty(5, row, row, row, row, 0.5, 0.25, 0.25, Draws(tuple(labels), drawn))
    message = codec.encode_sample(ImageFile(5, "5.png"), prediction(0.5, 0.25, 0.125, 0.125), doubt)
    (found,) = (record for record in back(message) if isinstance(record, Uncertainty))
    assert found.draws.labels == tuple(labels)
    np.testing.assert_array_equal(found.draws.probabilities, drawn, strict=True)


@pytest.mark.parametrize(("labels", "draws"), [([], [0.5]), ([1], []), ([1, 2], [0.5, 0.25, 0.125])])
def test_draws_that_are_not_as_many_of_each_label_are_none(labels, draws):
    message = Explain(sample_id=5, sample=Explain.Sample(), uncertainty=Explain.Uncertainty(mean=[0.5]))
    message.uncertainty.drawn_label.extend(labels)
    message.uncertainty.draw.extend(draws)
    (found,) = (record for record in back(message) if isinstance(record, Uncertainty))
    assert found.draws is None


def test_a_sample_without_boxes_has_no_field_for_them():
    message = codec.encode_sample(ImageFile(5, "5.png"), prediction(0.25, 0.75))
    assert not message.sample.HasField("objects")


def test_a_file_name_that_is_not_utf_8_is_written_with_escapes():
    origin = SampleOrigin(5, b"x" * 16, "caf\udce9.png")
    records = back(codec.encode_sample(ImageFile(5, "5.png"), prediction(0.25, 0.75), origin=origin))
    (found,) = (record for record in records if isinstance(record, SampleOrigin))
    assert found.source == "caf\\udce9.png"


def test_the_full_message_has_every_field_of_the_wire():
    message = full_message()
    assert {field.name for field, _ in message.ListFields()} == set(Explain.DESCRIPTOR.fields_by_name)
    assert len(message.inference.ListFields()) == 9


def test_mindspores_event_reads_the_same_numbers_with_the_same_values(theirs):
    ours = codec.as_event(full_message(), 1.5)
    assert numbered(theirs.Event.FromString(ours.SerializeToString())) == numbered(ours)


def test_mindspores_event_reads_a_sample_field_by_field(theirs):
    event = theirs.Event.FromString(on_disk(full_message()))
    explain = event.explain
    assert (event.wall_time, event.step, event.WhichOneof("what")) == (1.5, 1, "explain")
    assert (explain.sample_id, explain.image_path, explain.status) == (5, "5.png", "end")
    assert list(explain.ground_truth_label) == [2, 1]
    assert list(explain.inference.ground_truth_prob) == [0.0625, 0.75]
    assert list(explain.inference.predicted_label) == [3, 1]
    assert list(explain.inference.predicted_prob) == [0.875, 0.75]
    assert list(explain.inference.ground_truth_prob_sd) == [0.25, 0.5]
    assert list(explain.inference.ground_truth_prob_itl95_low) == [0.125, 0.25]
    assert list(explain.inference.predicted_prob_sd) == [0.75, 1.0]
    assert list(explain.inference.predicted_prob_itl95_low) == [0.375, 0.5]
    (explanation,) = explain.explanation
    assert (explanation.explain_method, explanation.label, explanation.heatmap_path) == ("GradCAM", 2, "5_2.png")
    (benchmark,) = explain.benchmark
    assert (benchmark.benchmark_method, benchmark.explain_method) == ("Faithfulness", "GradCAM")
    assert (benchmark.total_score, list(benchmark.label_score)) == (0.5, [0.25, 0.0, 0.75, 0.375])
    assert list(explain.metadata.label) == list(LABEL_NAMES)
    assert list(explain.metadata.explain_method) == ["GradCAM", "Gradient"]
    assert list(explain.metadata.benchmark_method) == ["Faithfulness", "Localization", "Robustness"]
    (hoc,) = explain.hoc
    assert (hoc.label, hoc.mask, hoc.layer[0].prob) == (2, "gaussian:9", 0.625)
    assert list(hoc.layer[0].box) == [1, 2, 3, 4, 5, 6, 7, 8]


def test_without_our_own_fields_the_bytes_are_those_of_mindspores_event(theirs):
    message = full_message()
    for name in (
        "run",
        "sample",
        "score",
        "done",
        "skipped",
        "curve",
        "uncertainty",
        "edit_tree",
        "repaired",
        "resumed",
        "order",
    ):
        message.ClearField(name)
    for entry in message.explanation:
        entry.ClearField("low")
        entry.ClearField("high")
        entry.ClearField("raw")
    for entry in message.benchmark:
        entry.ClearField("defined")
        entry.ClearField("undefined")
    ours = on_disk(message)
    same = theirs.Event.FromString(ours)
    same.DiscardUnknownFields()
    assert same.SerializeToString() == ours


def test_numbers_that_mindinsight_reads_are_written_one_by_one():
    """proto2 without packing: the reader is of 2020."""
    said = prediction(0.125, 0.75, 0.0625, 0.875, truth=(2, 1), predicted=())
    message = codec.encode_sample(ImageFile(5, "5.png"), said)
    assert b"\x18\x02\x18\x01" in message.SerializeToString()  # field 3, varint 2; field 3, varint 1


# ------------------------------------------------- other versions


# field 4000: the number 42; field 4001: the text "new"; field 4002: a message whose field 1 is 1
UNKNOWN = bytes.fromhex("80fa012a" + "8afa01036e6577" + "92fa01020801")


def with_unknown(message: Explain) -> Explain:
    """The message with fields that no version knows: a number, a text and a message."""
    return Explain.FromString(message.SerializeToString() + UNKNOWN)


@pytest.mark.parametrize(
    "message",
    [
        codec.encode_metadata(METADATA),
        codec.encode_sample(ImageFile(5, "5.png"), prediction(0.1, 0.9, 0.2, 0.3, truth=(1,), predicted=(1,))),
        codec.encode_saliency(SaliencyFile(5, "GradCAM", 2, "5_2.png", -1.5, 3.25)),
        codec.encode_scores(5, [Score(5, "GradCAM", "Faithfulness", 2, 0.5)]),
        codec.encode_done(SampleDone(5)),
        codec.encode_skipped(SampleSkipped(6, "it is not finite")),
        codec.encode_benchmarks([Benchmark("GradCAM", "Faithfulness", 0.5, (0.25, 0.75), 3, 1)]),
        codec.encode_end(),
    ],
    ids=["metadata", "sample", "saliency", "scores", "done", "skipped", "benchmarks", "end"],
)
def test_fields_that_are_not_known_are_passed_over(message):
    extended = with_unknown(message)
    assert len(extended.SerializeToString()) == len(message.SerializeToString()) + len(UNKNOWN)  # they are there
    assert_comes_back(extended, *back(message))


def test_a_message_of_unknown_fields_alone_holds_no_record():
    assert back(with_unknown(Explain())) == []


def test_an_event_of_another_kind_holds_no_record():
    event = Event(wall_time=1.5, version="MindSpore.Event:1")
    assert list(codec.decode(Event.FromString(event.SerializeToString()))) == []


@pytest.mark.parametrize(("major", "minor"), [(codec.FORMAT_MAJOR, codec.FORMAT_MINOR + 1), (codec.FORMAT_MAJOR, 99)])
def test_a_newer_minor_version_is_read(major, minor):
    message = codec.encode_metadata(METADATA)
    message.run.format_major, message.run.format_minor = major, minor
    assert back(with_unknown(message)) == [METADATA]


def test_a_newer_major_version_is_refused_with_both_versions_and_what_to_do():
    message = codec.encode_metadata(METADATA)
    message.run.format_major, message.run.format_minor = codec.FORMAT_MAJOR + 1, 3
    expected = (
        rf"format {codec.FORMAT_MAJOR + 1}\.3, written by explainer 0\.9\.1; "
        rf"this version reads up to {codec.FORMAT_MAJOR}\.x, so install a newer one"
    )
    with pytest.raises(SummaryReadError, match=expected):
        back(message)


def test_the_copy_of_the_metadata_says_the_same_and_nothing_to_mindinsight():
    copy = codec.encode_metadata_copy(METADATA)
    assert back(copy) == [METADATA]
    assert [field.name for field, _ in copy.ListFields()] == ["run"]


def test_metadata_carries_the_version_of_the_format():
    run = codec.encode_metadata(METADATA).run
    assert (run.format_major, run.format_minor) == (codec.FORMAT_MAJOR, codec.FORMAT_MINOR) == (1, 6)


@pytest.mark.parametrize(
    "text", ["", "{", "[1, 2]", "null", "7", '"text"', "[" * 100_000, '{"a":' * 100_000], ids=lambda text: text[:8]
)
def test_parameters_that_are_no_json_object_are_read_as_none(text):
    message = codec.encode_metadata(METADATA)
    message.run.parameters = text
    assert back(message) == [dataclasses.replace(METADATA, parameters={})]


def test_a_parameter_that_is_not_finite_is_read_as_none():
    """JSON has no nan; who shows the parameters as JSON must not have to look for it."""
    message = codec.encode_metadata(dataclasses.replace(METADATA, parameters={"sigma": [math.nan, math.inf, 0.5]}))
    assert back(message) == [dataclasses.replace(METADATA, parameters={"sigma": [None, None, 0.5]})]


@pytest.mark.parametrize("number", ["1e999", "-1e999", "123456789e9999999"])
def test_a_number_that_would_be_infinite_is_read_as_none(number):
    message = codec.encode_metadata(METADATA)
    message.run.parameters = f'{{"sigma": [{number}, 0.5]}}'
    assert back(message) == [dataclasses.replace(METADATA, parameters={"sigma": [None, 0.5]})]


@pytest.mark.parametrize(("levels", "kept"), [(99, True), (100, False), (900, False)])
def test_parameters_that_could_not_be_written_again_are_read_as_none(levels, kept):
    """Python's reader goes deeper than its writer."""
    message = codec.encode_metadata(METADATA)
    message.run.parameters = '{"a": ' + "[" * levels + "]" * levels + "}"
    assert (back(message)[0].parameters != {}) == kept


def test_parameters_that_are_not_json_are_refused():
    with pytest.raises(TypeError, match="not JSON serializable"):
        codec.encode_metadata(dataclasses.replace(METADATA, parameters={"network": object()}))


def test_equal_parameters_give_equal_bytes_whatever_their_order():
    one = codec.encode_metadata(dataclasses.replace(METADATA, parameters={"a": 1, "b": 2}))
    other = codec.encode_metadata(dataclasses.replace(METADATA, parameters={"b": 2, "a": 1}))
    assert on_disk(one) == on_disk(other)
