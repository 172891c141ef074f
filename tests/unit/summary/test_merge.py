"""What `merge` makes of shards: the run in one piece, value by value; and what it refuses, and in which words."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hand_made_runs import flip
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from run_leaves import compared, leaves_of
from shard_runs import DIGEST, METADATA, STARTED, write_part, write_shards, write_whole

from explainer import merge
from explainer.analysis.view import read_run
from explainer.errors import MergeError, SummaryReadError, SummaryWriteError
from explainer.summary.explain_pb2 import Event
from explainer.summary.folder import find_runs
from explainer.summary.index_file import same_places, stored_index
from explainer.summary.manifest import JOBS
from explainer.summary.recorded_run import open_recorded
from explainer.summary.recordfile import frame, read_frames
from explainer.summary.repair import repair
from explainer.summary.sample_index import index_of
from explainer.summary.verify import verify


def content_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def values_of(folder: Path) -> dict[str, Any]:
    """All of a run but for who computed it: the metadata of one that was put together tells that, too."""
    own = ("metadata.parameters.merged", "metadata.parameters.length")
    return {where: value for where, value in leaves_of(folder) if not where.startswith(own)}


def require_equal(one: Path, other: Path) -> None:
    different, _ = compared(values_of(one), values_of(other))
    assert different == ()


def frames_of(event_file: Path) -> list[bytes]:
    return [found.payload for found in read_frames(BytesIO(event_file.read_bytes()))]


def rewrite(folder: Path, change: Callable[[Event], None]) -> None:
    """Changes each event of a run."""
    (run,) = find_runs(folder)
    events = [Event.FromString(payload) for payload in frames_of(run.event_file)]
    for event in events:
        change(event)
    run.event_file.write_bytes(b"".join(frame(event.SerializeToString()) for event in events))


# ------------------------------------------------- one run as if in one piece


@pytest.mark.parametrize("count", [1, 2, 3, 7, 12])
def test_shards_are_the_run_in_one_piece(tmp_path: Path, count: int):
    write_whole(tmp_path / "whole")
    made = merge(tmp_path / "out", write_shards(tmp_path, count))
    require_equal(tmp_path / "out", tmp_path / "whole")
    assert verify(tmp_path / "out").problems == ()
    assert (made.samples, made.skipped, made.linked + made.copied, made.left_out) == (11, 1, 55, "")


def test_samples_come_in_the_order_of_the_dataset_whichever_shard_comes_first(tmp_path: Path):
    shards = write_shards(tmp_path, 3)
    made = merge(tmp_path / "out", [shards[2], shards[0], shards[1]])
    messages = [Event.FromString(payload).explain for payload in frames_of(made.event_file)]
    ends = [message.sample_id for message in messages if message.done or message.skipped]
    assert ends == list(range(12))
    assert [entry["folder"] for entry in made.parts] == [f"shard-{index}-of-3" for index in range(3)]


def test_totals_are_those_of_all_scores_to_the_last_bit(tmp_path: Path):
    write_whole(tmp_path / "whole", 200)
    merge(tmp_path / "out", write_shards(tmp_path, 7, 200))
    found = {(total.explainer, total.metric): total for total in read_run(tmp_path / "out").benchmarks}
    for total in read_run(tmp_path / "whole").benchmarks:
        assert repr(found[total.explainer, total.metric]) == repr(total)  # nan is not equal to itself
    assert found["Gradient", "Faithfulness"].undefined == 100
    assert found["Gradient", "Sparseness"].by_label == ()


@pytest.mark.parametrize("raw_kind", ["float16", "float32"])
def test_maps_as_floats_go_along(tmp_path: Path, raw_kind: str):
    write_whole(tmp_path / "whole", raw_kind=raw_kind)
    made = merge(tmp_path / "out", write_shards(tmp_path, 2, raw_kind=raw_kind))
    require_equal(tmp_path / "out", tmp_path / "whole")
    assert made.linked + made.copied == 11 * (1 + 4 + 4)


def test_a_shard_without_samples_counts(tmp_path: Path):
    """There were fewer samples than shards; what the first batch tells is not known there."""
    empty = {"label_format": None, "engine": None}
    shards = write_shards(tmp_path, 3, 2)
    shutil.rmtree(shards[2])
    write_part(shards[2], [], 2, shard={"index": 2, "count": 3}, changed=empty)
    merge(tmp_path / "out", [shards[2], *shards[:2]])
    write_whole(tmp_path / "whole", 2)
    require_equal(tmp_path / "out", tmp_path / "whole")


def test_shards_of_a_dataset_without_samples_that_can_be_explained(tmp_path: Path):
    shard = write_part(tmp_path / "shard", [5], 1 + 5)
    with pytest.raises(MergeError, match="5 samples are missing: 0, 1, 2, 3, 4"):
        merge(tmp_path / "out", [shard])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(owners=st.lists(st.integers(0, 3), min_size=1, max_size=9), seed=st.randoms(use_true_random=False))
def test_any_split_of_the_samples_gives_the_same(tmp_path: Path, owners: list[int], seed: Any):
    """Also parts that are no ranges, and files whose samples do not come in order, as after resuming a repaired run."""
    shutil.rmtree(tmp_path)
    tmp_path.mkdir()
    total = len(owners)
    parts = [[number for number in range(total) if owners[number] == owner] for owner in sorted(set(owners))]
    for part in parts:
        seed.shuffle(part)
    shards = [write_part(tmp_path / str(owner), part, total) for owner, part in enumerate(parts)]
    seed.shuffle(shards)
    merge(tmp_path / "out", shards)
    write_whole(tmp_path / "whole", total)
    require_equal(tmp_path / "out", tmp_path / "whole")


def test_the_manifest_says_what_there_is(tmp_path: Path):
    made = merge(tmp_path / "out", write_shards(tmp_path, 2))
    manifest = json.loads((read_run(tmp_path / "out").files.data_dir / "manifest.json").read_text("utf-8"))
    assert manifest == dict.fromkeys(JOBS, True)
    assert not list(made.event_file.parent.rglob("*.draft"))
    assert not list(made.event_file.parent.rglob(".lock"))


def test_what_this_version_does_not_know_of_a_sample_stays(tmp_path: Path):
    shards = write_shards(tmp_path, 2)
    unknown = b"\x82\xfa\x01\x03new"  # field 4000, "new"
    (run,) = find_runs(shards[0])
    events = [Event.FromString(payload) for payload in frames_of(run.event_file)]
    content = b""
    for event in events:
        if event.explain.HasField("sample"):
            event.explain.MergeFromString(unknown)
        content += frame(event.SerializeToString())
        if event.explain.HasField("sample"):  # and a record of which nothing is known but its sample
            alone = Event(wall_time=1.5)
            alone.explain.sample_id = event.explain.sample_id
            alone.explain.MergeFromString(b"\x82\xfa\x01\x05alone")
            content += frame(alone.SerializeToString())
    run.event_file.write_bytes(content)
    made = merge(tmp_path / "out", shards)
    payloads = frames_of(made.event_file)
    assert sum(payload.count(b"\x82\xfa\x01\x03new") for payload in payloads) == 6
    assert sum(payload.count(b"\x82\xfa\x01\x05alone") for payload in payloads) == 6
    assert verify(tmp_path / "out").problems == ()


def test_the_merged_run_says_where_its_parts_come_from(tmp_path: Path):
    shards = write_shards(tmp_path, 2)
    before = METADATA.parameters["provenance"]
    there = {**before, "platform": "Darwin", "numpy": "2.1"}
    shutil.rmtree(shards[1])
    second = {"index": 1, "count": 2}
    write_part(shards[1], range(1, 12, 2), shard=second, changed={"provenance": there}, clock=STARTED + 10)
    made = merge(tmp_path / "out", shards)
    run = read_run(tmp_path / "out")
    versions = {"explainer": "0.9.1", "numpy": "2.0", "python": "3.11"}
    common = {"command": ["run.py", "--seed", "7"], "resumed": []}
    assert run.metadata.parameters["merged"] == [
        {
            "folder": "shard-0-of-2",
            "shard": {"index": 0, "count": 2},
            "samples": 6,
            "skipped": 0,
            "platform": "Linux",
            "versions": versions,
            **common,
        },
        {
            "folder": "shard-1-of-2",
            "shard": second,
            "samples": 5,
            "skipped": 1,
            "platform": "Darwin",
            "versions": {**versions, "numpy": "2.1"},
            **common,
        },
    ]
    assert list(made.parts) == run.metadata.parameters["merged"]
    assert "shard" not in run.metadata.parameters
    assert (run.files.timestamp, run.ended_at) == (STARTED, STARTED + 10)  # the first began then, the last ended then


def test_nothing_in_the_shards_is_changed(tmp_path: Path):
    write_shards(tmp_path / "shards", 3)
    before = content_of(tmp_path / "shards")
    merge(tmp_path / "out", [tmp_path / "shards"])
    assert content_of(tmp_path / "shards") == before


def test_a_folder_of_shards_stands_for_them(tmp_path: Path):
    write_shards(tmp_path / "shards", 3)
    merge(tmp_path / "shards" / "all", [tmp_path / "shards"])
    write_whole(tmp_path / "whole")
    require_equal(tmp_path / "shards" / "all", tmp_path / "whole")


def test_of_a_shard_the_newest_run_counts(tmp_path: Path):
    write_part(tmp_path / "shard-0-of-2", [0], clock=STARTED - 100)
    shards = write_shards(tmp_path, 2)
    merge(tmp_path / "out", shards)
    assert len(read_run(tmp_path / "out").samples) == 11


# ------------------------------------------------- pictures


def test_pictures_are_the_same_files(tmp_path: Path):
    shards = write_shards(tmp_path, 2)
    made = merge(tmp_path / "out", shards)
    run = read_run(tmp_path / "out")
    for sample in run.samples.values():
        shard = read_run(shards[sample.sample_id % 2])
        before = shard.files.event_file.parent / shard.samples[sample.sample_id].image.path
        assert (tmp_path / "out" / sample.image.path).samefile(before)
    assert (made.linked, made.copied) == (55, 0)


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP])
def test_where_the_disk_has_no_links_pictures_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int):
    def refuse(source: object, target: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    shards = write_shards(tmp_path, 2)
    made = merge(tmp_path / "out", shards)
    write_whole(tmp_path / "whole")
    require_equal(tmp_path / "out", tmp_path / "whole")
    assert (made.linked, made.copied) == (0, 55)


def test_a_missing_picture_is_named_and_nothing_is_left(tmp_path: Path):
    shards = write_shards(tmp_path, 2)
    path = read_run(shards[1]).samples[7].maps[2].path
    (shards[1] / path).unlink()
    with pytest.raises(SummaryReadError, match=rf"shard-1-of-2: of sample 7 '{path}' is missing"):
        merge(tmp_path / "out", shards)
    assert not (tmp_path / "out").exists()


def test_a_sample_with_a_missing_picture_can_be_left_out_and_is_recorded(tmp_path: Path):
    shards = write_shards(tmp_path, 2)
    (shards[1] / read_run(shards[1]).samples[7].maps[2].path).unlink()
    made = merge(tmp_path / "out", shards, partial=True)
    run = read_run(tmp_path / "out")
    assert made.left_out == run.repaired == "1 sample had records or a picture that were lost: 7"
    assert sorted(run.samples) == [number for number in range(12) if number not in (5, 7)]
    assert (made.samples, made.linked) == (10, 50)
    assert verify(tmp_path / "out").problems == ()  # no picture of it is there, either


def test_a_picture_that_is_a_link_within_the_shard_is_taken(tmp_path: Path):
    shards = write_shards(tmp_path, 2)
    path = shards[0] / read_run(shards[0]).samples[4].image.path
    path.rename(path.with_name("elsewhere.png"))
    path.symlink_to("elsewhere.png")
    merge(tmp_path / "out", shards)
    write_whole(tmp_path / "whole")
    require_equal(tmp_path / "out", tmp_path / "whole")


@pytest.mark.parametrize("hostile", ["../secret.png", "/etc/passwd", "_explain_1/../../secret.png", "", ".", "a\0.png"])
def test_a_path_that_leads_out_of_its_shard_is_refused(tmp_path: Path, hostile: str):
    (tmp_path / "secret.png").write_bytes(b"secret")
    shards = write_shards(tmp_path, 2)

    def change(event: Event) -> None:
        if event.explain.HasField("sample") and event.explain.sample_id == 4:
            event.explain.sample.image_path = hostile

    rewrite(shards[0], change)
    with pytest.raises(SummaryReadError, match="of sample 4 "):
        merge(tmp_path / "out", shards)
    assert not (tmp_path / "out").exists()
    merge(tmp_path / "out", shards, partial=True)
    assert 4 not in read_run(tmp_path / "out").samples
    assert b"secret" not in b"".join(content for content, _ in content_of(tmp_path / "out").values())


def test_a_link_that_leads_out_of_its_shard_is_refused(tmp_path: Path):
    (tmp_path / "secret.png").write_bytes(b"secret")
    shards = write_shards(tmp_path, 2)
    path = shards[0] / read_run(shards[0]).samples[4].image.path
    path.unlink()
    path.symlink_to(tmp_path / "secret.png")
    with pytest.raises(SummaryReadError, match=r"of sample 4 .* paths must stay in the summary's folder"):
        merge(tmp_path / "out", shards)


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_no_picture(tmp_path: Path, kind: str):
    shards = write_shards(tmp_path, 2)
    path = shards[0] / read_run(shards[0]).samples[4].image.path
    path.unlink()
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    with pytest.raises(SummaryReadError, match=r"of sample 4 .* is no regular file"):
        merge(tmp_path / "out", shards)


def test_new_paths_are_the_writers_whatever_the_old_ones_were(tmp_path: Path):
    """So that no record decides where a file is written."""
    shards = write_shards(tmp_path, 2)
    old = read_run(shards[0]).samples[4].image.path
    odd = shards[0] / "events.draft"
    (shards[0] / old).rename(odd)

    def change(event: Event) -> None:
        if event.explain.sample.image_path == old:
            event.explain.sample.image_path = odd.name

    rewrite(shards[0], change)
    merge(tmp_path / "out", shards)
    assert read_run(tmp_path / "out").samples[4].image.path == f"_explain_{STARTED}/origin_images/0/4.png"


def test_two_maps_in_one_place_are_refused(tmp_path: Path):
    shards = write_shards(tmp_path, 2)

    def change(event: Event) -> None:
        for entry in event.explain.explanation:
            entry.label = 1

    rewrite(shards[0], change)
    with pytest.raises(SummaryReadError, match="shard-0-of-2: two records name one picture"):
        merge(tmp_path / "out", shards)
    assert not (tmp_path / "out").exists()


def test_a_map_of_an_unknown_explainer_is_refused(tmp_path: Path):
    shards = write_shards(tmp_path, 2)

    def change(event: Event) -> None:
        for entry in event.explain.explanation:
            entry.explain_method = "../Other"

    rewrite(shards[0], change)
    with pytest.raises(SummaryReadError, match=r"sample 0 has a map by '\.\./Other', which is none of the run's"):
        merge(tmp_path / "out", shards)


def test_the_merged_run_has_an_index(tmp_path: Path):
    merge(tmp_path / "out", write_shards(tmp_path, 3))
    (files,) = find_runs(tmp_path / "out")
    stored = stored_index(files)
    assert stored is not None
    assert same_places(stored, index_of(files.event_file))


@pytest.mark.parametrize("record", [4, 12])  # of sample 0, of sample 2
def test_damage_that_the_index_of_a_shard_does_not_know_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, record: int
):
    monkeypatch.setattr("explainer.summary.index_file._SEEN", 64)  # bytes at either end of an event file
    shards = write_shards(tmp_path, 2)
    number = 0 if record == 4 else 2
    flip(read_run(shards[0]).files.event_file, record)
    with pytest.raises(SummaryReadError, match=f"shard-0-of-2: of sample {number} a record cannot be read"):
        merge(tmp_path / "out", shards)
    made = merge(tmp_path / "out", shards, partial=True)
    assert made.left_out == f"1 sample had records or a picture that were lost: {number}"
    assert verify(tmp_path / "out").problems == ()


# ------------------------------------------------- what is refused


CHANGES = [
    ({"seed": 8}, "seed differs: None in the first, 8 in the second"),
    (
        {"network": "Large"},
        "network differs: ['Small', 'nets.Small'] in the first, ['Large', 'nets.Small'] in the second",
    ),
    (
        {"provenance": {**METADATA.parameters["provenance"], "weights": "00fe"}},
        "weights differ: '00ff' in the first, '00fe' in the second",
    ),
    (
        {"options": {**METADATA.parameters["options"], "threshold": 0.25}},
        "options.threshold differs: 0.5 in the first, 0.25 in the second",
    ),
    (
        {"dataset": {"class": "PictureFolder", "samples": 13}},
        "dataset.samples differ: 12 in the first, 13 in the second",
    ),
    ({"label_format": "multi-hot"}, "label_format differs: 'ids' in the first, 'multi-hot' in the second"),
    (
        {"explainers": {**METADATA.parameters["explainers"], "Grad CAM": {"class": "GradCAM", "layer": "conv1"}}},
        "explainers.Grad CAM.layer differs: 'conv2' in the first, 'conv1' in the second",
    ),
    (
        {"engine": {"name": "mindspore", "version": "2.7"}},
        "engine differs: 'onnxruntime' in the first, 'mindspore' in the second",
    ),
    (
        {"engine": {"name": "onnxruntime", "questions": {"gradients": {"name": "onnxruntime"}}}},
        "engine of the gradients differs: 'mindspore' in the first, 'onnxruntime' in the second",
    ),
]


@pytest.mark.parametrize(("changed", "told"), CHANGES)
def test_shards_of_other_settings_are_refused_and_the_difference_is_named(
    tmp_path: Path, changed: dict[str, Any], told: str
):
    first = write_part(tmp_path / "a", range(0, 12, 2))
    second = write_part(tmp_path / "b", range(1, 12, 2), changed=changed)
    with pytest.raises(MergeError, match=re.escape(f"cannot merge {first} and {second}: {told}. Run the one that")):
        merge(tmp_path / "out", [first, second])
    with pytest.raises(MergeError, match=re.escape(told)):
        merge(tmp_path / "out", [first, second], partial=True)
    assert not (tmp_path / "out").exists()


def test_shards_with_other_labels_are_refused(tmp_path: Path):
    shards = write_shards(tmp_path, 2)

    def change(event: Event) -> None:
        if event.explain.HasField("run"):
            event.explain.run.label[1] = "fox"

    rewrite(shards[1], change)
    with pytest.raises(
        MergeError, match=r"labels differ: \['cat', 'dog', 'eel'\] in the first, \['cat', 'fox', 'eel'\]"
    ):
        merge(tmp_path / "out", shards)


@pytest.mark.parametrize(
    "changed",
    [
        {"options": {**METADATA.parameters["options"], "batch_size": 1, "on_bad_sample": "raise"}},
        {"provenance": {**METADATA.parameters["provenance"], "python": "3.12", "command": ["other.py"]}},
        {"engine": {**METADATA.parameters["engine"], "version": "1.21", "difference": 1e-7}},
        {"engine": {"name": "onnxruntime", "version": "1.20"}},
    ],
)
def test_what_changes_no_result_may_be_other(tmp_path: Path, changed: dict[str, Any]):
    shards = [
        write_part(tmp_path / "a", range(0, 12, 2)),
        write_part(tmp_path / "b", range(1, 12, 2), changed=changed),
    ]
    assert merge(tmp_path / "out", shards).samples == 11


def test_shards_of_data_in_another_order_are_refused(tmp_path: Path):
    shards = [
        write_part(tmp_path / "a", range(0, 12, 2)),
        write_part(tmp_path / "b", range(1, 12, 2), digest=DIGEST[::-1]),
    ]
    for partial in (False, True):
        with pytest.raises(
            MergeError, match=r"a and .*b: the dataset came in another order, or had other labels\. Every"
        ):
            merge(tmp_path / "out", shards, partial=partial)


def test_shards_of_datasets_of_other_sizes_are_refused(tmp_path: Path):
    shards = [
        write_part(tmp_path / "a", range(0, 12, 2)),
        write_part(tmp_path / "b", range(1, 13, 2), 13, digest=DIGEST[::-1]),
    ]
    with pytest.raises(MergeError, match="the dataset had 12 samples in the first, 13 in the second"):
        merge(tmp_path / "out", shards, partial=True)


def test_missing_samples_are_named(tmp_path: Path):
    shards = write_shards(tmp_path, 3)
    with pytest.raises(MergeError, match=r"cannot merge: 4 samples are missing: 1, 4, 7, 10\. Give the shards"):
        merge(tmp_path / "out", [shards[0], shards[2]])
    assert not (tmp_path / "out").exists()


def test_of_many_missing_samples_the_first_are_named(tmp_path: Path):
    shards = [write_part(tmp_path / "a", [3, 4], 100_000)]
    with pytest.raises(MergeError, match="99998 samples are missing: 0, 1, 2, 5, 6 and 99993 more"):
        merge(tmp_path / "out", shards)


def test_where_a_shard_is_damaged_that_is_said_with_what_is_missing(tmp_path: Path):
    shards = write_shards(tmp_path, 2)
    flip(read_run(shards[1]).files.event_file, 5)
    with pytest.raises(MergeError, match=rf"1 sample is missing: 1; {shards[1]} is damaged \(`explainer verify`"):
        merge(tmp_path / "out", shards)


def test_double_samples_are_named_with_their_shards(tmp_path: Path):
    first, second = write_part(tmp_path / "a", range(8)), write_part(tmp_path / "b", range(5, 12))
    for partial in (False, True):
        with pytest.raises(
            MergeError,
            match=re.escape(f"3 samples lie in two shards: 5 ({first}, {second}), 6 ({first}, {second}), 7 ("),
        ):
            merge(tmp_path / "out", [first, second], partial=partial)


def test_a_copy_of_a_shard_is_double(tmp_path: Path):
    shards = write_shards(tmp_path, 2)
    shutil.copytree(shards[0], tmp_path / "copy")
    with pytest.raises(MergeError, match=r"6 samples lie in two shards: 0 .* and 1 more"):
        merge(tmp_path / "out", [*shards, tmp_path / "copy"])


@pytest.mark.parametrize("again", ["shard-0-of-2", "shard-0-of-2/../shard-0-of-2", "linked", "."])
def test_one_shard_given_twice_is_refused(tmp_path: Path, again: str):
    shards = write_shards(tmp_path, 2)
    (tmp_path / "linked").symlink_to("shard-0-of-2")
    with pytest.raises(MergeError, match=r"shard-0-of-2 with itself: it is given twice|linked with itself"):
        merge(tmp_path / "out", [*shards, tmp_path / again])


def test_a_sample_beyond_the_dataset_is_refused(tmp_path: Path):
    shards = [write_part(tmp_path / "a", [0, 1, 7], 3)]
    with pytest.raises(MergeError, match="a: it has sample 7 of a dataset of 3 samples"):
        merge(tmp_path / "out", shards, partial=True)


def test_a_run_that_tells_no_order_is_refused(tmp_path: Path):
    whole = write_whole(tmp_path / "whole")
    for partial in (False, True):
        with pytest.raises(
            MergeError, match="whole: its run does not tell the order of the dataset, as it is not the run"
        ):
            merge(tmp_path / "out", [whole], partial=partial)


def test_a_shard_that_has_not_ended_is_refused_with_what_to_do(tmp_path: Path):
    shards = [write_part(tmp_path / "a", range(6)), write_part(tmp_path / "b", range(6, 9), ended=False)]
    with pytest.raises(
        MergeError, match=r"b: its run has not ended, 3 samples are complete; go on with it \(resume=True, `--resume`\)"
    ):
        merge(tmp_path / "out", shards)


def test_a_shard_that_is_being_written_is_waited_for(tmp_path: Path):
    shards = [write_part(tmp_path / "a", range(6)), write_part(tmp_path / "b", range(6, 9), ended=False)]
    with open_recorded(shards[1]), pytest.raises(MergeError, match="it is being written, by a process that is alive"):
        merge(tmp_path / "out", shards)


def test_a_folder_without_a_run_is_named(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    for name in ("empty", "none"):
        with pytest.raises(SummaryReadError, match=f"found no summary in .*{name}"):
            merge(tmp_path / "out", [*write_shards(tmp_path / name / "..", 2), tmp_path / name])
        shutil.rmtree(tmp_path / "shard-0-of-2")
        shutil.rmtree(tmp_path / "shard-1-of-2")


def test_a_shard_without_metadata_is_refused(tmp_path: Path):
    shards = write_shards(tmp_path, 2)
    event_file = read_run(shards[1]).files.event_file
    flip(event_file, 0)
    flip(event_file, 1)
    with pytest.raises(SummaryReadError, match="shard-1-of-2: its metadata is damaged, and its copy, too"):
        merge(tmp_path / "out", shards, partial=True)


def test_there_must_be_room(tmp_path: Path):
    shards = write_shards(tmp_path, 2)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    with pytest.raises(ValueError, match=r"`out` must be a new or an empty folder, got .*full$"):
        merge(tmp_path / "full", shards)
    with pytest.raises(ValueError, match="`out` must lie outside of the shards, in which nothing is changed"):
        merge(shards[0] / "out", shards)
    with pytest.raises(ValueError, match="`out` must lie outside of the shards"):
        merge(shards[0], shards)
    (tmp_path / "empty").mkdir()
    assert merge(tmp_path / "empty", shards).samples == 11


def test_a_merged_run_beside_its_shards_is_never_a_part_of_another(tmp_path: Path):
    write_shards(tmp_path, 2)
    assert merge(tmp_path / "all", [tmp_path]).samples == 11
    with pytest.raises(MergeError, match=r"12 samples lie in two shards: 0 \(.*all, .*shard-0-of-2\)"):
        merge(tmp_path / "again", [tmp_path])
    assert not (tmp_path / "again").exists()
    with pytest.raises(ValueError, match="`out` must be a new or an empty folder"):
        merge(tmp_path, [tmp_path / "shard-0-of-2", tmp_path / "shard-1-of-2"])


def test_arguments_are_looked_at(tmp_path: Path):
    with pytest.raises(
        TypeError, match=r"`shards` must be a list of folders, got 'shards'; for one folder pass \[folder\]"
    ):
        merge(tmp_path / "out", "shards")
    with pytest.raises(ValueError, match="`shards` must name at least one folder, got none"):
        merge(tmp_path / "out", [])
    with pytest.raises(TypeError, match="`partial` must be"):
        merge(tmp_path / "out", [tmp_path], partial="yes")


# ------------------------------------------------- gaps


def test_gaps_are_allowed_and_recorded(tmp_path: Path):
    shards = write_shards(tmp_path, 3)
    made = merge(tmp_path / "out", [shards[0], shards[2]], partial=True)
    run = read_run(tmp_path / "out")
    assert made.left_out == run.repaired == "4 samples are missing: 1, 4, 7, 10"
    assert (run.state, run.ended, sorted(run.samples)) == ("ended", True, [0, 2, 3, 6, 8, 9, 11])
    assert verify(tmp_path / "out").problems == ()
    assert {total.defined + total.undefined for total in run.benchmarks} == {7, 14}  # of what there is


def test_without_gaps_partial_makes_no_difference(tmp_path: Path):
    merge(tmp_path / "out", write_shards(tmp_path, 3), partial=True)
    write_whole(tmp_path / "whole")
    require_equal(tmp_path / "out", tmp_path / "whole")


def test_what_is_merged_in_part_is_merged_with_the_rest(tmp_path: Path):
    shards = write_shards(tmp_path, 4)
    merge(tmp_path / "some", shards[1:3], partial=True)
    made = merge(tmp_path / "out", [shards[3], tmp_path / "some", shards[0]])
    write_whole(tmp_path / "whole")
    require_equal(tmp_path / "out", tmp_path / "whole")
    assert made.left_out == ""
    assert {entry["folder"] for entry in made.parts} == {shard.name for shard in shards}
    assert sum(entry["samples"] for entry in made.parts) == 11


def test_of_shards_that_have_not_ended_what_is_complete_is_taken(tmp_path: Path):
    shards = [write_part(tmp_path / "a", range(6)), write_part(tmp_path / "b", range(6, 9), ended=False)]
    made = merge(tmp_path / "out", shards, partial=True)
    run = read_run(tmp_path / "out")
    assert made.left_out == run.repaired == "3 samples are missing: 9, 10, 11; b had not ended"
    assert (run.state, run.ended, len(run.samples)) == ("repaired", False, 8)
    with pytest.raises(MergeError, match="out: its run has not ended"):  # as nobody knows in which order b was read
        merge(tmp_path / "again", [tmp_path / "out"])


def test_where_no_shard_has_ended_nobody_knows_how_many_samples_there_are(tmp_path: Path):
    shards = [write_part(tmp_path / name, ids, ended=False) for name, ids in (("a", range(2)), ("b", [4]))]
    made = merge(tmp_path / "out", shards, partial=True)
    run = read_run(tmp_path / "out")
    assert made.left_out == run.repaired == "a had not ended; b had not ended"
    assert sorted(run.samples) == [0, 1, 4]
    assert [total.defined for total in run.benchmarks if total.metric == "Sparseness"] == [3, 3]


def test_a_merged_run_with_gaps_is_gone_on_with(tmp_path: Path):
    shards = write_shards(tmp_path, 3)
    merge(tmp_path / "out", [shards[0], shards[2]], partial=True)
    recorded = open_recorded(tmp_path / "out")
    assert recorded is not None
    with recorded:
        assert not recorded.ended
        assert sorted({*recorded.complete, *recorded.skipped}) == [0, 2, 3, 5, 6, 8, 9, 11]


def test_a_shard_that_was_repaired_and_lacks_nothing_is_a_shard(tmp_path: Path):
    shards = write_shards(tmp_path, 2)
    repair(shards[0], tmp_path / "repaired")
    merge(tmp_path / "out", [tmp_path / "repaired", shards[1]])
    write_whole(tmp_path / "whole")
    require_equal(tmp_path / "out", tmp_path / "whole")


# ------------------------------------------------- when it fails


def test_where_the_disk_is_full_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shards = write_shards(tmp_path, 2)
    real, links = os.link, iter(range(20))

    def refuse(source: Any, target: Any) -> None:
        if next(links, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(source), None, str(target))
        real(source, target)

    monkeypatch.setattr(os, "link", refuse)
    before = content_of(tmp_path)
    with pytest.raises(
        SummaryWriteError, match=r"could not write .*out/_explain_.*png: No space left .* nothing is left"
    ):
        merge(tmp_path / "out", shards)
    assert content_of(tmp_path) == before
    assert not (tmp_path / "out").exists()


def test_an_interrupted_merge_leaves_the_empty_folder_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shards = write_shards(tmp_path, 2)
    links = iter(range(20))

    def interrupt(source: Any, target: Any) -> None:
        if next(links, None) is None:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", interrupt)
    (tmp_path / "out").mkdir()
    with pytest.raises(KeyboardInterrupt):
        merge(tmp_path / "out", shards)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_killed_merge_leaves_no_run(tmp_path: Path):
    """Whatever it had made by then: before its last step there is no event file."""
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    shards = write_shards(tmp_path, 2)
    for after in (0, 1, 30, 54):
        out = tmp_path / f"out-{after}"
        child = os.fork()
        if not child:
            _merge_and_die(out, shards, after)
        os.waitpid(child, 0)
        assert find_runs(out) == []
        with pytest.raises(ValueError, match="which holds what a merge left that was killed; remove it"):
            merge(out, shards)
        shutil.rmtree(out)
        assert merge(out, shards).samples == 11


def _merge_and_die(out: Path, shards: list[Path], after: int) -> None:
    links = iter(range(after))
    real = os.link

    def link(source: Any, target: Any) -> None:
        if next(links, None) is None:
            os._exit(9)
        real(source, target)

    os.link = link  # type: ignore[assignment]
    merge(out, shards)
    os._exit(0)


def test_a_merge_that_somebody_else_was_faster_with_leaves_that_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shards = write_shards(tmp_path, 2)
    monkeypatch.setattr("explainer.summary.merge._require_room", lambda target, parts: None)
    merge(tmp_path / "out", shards)
    before = content_of(tmp_path / "out")
    with pytest.raises(SummaryWriteError, match="File exists"):
        merge(tmp_path / "out", shards)
    assert content_of(tmp_path / "out") == before


def test_a_shard_that_changes_meanwhile_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shards = write_shards(tmp_path, 2)
    real = os.link

    def link(source: Any, target: Any) -> None:
        event_file = find_runs(shards[1])[0].event_file
        event_file.write_bytes(event_file.read_bytes()[:300])
        real(source, target)

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(SummaryReadError, match="shard-1-of-2: of sample 1 a record cannot be read"):
        merge(tmp_path / "out", shards)
    assert not (tmp_path / "out").exists()


def test_more_shards_than_files_may_be_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("explainer.summary.merging._MOST_OPEN", 3)
    write_whole(tmp_path / "whole")
    merge(tmp_path / "out", write_shards(tmp_path, 12))
    require_equal(tmp_path / "out", tmp_path / "whole")
