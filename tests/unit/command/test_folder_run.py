"""`explainer run`: pictures in a folder, a network by name, a summary; and what it says when something is wrong."""

import importlib
import os
import re
import signal
import subprocess
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import networks
import numpy as np
import pytest
from photo_runs import HEIGHT, LABELS, WIDTH, logits_of, pixels_of, png_of, probabilities_of, run_of, softmax
from PIL import Image

import explainer
from explainer.command.main import main
from explainer.data.picture_file import ENDINGS


def test_pictures_are_explained_in_the_order_of_their_paths_with_the_label_of_their_folder(command, tmp_path):
    status, output, error = command()
    assert (status, error) == (0, "")
    run = run_of(tmp_path)
    assert run.metadata.labels == tuple(LABELS)
    truths = [sample.prediction.ground_truth for sample in run.samples.values()]
    assert truths == [(0,), (0,), (3,), (), ()]
    in_order = [1, 0, 2, 3, 4]  # ant/1.PNG, ant/2.png, dog/a.png, gnu/a.png, zero.png
    for sample, seed in zip(run.samples.values(), in_order, strict=True):
        np.testing.assert_array_equal(run.picture(sample.image), pixels_of(seed))
    assert "\n5 complete " in output and "state       ended" in output
    assert f"explainer inspect {tmp_path / 'out'}" in output
    assert output.splitlines()[-1] == f"look at it: explainer report {tmp_path / 'out'}"
    assert main(output.splitlines()[-1].partition("explainer ")[2].split()) == 0
    assert (tmp_path / "out" / "report.html").is_file()


def test_a_dry_run_tells_what_the_run_will_take_and_writes_nothing(command, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    status, output, error = command("--dry-run", "--explainers", "Gradient", "--metrics", "Sparseness", "--limit", 3)
    assert (status, error) == (0, "")
    assert sorted(tmp_path.rglob("*")) == before
    lines = output.splitlines()
    assert lines[0] == "3 samples, 1 labels explained of each"
    names = ("prediction", "saliency Gradient", "metric Sparseness", "writing", "all", "before the first sample:")
    assert [line.startswith(name) for name, line in zip(names, lines[2:], strict=True)] == [True] * 6
    assert lines[3].split()[2:4] == ["1", "3"]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    ("activation", "function"), [("softmax", softmax), ("sigmoid", lambda x: 1 / (1 + np.exp(-x)))]
)
def test_the_network_has_the_weights_of_the_checkpoint_and_the_activation_asked_for(
    command, checkpoints, tmp_path, activation, function
):
    folder, networks = checkpoints
    status, _, _ = command("--activation", activation, checkpoint=folder / "blank.ckpt")
    assert status == 0
    pictures = [pixels_of(seed) for seed in (1, 0, 2, 3, 4)]
    expected = function(logits_of(pictures, networks["blank"]))
    np.testing.assert_allclose(probabilities_of(run_of(tmp_path)), expected, rtol=1e-5)  # float32 sums


def test_mean_and_std_are_taken_off_for_the_network_and_put_back_for_the_picture(command, checkpoints, tmp_path):
    folder, networks = checkpoints
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    status, _, _ = command("--mean", *mean, "--std", *std, checkpoint=folder / "blank.ckpt")
    assert status == 0
    run = run_of(tmp_path)
    pictures = [pixels_of(seed) for seed in (1, 0, 2, 3, 4)]
    expected = softmax(logits_of(pictures, networks["blank"], mean, std))
    np.testing.assert_allclose(probabilities_of(run), expected, rtol=1e-4)  # larger logits, float32 sums
    np.testing.assert_array_equal([run.picture(sample.image) for sample in run.samples.values()], pictures)
    assert run.metadata.parameters["options"]["preprocess"]["mean"] == mean


def test_top_k_limit_and_batch_size_reach_the_run(command, tmp_path):
    status, _, _ = command("--top-k", 4, "--limit", 2, "--batch-size", 1)
    assert status == 0
    run = run_of(tmp_path)
    assert [len(sample.maps) for sample in run.samples.values()] == [4, 4]
    options = run.metadata.parameters["options"]
    assert (options["top_k"], options["batch_size"]) == (4, 1)


def test_pictures_are_resized_to_height_and_width_and_not_turned(command, photos, tmp_path):
    gradient = np.linspace(0, 255, 24).astype(np.uint8)
    Image.fromarray(np.repeat(gradient[:, None], 18, axis=1)).save(photos / "ant" / "1.PNG")  # dark at the top
    assert command("--limit", 1)[0] == 0
    run = run_of(tmp_path)
    picture = run.picture(run.samples[0].image)
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert (np.diff(picture[:, 0, 0].astype(int)) > 20).all()  # 255 / 6 rows per step
    assert np.ptp(picture, axis=1).max() == 0


def test_one_channel_is_the_grey_of_colour_pictures(command, checkpoints, tmp_path):
    folder, _ = checkpoints
    status, _, _ = command(
        "--channels", 1, network="folder_run_factories:blank_grey", checkpoint=folder / "blank_grey.ckpt"
    )
    assert status == 0
    run = run_of(tmp_path)
    grey = pixels_of(1) @ np.array([0.299, 0.587, 0.114])  # ITU-R 601
    picture = run.picture(run.samples[0].image)
    assert picture.shape == (HEIGHT, WIDTH)
    np.testing.assert_allclose(picture, grey, atol=1)  # Pillow's integers round


def test_what_is_no_picture_is_left_out_and_said(command, photos, tmp_path):
    for name in ("ant/notes.txt", "labels.TXT", "ant/raw.heic", ".DS_Store"):
        (photos / name).write_text("not a picture")
    status, _, error = command()
    assert status == 0
    assert error == "--images: 4 files left out, no pictures by their endings: 2 .txt, 1 without ending, 1 .heic\n"
    assert len(run_of(tmp_path).samples) == 5


@pytest.mark.parametrize("summary", [".", "out", "ant", "ant/deep/er"])
def test_a_summary_among_the_pictures_is_not_explained_by_the_next_run(command, photos, summary):
    first, _, error = command(summary_dir=photos / summary)
    assert (first, error) == (0, "")
    (event_file,) = (photos / summary).glob("events.out*")
    (photos / summary / event_file.name.replace("summary.", "summary.9")).write_bytes(b"")  # of a run killed at once
    second, output, error = command("--limit", 9, summary_dir=photos / summary)
    assert second == 0
    assert "\n5 complete " in output
    files = 5 + 5 + 2 + 2  # pictures, maps, the manifest and the index, event files
    assert error == f"--images: {files} files of earlier runs left out, so that no heat map is explained\n"


def test_a_summary_elsewhere_among_the_pictures_is_left_out_too(command, photos, tmp_path):
    assert command(summary_dir=photos / "old")[0] == 0
    status, output, error = command()
    assert (status, "\n5 complete " in output) == (0, True)
    assert error.startswith("--images: ") and error.count("\n") == 1
    assert sorted(run_of(tmp_path).samples) == [0, 1, 2, 3, 4]


def test_pictures_of_a_summary_are_explained_when_their_own_folder_is_given(command, photos):
    assert command(summary_dir=photos / "old")[0] == 0
    (originals,) = (photos / "old").glob("_explain_*/origin_images")
    status, output, error = command(images=originals)
    assert (status, error) == (0, "") and "\n5 complete " in output


@pytest.mark.parametrize("batch_size", [1, 2, 32])
def test_broken_pictures_are_skipped_and_recorded_with_their_names_and_the_others_are_unmoved(
    command, checkpoints, photos, tmp_path, batch_size
):
    whole = (photos / "dog" / "a.png").read_bytes()
    (photos / "dog" / "a.png").write_bytes(whole[: len(whole) // 2])
    (photos / "ant" / "1.PNG").write_bytes(b"")
    folder, networks = checkpoints
    more = ("--on-bad-sample", "skip", "--batch-size", batch_size)
    status, output, error = command(*more, checkpoint=folder / "blank.ckpt")
    assert (status, error) == (0, "")
    assert re.search(r"\n3 complete +\d of \d +0 +2 ", output)  # none unfinished, two skipped
    run = run_of(tmp_path)
    assert sorted(run.samples) == [1, 3, 4]  # ant/2.png, gnu/a.png, zero.png keep their numbers
    expected = softmax(logits_of([pixels_of(seed) for seed in (0, 3, 4)], networks["blank"]))
    np.testing.assert_allclose(probabilities_of(run), expected, rtol=1e-5)  # float32 sums
    assert run.skipped[0] == f"could not read the picture {photos / 'ant' / '1.PNG'}: the file is empty"
    assert run.skipped[2].startswith(f"could not read the picture {photos / 'dog' / 'a.png'}: ")
    assert run.metadata.parameters["options"]["on_bad_sample"] == "skip"


def test_what_came_before_a_broken_picture_is_kept_and_the_way_on_is_told(command, photos, tmp_path):
    (photos / "gnu" / "a.png").write_bytes(b"")
    status, output, error = command()
    assert (status, output) == (1, "")
    assert error == (
        f"explainer: could not read the picture {photos / 'gnu' / 'a.png'}: the file is empty; "
        'RunOptions(on_bad_sample="skip") (--on-bad-sample skip) leaves such samples out\n'
    )
    run = run_of(tmp_path)
    assert sorted(run.samples) == [0, 1, 2] and not run.ended


def test_a_folder_of_broken_pictures_is_told_with_the_first_one(command, photos, tmp_path):
    for path in [path for path in photos.rglob("*") if path.suffix.lower() == ".png"]:
        path.write_bytes(b"")
    status, output, error = command("--on-bad-sample", "skip")
    assert (status, output) == (2, "")
    assert f"got none; all 5 were skipped, the first: could not read the picture {photos / 'ant'}" in error
    assert not (tmp_path / "out").exists()


def test_a_picture_above_the_cap_ends_the_run_and_below_it_does_not(command, tmp_path):
    status, _, error = command("--max-megapixels", HEIGHT * WIDTH / 1e6 - 1e-6)
    assert status == 1
    assert f"it has {WIDTH} x {HEIGHT} pixels, more than 5.3e-05 megapixels; --max-megapixels allows more" in error
    assert command("--max-megapixels", HEIGHT * WIDTH / 1e6)[0] == 0


def test_a_higher_cap_holds_for_pillow_as_well_and_ends_with_the_run(command, photos):
    before = Image.MAX_IMAGE_PIXELS
    (photos / "ant" / "1.PNG").write_bytes(png_of((19_000, 19_000, 1, 0)))  # without pixels
    assert "it has 361000000 pixels, more than 64 megapixels" in command()[2]
    status, _, error = command("--max-megapixels", 400)
    assert status == 1
    assert f"could not read the picture {photos / 'ant' / '1.PNG'}" in error and "megapixels" not in error
    assert before == Image.MAX_IMAGE_PIXELS


def test_data_of_12_bits_is_noted_once_and_seen_in_full_when_told(command, photos, tmp_path):
    values = pixels_of(5, HEIGHT, WIDTH, kind=np.uint16) // 16
    for name in ("1.PNG", "2.png"):
        Image.fromarray(values).save(photos / "ant" / name)
    status, _, error = command()
    assert status == 0
    assert error.startswith(f"--images: {photos / 'ant' / '1.PNG'} has 16 bits") and error.count("--bits 12") == 1
    status, _, error = command("--bits", 12)
    assert (status, error) == (0, "")
    run = run_of(tmp_path)
    np.testing.assert_allclose(run.picture(run.samples[0].image)[:, :, 0], values / 4095 * 255, atol=0.51)  # rounded


@pytest.mark.parametrize("with_weights", [True, False])
def test_a_run_without_checkpoint_says_that_the_weights_are_those_of_the_factory(command, checkpoints, with_weights):
    given = {"checkpoint": checkpoints[0] / "blank.ckpt"} if with_weights else {}
    assert command(network="folder_run_factories:blank", **given)[0] == 0
    note = "no --checkpoint: folder_run_factories:blank is explained with the weights that its factory gives it\n"
    assert command.notes[1:] == ([] if with_weights else [note])


@pytest.mark.parametrize("content", [b"not a picture", b""])
def test_a_file_that_is_no_picture_ends_the_run_with_its_path_and_exit_status_1(command, photos, tmp_path, content):
    (photos / "dog" / "broken.png").write_bytes(content)
    status, output, error = command()
    assert (status, output) == (1, "")
    assert f"could not read the picture {photos / 'dog' / 'broken.png'}" in error


def test_a_truncated_picture_ends_the_run_with_its_path_and_exit_status_1(command, photos):
    whole = (photos / "dog" / "a.png").read_bytes()
    (photos / "dog" / "a.png").write_bytes(whole[: len(whole) // 2])
    status, _, error = command()
    assert status == 1
    assert f"could not read the picture {photos / 'dog' / 'a.png'}" in error


def test_a_file_that_is_no_picture_is_told_in_one_line(command, photos):
    (photos / "dog" / "broken.png").write_bytes(b"not a picture")
    assert len(command()[2].strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("network", "labels", "wanted"),
    [
        ("one", "ant", [(0,), (0,), (), (), ()]),
        ("one", "dog", [(), (), (0,), (), ()]),
        ("two", "ant\ndog", [(0,), (0,), (1,), (), ()]),
        ("two", "dog\nbee", [(), (), (0,), (), ()]),
    ],
)
def test_the_folders_are_the_labels_of_one_class_and_of_two(command, tmp_path, network, labels, wanted):
    (tmp_path / "few.txt").write_text(labels, encoding="utf-8")
    given = {"network": f"folder_run_factories:{network}", "labels": tmp_path / "few.txt"}
    assert command("--activation", "sigmoid", **given)[0] == 0
    run = run_of(tmp_path)
    assert [sample.prediction.ground_truth for sample in run.samples.values()] == wanted
    assert run.metadata.parameters["options"]["label_format"] == "ids"


def test_pictures_that_are_all_of_the_one_class_need_no_question(command, photos, tmp_path):
    (tmp_path / "one.txt").write_text("ant", encoding="utf-8")
    given = {"network": "folder_run_factories:one", "labels": tmp_path / "one.txt", "images": photos.parent / "ants"}
    (photos.parent / "ants").mkdir()
    (photos / "ant").rename(photos.parent / "ants" / "ant")
    assert command("--activation", "sigmoid", **given)[0] == 0
    samples = run_of(tmp_path).samples.values()
    assert [(sample.prediction.ground_truth, sample.correct) for sample in samples] == [((0,), True)] * 2


def test_a_softmax_of_one_class_is_told_with_the_activation_to_give(refused, tmp_path):
    (tmp_path / "one.txt").write_text("ant", encoding="utf-8")
    status, why = refused(network="folder_run_factories:one", labels=tmp_path / "one.txt")
    assert status == 2
    assert "a softmax of one output is always 1, so give nn.Sigmoid() (--activation sigmoid)" in why


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            "nowhere_at_all:f",
            "'nowhere_at_all' (ModuleNotFoundError: No module named 'nowhere_at_all'); is it on the Python path?",
        ),
        ("folder_run_factories:first_of", "--network-args must give classes, for which"),
        ("mindspore.nn:ReLU", "`network` must give one tensor of logits (N, K)"),
    ],
)
def test_a_network_that_cannot_be_made_is_told_with_exit_status_2(refused, network, message):
    status, why = refused(network=network)
    assert status == 2
    assert message in why


@pytest.fixture
def module(code):
    """A module of the user's with some content: its name."""

    def write(content):
        name = f"folder_run_module_{zlib.crc32(content.encode())}"
        (code / f"{name}.py").write_text(content, encoding="utf-8")
        importlib.invalidate_caches()
        return name

    return write


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise KeyError('weights')", "KeyError: 'weights'"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("raise SystemExit", "SystemExit"),
        ("class Odd(BaseException): pass\nraise Odd('a\\nb')", "Odd: a b"),
        ("import sys; sys.path[:] = [part for part in sys.path if part]; 1 / 0", "ZeroDivisionError: division by zero"),
        ("import a_module_that_is_nowhere", "ModuleNotFoundError: No module named 'a_module_that_is_nowhere'"),
    ],
)
def test_a_module_that_fails_is_one_line_with_its_exception_and_exit_status_2(refused, module, content, told):
    name = module(content)
    why = f"--network: could not import {name!r} ({told}); --traceback shows where"
    assert refused(network=f"{name}:f") == (2, why)


def test_a_module_with_a_wrong_line_is_told_with_the_line(refused, module):
    name = module("def f(:\n")
    status, why = refused(network=f"{name}:f")
    assert status == 2
    assert why.startswith(f"--network: could not import {name!r} (SyntaxError: ") and f"{name}.py, line 1" in why


def test_a_factory_that_fails_is_one_line_with_its_exception_and_exit_status_2(refused, module):
    name = module("def f():\n    raise LookupError('no such block')\n")
    why = f"--network {name}:f failed (LookupError: no such block); --traceback shows where"
    assert refused(network=f"{name}:f") == (2, why)


def test_the_traceback_is_shown_when_asked_for_before_the_one_line(command, module):
    name = module("a = 1\n1 / 0\n")
    status, output, error = command("--traceback", network=f"{name}:f")
    assert (status, output) == (2, "")
    assert error.startswith("Traceback (most recent call last):\n")
    assert f'{name}.py", line 2' in error and "ZeroDivisionError" in error
    assert error.splitlines()[-1].startswith(f"explainer: --network: could not import {name!r} (ZeroDivisionError: ")


def test_ctrl_c_while_a_module_is_imported_is_an_interruption(command, module):
    name = module("raise KeyboardInterrupt")
    assert command(network=f"{name}:f")[0] == 130


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "--checkpoint must be a file, got"),
        ("other", "6 of the network's 6 weights are not in it, the first 'conv1.weight'; 2 of its own are not"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_told_with_exit_status_2(refused, checkpoints, name, message):
    status, why = refused(network="folder_run_factories:small_cnn", checkpoint=checkpoints[0] / f"{name}.ckpt")
    assert status == 2
    assert message in why
    assert f"{name}.ckpt" in why


def test_images_must_be_a_folder_with_pictures(refused, tmp_path):
    status, why = refused(images=tmp_path / "nowhere")
    assert (status, why.partition(";")[0]) == (
        2,
        f"--images must be a folder, got {tmp_path / 'nowhere'}, which is not there",
    )
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("not a picture")
    status, why = refused(images=tmp_path / "empty")
    assert status == 2
    assert why == f"--images must hold pictures ({', '.join(ENDINGS)}), found none in {tmp_path / 'empty'}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ant\nbee\ncat\n", "--labels must name each of the network's 4 outputs, in their order, got 3 labels"),
        ("ant\nbee\ncat\ndog\neel\n", "--labels must name each of the network's 4 outputs, in their order, got 5"),
        ("\n  \n", "own.txt must name every class, one per line, got no name"),
    ],
)
def test_labels_that_do_not_fit_the_network_are_told_with_exit_status_2(refused, tmp_path, text, message):
    (tmp_path / "own.txt").write_text(text, encoding="utf-8")
    for path in (tmp_path / "photos").rglob("dog/*.png"):
        path.unlink()  # its label is not among three
    status, why = refused(labels=tmp_path / "own.txt")
    assert status == 2
    assert message in why


def test_a_missing_file_of_labels_is_a_wrong_argument(refused, tmp_path):
    status, why = refused(labels=tmp_path / "nowhere.txt")
    assert status == 2
    assert "--labels" in why and "nowhere.txt" in why


def test_labels_that_are_not_utf_8_are_told_with_their_file(refused, tmp_path):
    (tmp_path / "latin.txt").write_bytes("ant\nbée\ncat\ndog\n".encode("latin-1"))
    status, why = refused(labels=tmp_path / "latin.txt")
    assert status == 2
    assert "latin.txt" in why


def test_a_byte_order_mark_is_no_part_of_the_first_label(command, tmp_path):
    (tmp_path / "marked.txt").write_text("\n".join(LABELS), encoding="utf-8-sig")
    assert command(labels=tmp_path / "marked.txt")[0] == 0
    run = run_of(tmp_path)
    assert run.metadata.labels == tuple(LABELS)
    assert run.samples[0].prediction.ground_truth == (0,)


def test_without_being_asked_nothing_is_scored_and_no_uncertainty_or_region_recorded(command, tmp_path):
    assert command(network="folder_run_factories:small_cnn")[0] == 0
    run = run_of(tmp_path)
    assert run.metadata.jobs == ("saliency",)
    assert all(sample.uncertainty is None and not sample.edit_trees for sample in run.samples.values())


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        ("dropout", {"method": "dropout"}),
        ("shift", {"method": "augmentation", "augment": "shift"}),
        ("noise", {"method": "augmentation", "augment": "noise"}),
    ],
)
def test_uncertainty_is_asked_for_by_its_way(command, tmp_path, how, wanted):
    assert command(network="folder_run_factories:small_cnn", uncertainty=how, limit=2)[0] == 0
    run = run_of(tmp_path)
    assert run.metadata.parameters["uncertainty"].items() >= {**wanted, "draws": 50}.items()
    assert all(sample.uncertainty is not None for sample in run.samples.values())


def test_uncertainty_by_dropout_of_a_network_without_it_is_told_with_exit_status_2(refused):
    status, why = refused(uncertainty="dropout")
    assert status == 2 and "has no dropout cell" in why and "test-time augmentation" in why


@pytest.mark.parametrize(("below", "told"), [("", "is a file"), ("job", "lies in {}, which is a file")])
def test_a_file_in_the_place_of_the_folder_is_told_before_anything_is_read(refused, tmp_path, below, told):
    file = tmp_path / "file"
    file.write_bytes(b"mine")
    status, why = refused(summary_dir=file / below, network="nowhere:net")
    path = file / below
    assert status == 2
    assert f"--summary-dir must be a folder, or one to be made, but {path} {told.format(file)}; give another" in why
    assert file.read_bytes() == b"mine"


def test_regions_are_searched_in_pictures_that_are_large_enough(command, refused, tmp_path):
    status, why = refused("--hierarchical-occlusion", network="folder_run_factories:small_cnn")
    told = "short side of at least 56 pixels, whose half is its first window, got 6; give a larger --size"
    assert status == 2 and f"--hierarchical-occlusion needs pictures with a {told}" in why
    more = ("--hierarchical-occlusion", "--size", 56, 60)
    assert command(*more, network="folder_run_factories:small_cnn", limit=2)[0] == 0
    run = run_of(tmp_path)
    assert run.metadata.jobs == ("saliency", "hierarchical_occlusion")
    sure = sum(int((sample.prediction.probabilities > 0.5).sum()) for sample in run.samples.values())
    assert sum(len(sample.edit_trees) for sample in run.samples.values()) == sure > 0


def on_all_cores():
    """With a thread of NumPy's for each further one; a worker of the tests has one core."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count()))


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_ends_a_run_between_two_samples_with_a_status_of_its_own(
    command, code, photos, tmp_path, name, status
):
    given = ["--network", "folder_run_factories:small_cnn", "--images", photos, "--labels", tmp_path / "labels.txt"]
    more = ["--summary-dir", tmp_path / "out", "--size", 32, 32, "--explainers", "RISE:masks=3000"]
    more += ["--on-unknown-label", "ignore"]
    call = [sys.executable, "-m", "explainer.command.main", "run", *map(str, [*given, *more])]
    path = os.pathsep.join([str(Path(explainer.__file__).parents[1]), str(Path(networks.__file__).parent), str(code)])
    environment = os.environ | {"PYTHONPATH": path}
    with subprocess.Popen(call, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=on_all_cores) as process:
        second = "out/*/origin_images/0/1.png"  # written before its records, and after all of the first sample
        while process.poll() is None and not list(tmp_path.glob(second)):
            time.sleep(0.05)
        process.send_signal(getattr(signal, name))
        _, error = process.communicate(timeout=60)
    assert process.returncode == status
    run = run_of(tmp_path)
    assert 0 in run.samples and not run.ended and not run.findings
    complete = (
        f"after {len(run.samples)} samples, which are complete on disk; run(resume=True) (--resume) goes on from there"
    )
    assert error.splitlines()[-1] == f"explainer: interrupted by {name} {complete}"
    assert "Traceback" not in error


def test_a_run_outside_the_main_thread_works(command):
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(command).result()[0] == 0


def test_a_network_for_other_images_is_told_with_exit_status_2(command, tmp_path):
    status, output, error = command("--channels", 1, network="folder_run_factories:small_cnn")
    assert (status, output) == (2, "")
    assert error.startswith(
        "explainer: `network` (SmallCnn) must be one that can be evaluated for one input of shape (1, 1, "
    )
    assert error.endswith("for images (--size H W, --channels)\n")
    assert not (tmp_path / "out").exists()
