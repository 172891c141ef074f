"""Reading a run back: what it holds, what is damaged, and what a stranger's file must not reach."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import explainer
from explainer.analysis.view import RunView, read_run
from explainer.errors import ExplainerError, SummaryReadError
from explainer.records import (
    Benchmark,
    ImageFile,
    OriginalImage,
    Prediction,
    RunEnd,
    RunMetadata,
    Saliency,
    SaliencyFile,
    SampleDone,
    SampleSkipped,
    Score,
)
from explainer.summary import codec
from explainer.summary.explain_pb2 import Event, Explain
from explainer.summary.images import png_of
from explainer.summary.reader import SampleView, read_records
from explainer.summary.recordfile import frame, read_frames
from explainer.summary.run_notes import Finding
from explainer.summary.writer import SummaryWriter

METADATA = RunMetadata(
    labels=("cat", "dog", "eel", "fox"),
    explainers=("GradCAM", "Gradient"),
    metrics=("Faithfulness",),
    jobs=("saliency",),
    parameters={"seed": 7},
    package_version="0.9.1",
)
PROBABILITIES = np.float32([0.0625, 0.75, 0.125, 0.0625])
MAP = np.float32([[-1, 0, 1, 2, 3, 4, 5]] * 5)
PICTURE = np.random.default_rng(4).integers(0, 256, (5, 7, 3), np.uint8)


def write_run(folder: Path, samples: tuple[int, ...] = (0, 2, 1), clock: float = 1700000000) -> Path:
    """A whole run; its event file."""
    with SummaryWriter(folder, METADATA, clock=lambda: clock) as writer:
        for number in samples:
            writer.write(OriginalImage(number, PICTURE))
            writer.write(Prediction(number, (2,), (1,), (1, 2), PROBABILITIES))
            for name in METADATA.explainers:
                writer.write(Saliency(number, name, 2, MAP * (number + 1)))
            writer.write(Score(number, "GradCAM", "Faithfulness", 2, 0.25 * number))
            writer.write(SampleDone(number))
        writer.write(SampleSkipped(7, "the image of sample 7 has a NaN"))
        writer.write(Benchmark("GradCAM", "Faithfulness", 0.25, (0.0, 0.0, 0.25, 0.0), 3, 1))
        writer.write(RunEnd())
    return writer.event_file


def write_png(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png_of(pixels))


def event(message: Explain) -> bytes:
    return frame(codec.as_event(message, 1.5).SerializeToString())


def image_message(number: int, path: str = "5.png") -> Explain:
    prediction = Prediction(number, (2,), (1,), (1, 2), PROBABILITIES)
    return codec.encode_sample(ImageFile(number, path), prediction)


def write_events(folder: Path, *messages: Explain, metadata: RunMetadata | None = METADATA) -> Path:
    """An event file by hand."""
    folder.mkdir(parents=True, exist_ok=True)
    first = [] if metadata is None else [codec.encode_metadata(metadata)]
    path = folder / "events.out.events.summary.1700000000.1_explain"
    path.write_bytes(b"".join(event(message) for message in [*first, *messages]))
    return path


def seen_in(sample: SampleView) -> tuple[object, ...]:
    """What a sample holds, in a form that compares."""
    prediction = sample.prediction
    facts = (prediction.ground_truth, prediction.predicted, prediction.explained, prediction.probabilities.tolist())
    return sample.image, facts, sample.maps, sample.scores


# ------------------------------------------------- what a run holds


def test_a_run_holds_everything_that_was_written(tmp_path: Path):
    event_file = write_run(tmp_path)
    run = read_run(tmp_path)
    assert run.summary_dir == tmp_path
    assert (run.files.event_file, run.files.timestamp) == (event_file, 1700000000)
    assert run.files.data_dir == tmp_path / "_explain_1700000000"
    assert run.metadata == METADATA
    assert list(run.samples) == [0, 1, 2]  # by number, whatever the order in the file
    assert run.skipped == {7: "the image of sample 7 has a NaN"}
    assert [entry.explainer for entry in run.benchmarks] == ["GradCAM", "Gradient"]
    assert run.benchmarks[0] == Benchmark("GradCAM", "Faithfulness", 0.25, (0.0, 0.0, 0.25, 0.0), 3, 1)
    assert (run.ended, run.unfinished, run.findings, run.older) == (True, (), (), ())


def test_a_sample_holds_its_picture_prediction_maps_and_scores(tmp_path: Path):
    write_run(tmp_path)
    sample = read_run(tmp_path).samples[2]

    def digest(path: str) -> bytes:
        return hashlib.blake2b((tmp_path / path).read_bytes(), digest_size=16).digest()

    picture, of_gradcam, of_gradient = (
        f"_explain_1700000000/{name}/0/2{end}.png"
        for name, end in (("origin_images", ""), ("heatmap/GradCAM", "_2"), ("heatmap/Gradient", "_2"))
    )
    assert sample.sample_id == 2
    assert seen_in(sample) == (
        ImageFile(2, picture, shown=True, digest=digest(picture)),
        ((2,), (1,), (1, 2), [0.0625, 0.75, 0.125, 0.0625]),
        (
            SaliencyFile(2, "GradCAM", 2, of_gradcam, -3.0, 15.0, digest=digest(of_gradcam)),
            SaliencyFile(2, "Gradient", 2, of_gradient, -3.0, 15.0, digest=digest(of_gradient)),
        ),
        (Score(2, "GradCAM", "Faithfulness", 2, 0.5),),
    )
    assert sample.prediction.probabilities.dtype == np.float32


def test_the_old_name_of_correct_warns_and_works(tmp_path: Path):
    write_run(tmp_path)
    sample = read_run(tmp_path).samples[0]
    with pytest.warns(DeprecationWarning, match="`SampleView.right` is now called `correct`") as caught:
        assert sample.right is sample.correct
    assert caught[0].filename == __file__  # the line that uses the old name is named


def test_picture_and_map_come_back(tmp_path: Path):
    write_run(tmp_path)
    run = read_run(tmp_path)
    sample = run.samples[1]
    np.testing.assert_array_equal(run.picture(sample.image), PICTURE, strict=True)
    # half a grey step, as the map goes from -2 to 10, and the rounding to float32
    np.testing.assert_allclose(run.saliency(sample.maps[1]), MAP * 2, rtol=0, atol=12 / 510 + 1e-6)


def test_a_folder_may_be_given_as_text_and_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_run(tmp_path / "job")
    monkeypatch.chdir(tmp_path)
    run = read_run("job")
    assert run.picture(run.samples[0].image).shape == (5, 7, 3)


def test_the_newest_run_is_read_and_the_older_ones_are_listed(tmp_path: Path):
    files = [write_run(tmp_path, (number,), clock=clock) for number, clock in ((0, 900), (1, 1000), (2, 950))]
    run = read_run(tmp_path)
    assert run.files.timestamp == 1001  # the third run came when the clock had gone back
    assert run.files.event_file == files[2]
    assert [older.event_file for older in run.older] == files[:2]
    assert list(run.samples) == [2]


def test_any_run_of_the_folder_is_read_by_its_number_or_its_event_file(tmp_path: Path):
    files = [write_run(tmp_path, (number,), clock=900 + number) for number in range(3)]
    for number, event_file in enumerate(files):
        for chosen in (900 + number, str(900 + number), event_file.name):
            run = read_run(tmp_path, run=chosen)
            assert (run.files.event_file, list(run.samples)) == (event_file, [number])
            assert [other.event_file for other in run.older] == [file for file in files if file != event_file]


@pytest.mark.parametrize("chosen", [17, "absent", "90", ""])
def test_a_run_that_is_not_there_is_told_with_those_that_are(tmp_path: Path, chosen):
    for clock in range(900, 907):
        write_events(tmp_path).rename(tmp_path / f"summary.{clock}_explain")
    with pytest.raises(SummaryReadError) as caught:
        read_run(tmp_path, run=chosen)
    assert str(caught.value) == f"found no run {chosen} in {tmp_path}; the newest there are 902, 903, 904, 905, 906"


def test_the_newest_run_has_the_greatest_number_and_not_the_last_name(tmp_path: Path):
    write_run(tmp_path, (0,), clock=1000)
    newest = write_run(tmp_path, (1,), clock=20000)
    first = write_run(tmp_path / "other", (2,), clock=3)
    shutil.move(first, tmp_path / first.name)
    assert read_run(tmp_path).files.event_file == newest
    assert [older.timestamp for older in read_run(tmp_path).older] == [3, 1000]


@pytest.mark.parametrize(
    "name",
    ["events.out.events.summary.99_MS", "summary.99.explain", "events.summary.abc_explain", "manifest.json_explain"],
)
def test_other_files_in_the_folder_are_not_taken_for_runs(tmp_path: Path, name):
    event_file = write_run(tmp_path)
    (tmp_path / name).write_bytes(b"something else")
    run = read_run(tmp_path)
    assert (run.files.event_file, run.older) == (event_file, ())


@contextlib.contextmanager
def does_not_wait_for(pipe: Path) -> Iterator[None]:
    """Fails when the block opens the pipe for reading; such a reader gets an empty file after half a second."""
    waited = []
    left = threading.Event()

    def let_go() -> None:
        while not left.wait(timeout=0.5):
            with contextlib.suppress(OSError):  # nobody reads
                os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
                waited.append(pipe)

    helper = threading.Thread(target=let_go)
    helper.start()
    try:
        yield
    finally:
        left.set()
        helper.join()
    assert waited == []


def test_a_folder_or_pipe_named_like_a_run_is_not_taken_for_one(tmp_path: Path):
    event_file = write_run(tmp_path)
    (tmp_path / "summary.1800000000_explain").mkdir()
    os.mkfifo(tmp_path / "summary.1800000001_explain")
    with does_not_wait_for(tmp_path / "summary.1800000001_explain"):
        run = read_run(tmp_path)
    assert (run.files.event_file, run.older) == (event_file, ())


# ------------------------------------------------- no run


@pytest.mark.parametrize("name", ["absent", "file"])
def test_a_folder_that_is_none_is_named(tmp_path: Path, name):
    (tmp_path / "file").touch()
    with pytest.raises(SummaryReadError) as caught:
        read_run(tmp_path / name)
    assert str(caught.value) == f"found no summary in {tmp_path / name}: there is no such folder"


def test_an_empty_folder_is_told_what_is_missing(tmp_path: Path):
    with pytest.raises(SummaryReadError) as caught:
        read_run(tmp_path)
    assert str(caught.value) == f"found no summary in {tmp_path}: no file *summary.<number>*_explain"
    (tmp_path / "parts").mkdir()
    with pytest.raises(SummaryReadError, match=r"its run is in parts .* go on with it by --workers N --resume"):
        read_run(tmp_path)


def test_the_folder_above_is_told_where_the_summaries_are(tmp_path: Path):
    """MindInsight is given the folder above the summaries, so it is the likely mistake."""
    for name in ("zebra", "digits"):
        write_run(tmp_path / name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SummaryReadError) as caught:
        read_run(tmp_path)
    assert str(caught.value) == f"found no summary in {tmp_path}; its folders digits, zebra hold summaries"


def test_the_hint_names_at_most_five_folders(tmp_path: Path):
    for number in range(7):
        write_events(tmp_path / f"job{number}")
    with pytest.raises(SummaryReadError, match=r"folders job0, job1, job2, job3, job4 hold"):
        read_run(tmp_path)


def test_a_read_error_is_a_value_error_and_one_of_ours(tmp_path: Path):
    with pytest.raises(SummaryReadError) as caught:
        read_run(tmp_path)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, ExplainerError)


def test_a_folder_that_may_not_be_read_is_a_read_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def forbidden(self: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", forbidden)
    with pytest.raises(SummaryReadError, match="Permission denied"):
        read_run(tmp_path)


def test_an_event_file_of_another_tool_is_told_apart(tmp_path: Path):
    """MindSpore's own first event, version "MindSpore.Event:1"."""
    version = bytes.fromhex("09" + "000000000000f83f") + b"\x1a\x11MindSpore.Event:1"
    (tmp_path / "events.summary.17_explain").write_bytes(frame(version))
    with pytest.raises(SummaryReadError, match=r"17_explain holds no metadata of this project; was it written by ano"):
        read_run(tmp_path)


def test_a_summary_of_the_original_mindspore_explainer_is_told_apart(tmp_path: Path):
    message = codec.encode_metadata(METADATA)
    message.ClearField("run")
    write_events(tmp_path, message, metadata=None)
    with pytest.raises(SummaryReadError, match="holds no metadata of this project"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n\x1a\n", b"\x1f\x8b\x08" + bytes(40), b"text\n" * 50, bytes(500)]
)
def test_what_is_no_event_file_is_refused(tmp_path: Path, content):
    (tmp_path / "events.summary.17_explain").write_bytes(content)
    with pytest.raises(SummaryReadError, match=r"holds no metadata of this project|was written by another tool"):
        read_run(tmp_path)


def test_a_later_major_version_is_refused(tmp_path: Path):
    message = codec.encode_metadata(METADATA)
    message.run.format_major = codec.FORMAT_MAJOR + 1
    write_events(tmp_path, message, metadata=None)
    with pytest.raises(SummaryReadError, match="install a newer one"):
        read_run(tmp_path)


def test_an_event_file_that_cannot_be_opened_is_a_read_error(tmp_path: Path):
    with pytest.raises(SummaryReadError, match=r"could not read .*absent: No such file"):
        list(read_records(tmp_path / "absent"))


# ------------------------------------------------- unfinished and damaged


def test_a_run_in_progress_lists_its_unfinished_samples(tmp_path: Path):
    messages = [image_message(3), codec.encode_done(SampleDone(3)), image_message(9), image_message(4)]
    write_events(tmp_path, *messages)
    run = read_run(tmp_path)
    assert (list(run.samples), run.unfinished, run.ended, run.findings) == ([3], (4, 9), False, ())


def test_a_sample_that_is_done_but_has_no_picture_is_not_whole(tmp_path: Path):
    write_events(tmp_path, codec.encode_done(SampleDone(3)))
    assert read_run(tmp_path).samples == {}


def test_a_file_cut_at_any_byte_gives_the_whole_samples_before(tmp_path: Path):
    event_file = write_run(tmp_path, (2, 1))
    whole = event_file.read_bytes()
    expected = {number: seen_in(sample) for number, sample in read_run(tmp_path).samples.items()}
    boundaries = [0]  # between two frames nothing shows that there was more
    done_at = {}
    for found in read_frames(BytesIO(whole)):
        boundaries.append(found.offset + 16 + len(found.payload))
        message = codec.decode(Event.FromString(found.payload))
        done_at |= {record.sample_id: boundaries[-1] for record in message if isinstance(record, SampleDone)}
    assert list(done_at) == [2, 1]
    for cut in range(boundaries[1], len(whole) + 1):
        event_file.write_bytes(whole[:cut])
        run = read_run(tmp_path)
        finished = {number: facts for number, facts in expected.items() if done_at[number] <= cut}
        assert {number: seen_in(sample) for number, sample in run.samples.items()} == finished, f"cut at {cut}"
        last = max(place for place in boundaries if place <= cut)
        damage = () if cut == last else (Finding(last, "the file ends in the middle of a record"),)
        assert run.findings == damage
        assert run.ended == (cut == len(whole))
    for cut in range(boundaries[1]):
        event_file.write_bytes(whole[:cut])
        with pytest.raises(SummaryReadError, match="is truncated" if cut else "holds no metadata"):
            read_run(tmp_path)


def test_a_flipped_bit_costs_the_sample_whose_record_it_is_in_and_no_other(tmp_path: Path):
    event_file = write_run(tmp_path, (2, 1))
    whole = event_file.read_bytes()
    expected = {number: seen_in(sample) for number, sample in read_run(tmp_path).samples.items()}
    frames = list(read_frames(BytesIO(whole)))
    owner = {found.offset: Event.FromString(found.payload).explain for found in frames}
    for byte in range(len(whole)):
        flipped = bytearray(whole)
        flipped[byte] ^= 1 << byte % 8
        event_file.write_bytes(flipped)
        run = read_run(tmp_path)
        hit = owner[max(offset for offset in owner if offset <= byte)]
        lost = {hit.sample_id} if hit.sample_id in expected else set()  # another one was skipped
        assert {number: seen_in(sample) for number, sample in run.samples.items()} == {
            number: facts for number, facts in expected.items() if number not in lost
        }, f"byte {byte}"
        assert set(run.unfinished) == lost, f"byte {byte}"
        assert run.metadata == METADATA, f"byte {byte}"
        assert len(run.findings) == 1, f"byte {byte}"


def test_a_run_whose_metadata_is_lost_gives_its_samples_with_numbers_for_labels(tmp_path: Path):
    event_file = write_run(tmp_path, (2, 1))
    spoilt = bytearray(event_file.read_bytes())
    complete = read_run(tmp_path)
    first, second = [found.offset for found in read_frames(BytesIO(bytes(spoilt)))][:2]
    spoilt[first + 20] ^= 1
    spoilt[second + 20] ^= 1
    event_file.write_bytes(spoilt)
    run = read_run(tmp_path)
    assert {number: seen_in(sample) for number, sample in run.samples.items()} == {
        number: seen_in(sample) for number, sample in complete.samples.items()
    }
    assert run.metadata.labels == tuple(map(str, range(len(complete.metadata.labels))))
    assert run.findings[-1].what.startswith("the metadata is damaged")


def test_damage_inside_a_sample_costs_that_sample_alone(tmp_path: Path):
    map_message = codec.encode_saliency(SaliencyFile(3, "GradCAM", 2, "3_2.png", 0.0, 1.0))
    parts = [
        event(codec.encode_metadata(METADATA)),
        *(event(message) for message in (image_message(2), codec.encode_done(SampleDone(2)))),
        event(image_message(3)),
        event(map_message),
        event(codec.encode_done(SampleDone(3))),
        *(event(message) for message in (image_message(4), codec.encode_done(SampleDone(4)))),
    ]
    spoilt = bytearray(parts[4])
    spoilt[20] ^= 1
    path = write_events(tmp_path)
    path.write_bytes(b"".join([*parts[:4], bytes(spoilt), *parts[5:]]))
    run = read_run(tmp_path)
    assert (list(run.samples), run.unfinished) == ([2, 4], (3,))
    assert run.findings == (Finding(sum(len(part) for part in parts[:4]), "a record's content is damaged"),)


def test_damage_between_two_samples_costs_neither(tmp_path: Path):
    skipped = bytearray(event(codec.encode_skipped(SampleSkipped(9, "why"))))
    skipped[20] ^= 1
    path = write_events(tmp_path, image_message(2), codec.encode_done(SampleDone(2)))
    after = event(image_message(4)) + event(codec.encode_done(SampleDone(4)))
    path.write_bytes(path.read_bytes() + bytes(skipped) + after)
    run = read_run(tmp_path)
    assert (list(run.samples), run.unfinished, len(run.findings)) == ([2, 4], (), 1)


def test_a_payload_that_is_no_message_is_a_finding_and_what_follows_is_read(tmp_path: Path):
    path = write_events(tmp_path)
    start = path.stat().st_size
    garbage = frame(b"\xff" * 30)
    path.write_bytes(path.read_bytes() + garbage + event(image_message(3)) + event(codec.encode_done(SampleDone(3))))
    run = read_run(tmp_path)
    assert run.findings == (Finding(start, "a record's content is damaged"),)
    assert list(run.samples) == [3]


def test_a_text_that_is_not_utf8_is_a_finding(tmp_path: Path):
    """protobuf's C implementation gives bytes for it, the one in Python raises."""
    path = write_events(tmp_path)
    start = path.stat().st_size
    spoilt = codec.as_event(codec.encode_skipped(SampleSkipped(9, "Why")), 1.5).SerializeToString()
    path.write_bytes(path.read_bytes() + frame(spoilt.replace(b"Why", b"\xff\xfey")) + event(codec.encode_end()))
    run = read_run(tmp_path)
    assert run.findings == (Finding(start, "a record's content is damaged"),)
    assert (run.skipped, run.ended) == ({}, True)


SAY_WHAT_IS_READ = """
import sys, types
package = types.ModuleType("explainer")  # without MindSpore, which chooses the implementation
package.__path__ = [sys.argv[1]]
sys.modules["explainer"] = package
from google.protobuf.internal import api_implementation
from explainer.analysis.view import read_run

run = read_run(sys.argv[2])
print(api_implementation.Type())
print(run.metadata, run.samples[3].image, run.samples[3].prediction.probabilities.tolist(), run.samples[3].scores)
print(run.findings, run.ended, run.benchmarks)
"""


@pytest.mark.parametrize("implementation", ["python", "upb"])
def test_both_implementations_of_protobuf_read_the_same(tmp_path: Path, implementation):
    """MindSpore switches to the one in Python when it is imported before protobuf."""
    score = Score(3, "GradCAM", "Faithfulness", 2, 0.5)
    path = write_events(tmp_path, image_message(3), codec.encode_scores(3, [score]), codec.encode_done(SampleDone(3)))
    garbage = [PAYLOADS[5].replace(b"why", b"\xff\xfey"), PAYLOADS[0].replace(b"cat", b"\xff\xfet"), b"\xff" * 9]
    benchmark = event(codec.encode_benchmarks([Benchmark("GradCAM", "Faithfulness", 0.5, (0.25, 0.75), 3, 1)]))
    path.write_bytes(path.read_bytes() + b"".join(map(frame, garbage)) + benchmark + event(codec.encode_end()))
    done = subprocess.run(
        [sys.executable, "-c", SAY_WHAT_IS_READ, str(Path(explainer.__file__).parent), str(tmp_path)],
        env=os.environ | {"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": implementation},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    run = read_run(tmp_path)
    assert len(run.findings) == 3
    assert done.stdout.splitlines() == [
        implementation,
        f"{run.metadata} {run.samples[3].image} {PROBABILITIES.tolist()} {(score,)}",
        f"{run.findings} True {run.benchmarks}",
    ]


PAYLOADS = [
    codec.as_event(message, 1.5).SerializeToString()
    for message in (
        codec.encode_metadata(METADATA),
        image_message(3),
        codec.encode_saliency(SaliencyFile(3, "GradCAM", 2, "3_2.png", 0.0, 1.0)),
        codec.encode_scores(3, [Score(3, "GradCAM", "Faithfulness", 2, 0.5)]),
        codec.encode_benchmarks([Benchmark("GradCAM", "Faithfulness", 0.5, (0.25, 0.75), 3, 1)]),
        codec.encode_skipped(SampleSkipped(4, "why")),
        codec.encode_done(SampleDone(3)),
    )
]


@settings(deadline=None, derandomize=True, database=None, max_examples=300)
@given(
    payload=st.sampled_from(PAYLOADS),
    edits=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 3), st.binary(max_size=3)), min_size=1, max_size=4),
)
def test_content_with_right_checksums_and_wrong_bytes_never_raises(tmp_path_factory, payload, edits):
    """A stranger can compute checksums."""
    content = bytearray(payload)
    for place, removed, inserted in edits:
        start = place % (len(content) + 1)
        content[start : start + removed] = inserted
    folder = tmp_path_factory.getbasetemp() / "edited"
    path = write_events(folder)
    path.write_bytes(path.read_bytes() + frame(bytes(content)) + event(codec.encode_end()))
    try:
        run = read_run(folder)
    except SummaryReadError as error:
        assert "install a newer one" in str(error)  # the edit may have hit the version
    else:
        assert run.ended


# ------------------------------------------------- pictures of a stranger


@pytest.fixture
def run(tmp_path: Path) -> RunView:
    """A run beside a picture that it must not reach."""
    write_png(tmp_path / "outside.png", PICTURE)
    write_events(tmp_path / "job", image_message(3), codec.encode_done(SampleDone(3)))
    return read_run(tmp_path / "job")


def both_refuse(run: RunView, path: str, match: str) -> None:
    """Pictures and maps go through one door."""
    with pytest.raises(SummaryReadError, match=match):
        run.picture(ImageFile(3, path))
    with pytest.raises(SummaryReadError, match=match):
        run.saliency(SaliencyFile(3, "GradCAM", 2, path, 0.0, 1.0))


@pytest.mark.parametrize("path", ["../outside.png", "../../etc/passwd", "_explain_1/../../outside.png", "/etc/passwd"])
def test_a_picture_outside_the_folder_is_refused(run: RunView, path):
    both_refuse(run, path, "paths must stay in the summary's folder, got")


def test_an_absolute_path_is_refused(run: RunView):
    both_refuse(run, str(run.summary_dir.parent / "outside.png"), "must stay in the summary's folder")


def test_a_folder_whose_name_begins_like_the_summarys_is_outside(run: RunView):
    write_png(run.summary_dir.parent / "job2" / "1.png", PICTURE)
    both_refuse(run, "../job2/1.png", "must stay in the summary's folder")


def test_a_link_out_of_the_folder_is_refused(run: RunView):
    (run.summary_dir / "link.png").symlink_to(run.summary_dir.parent / "outside.png")
    (run.summary_dir / "up").symlink_to(run.summary_dir.parent, target_is_directory=True)
    both_refuse(run, "link.png", "must stay in the summary's folder")
    both_refuse(run, "up/outside.png", "must stay in the summary's folder")


def test_a_link_inside_the_folder_and_a_linked_summary_are_followed(run: RunView):
    write_png(run.summary_dir / "real.png", PICTURE)
    (run.summary_dir / "link.png").symlink_to("real.png")
    (run.summary_dir.parent / "linked job").symlink_to(run.summary_dir, target_is_directory=True)
    linked = read_run(run.summary_dir.parent / "linked job")
    np.testing.assert_array_equal(linked.picture(ImageFile(3, "link.png")), PICTURE)


def test_a_name_that_is_too_long_is_refused(run: RunView):
    both_refuse(run, "x" * 5000, "could not (follow the path|read the picture)")


@pytest.mark.parametrize("path", ["", ".", "absent.png", "absent/1.png", "%2e%2e/outside.png", "C:\\x.png"])
def test_a_picture_that_is_not_there_is_named(run: RunView, path):
    both_refuse(run, path, "could not read the picture")


def test_a_path_with_a_nul_character_is_refused(run: RunView):
    both_refuse(run, "a\x00.png", "could not follow the path")


def test_a_link_that_leads_to_itself_is_refused(run: RunView):
    (run.summary_dir / "loop.png").symlink_to("loop.png")
    both_refuse(run, "loop.png", "could not (follow the path|read the picture)")


def test_a_pipe_in_place_of_a_picture_is_refused_without_waiting(run: RunView):
    os.mkfifo(run.summary_dir / "pipe.png")
    with does_not_wait_for(run.summary_dir / "pipe.png"):
        both_refuse(run, "pipe.png", r"could not read the picture 'pipe\.png'")


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"<html>", b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(30)])
def test_a_picture_that_is_no_png_is_named(run: RunView, content):
    (run.summary_dir / "1.png").write_bytes(content)
    both_refuse(run, "1.png", r"could not read the picture '1\.png'")


def test_a_picture_of_many_pixels_is_refused_unless_they_are_asked_for(run: RunView):
    (run.summary_dir / "1.png").write_bytes(png_of(np.zeros((80, 101), np.uint8)))
    image, entry = ImageFile(3, "1.png"), SaliencyFile(3, "GradCAM", 2, "1.png", 0.0, 1.0)
    for refused in (lambda: run.picture(image, most_pixels=8079), lambda: run.saliency(entry, most_pixels=8079)):
        with pytest.raises(SummaryReadError, match=r"'1\.png': the PNG must have at most 8,079 pixels, got 101 x 80"):
            refused()
    assert run.picture(image, most_pixels=8080).shape == run.saliency(entry, most_pixels=8080).shape == (80, 101)


def test_a_damaged_picture_never_raises_another_error(run: RunView):
    path = run.summary_dir / "1.png"
    write_png(path, PICTURE)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        try:
            run.picture(ImageFile(3, "1.png"))
        except SummaryReadError as error:
            assert "could not read the picture '1.png'" in str(error)


def test_a_coloured_picture_is_no_saliency_map(run: RunView):
    write_png(run.summary_dir / "1.png", PICTURE)
    with pytest.raises(SummaryReadError, match="grey"):
        run.saliency(SaliencyFile(3, "GradCAM", 2, "1.png", 0.0, 1.0))


def test_an_event_file_is_not_changed_by_reading(tmp_path: Path):
    event_file = write_run(tmp_path)
    before = (event_file.read_bytes(), event_file.stat().st_mtime_ns)
    read_run(tmp_path)
    assert (event_file.read_bytes(), event_file.stat().st_mtime_ns) == before
