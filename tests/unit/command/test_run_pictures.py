"""`explainer run`: labels and boxes from folders and files; how pictures are resized, cut and drawn."""

import json
import shutil
from collections import Counter

import numpy as np
import pytest
from photo_runs import HEIGHT, LABELS, WIDTH, pixels_of, run_of
from PIL import Image

from explainer.command import main as cli
from explainer.errors import RemoteError
from explainer.records import Box
from explainer.remote import RemotePath

PEAKS = {"network": "folder_run_factories:peaks"}  # each label looks at one pixel of 9 x 6 alone
POINTING = ("--metrics", "Localization")


def picture(folder, name, height=HEIGHT, width=WIDTH, seed=0):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels_of(seed, height, width, 3)).save(path, format="PNG")
    return path


def truths(tmp_path):
    run = run_of(tmp_path)
    return {
        sample.origin.source: (sample.prediction.ground_truth, sample.objects.boxes if sample.objects else ())
        for sample in run.samples.values()
    }


def scores_of(tmp_path, metric="PointingGame", explainer="Gradient"):
    """By file and label, of the true labels."""
    return {
        (sample.origin.source, score.label): score.value
        for sample in run_of(tmp_path).samples.values()
        for score in sample.scores
        if (score.metric, score.explainer) == (metric, explainer) and score.label in sample.prediction.ground_truth
    }


# ---- folders and labels ----


@pytest.fixture
def strict(command):
    """The command as users give it: what is unknown is an error."""

    def run(*more, **given):
        return command(*more, **{"on_unknown_label": "raise", **given})

    return run


@pytest.mark.parametrize(
    ("folder", "told"),
    [
        (
            "Ant",
            "a folder of --images is not in --labels: 'Ant' (the label is 'ant'); rename what is wrong, or give --on-",
        ),
        ("antt", "'antt' (did you mean 'ant'?); rename"),
        ("train/ant", "'train' (the folders in it are labels, so give that folder); rename"),
        (
            "zzz",
            "is not in --labels: 'zzz'; rename what is wrong, or give --on-unknown-label ignore, which explains such",
        ),
    ],
)
def test_a_folder_that_is_no_label_is_an_error_before_work_begins(strict, tmp_path, folder, told):
    picture(tmp_path / "own", f"{folder}/1.png")
    picture(tmp_path / "own", "dog/1.png")
    status, output, error = strict(images=tmp_path / "own", network="nowhere:f")  # which is not looked for
    assert (status, output) == (2, "")
    assert error.startswith("explainer: ") and told in error and error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_many_folders_that_are_no_labels_are_counted_and_the_first_are_named(strict, tmp_path):
    for name in ("Ant", "b", "c", "e", "f"):
        picture(tmp_path / "own", f"{name}/1.png")
    _, _, error = strict(images=tmp_path / "own")
    assert "5 folders of --images are not in --labels: 'Ant' (the label is 'ant'), 'b'" in error
    assert "'c' (did you mean 'cat'?), and 2 more; rename" in error


def test_such_pictures_are_explained_without_a_label_where_the_user_says_so(command, tmp_path):
    assert command()[0] == 0
    assert command.notes[0] == "--images: 1 picture in 'gnu' without a true label, as no label has that name\n"
    assert truths(tmp_path)["gnu/a.png"] == ((), ())


def test_doubled_labels_are_numbered_and_said(command, tmp_path):
    (tmp_path / "cranes.txt").write_text("crane\nant\ncrane\ndog\n", encoding="utf-8")
    status, _, error = command(labels=tmp_path / "cranes.txt")
    assert status == 0
    assert error == (
        "--labels has names more than once, which are numbered: 'crane' (0, 2) became 'crane (1)', 'crane (2)'\n"
    )
    assert run_of(tmp_path).metadata.labels == ("crane (1)", "ant", "crane (2)", "dog")


def test_a_folder_of_a_doubled_label_must_say_which(strict, tmp_path):
    (tmp_path / "cranes.txt").write_text("crane\nant\ncrane\ndog\n", encoding="utf-8")
    picture(tmp_path / "own", "crane/1.png")
    status, _, error = strict(labels=tmp_path / "cranes.txt", images=tmp_path / "own")
    assert status == 2 and "'crane' (2 labels have that name: write 'crane (1)' or 'crane (2)')" in error
    (tmp_path / "own" / "crane").rename(tmp_path / "own" / "crane (2)")
    assert strict(labels=tmp_path / "cranes.txt", images=tmp_path / "own")[0] == 0
    assert truths(tmp_path) == {"crane (2)/1.png": ((2,), ())}


def test_without_a_file_of_labels_the_class_folders_are_the_labels_by_name(command, tmp_path):
    for name in ("dog/1.png", "Bee/2.png", "ant/3.png", "cat/4.png", "5.png"):
        picture(tmp_path / "own", name)
    status, _, error = command(images=tmp_path / "own", without="labels")
    assert status == 0
    assert error == ("no --labels: the folders of --images are the labels, by name: 'Bee', 'ant', 'cat' and 1 more\n")
    assert run_of(tmp_path).metadata.labels == ("Bee", "ant", "cat", "dog")
    assert truths(tmp_path)["dog/1.png"] == ((3,), ())


def test_where_nothing_names_the_classes_labels_are_asked_for(command, tmp_path):
    picture(tmp_path / "own", "1.png")
    status, _, error = command(images=tmp_path / "own", without="labels")
    assert status == 2 and error.startswith("explainer: --labels must name the classes, one per line in the order of")


# ---- tables ----


def test_a_table_has_labels_by_name_or_index_and_boxes(command, tmp_path):
    folder = tmp_path / "own"
    for name in ("a.png", "deep/b.png", "c.png", "d.png"):
        picture(folder, name, 12, 18)
    table = "file,label,x,y,w,h\na.png,dog,14,8,4,4\na.png,1,0,0,18,12\nb.png,cat;0,,,,\nc.png,,,,,\n"
    (tmp_path / "t.csv").write_text(table, encoding="utf-8")
    status, _, error = command(images=folder, labels_csv=tmp_path / "t.csv", **PEAKS)
    assert (status, error) == (0, "--images: 1 picture left out, as --labels-csv does not name them\n")
    assert truths(tmp_path) == {
        "a.png": ((1, 3), (Box(3, 7, 4, 2, 2), Box(1, 0, 0, 9, 6))),  # halved, as 18 x 12 became 9 x 6
        "c.png": ((), ()),
        "deep/b.png": ((0, 2), ()),
    }


def test_scores_of_boxes_by_hand(command, tmp_path):
    """The map of a label is 1 at its pixel and 0 elsewhere; boxes are [x, y, width, height] with x across."""
    folder = tmp_path / "own"
    names = ["hit.png", "turned.png", "left.png", "none.png"]
    for name in names:
        picture(folder, name, 12, 18)
    rows = ["hit.png,dog,16,10,2,2", "turned.png,dog,10,0,2,12", "left.png,ant,2,8,2,2", "none.png,dog,,,,"]
    (tmp_path / "t.csv").write_text("\n".join(["file,label,x,y,w,h", *rows]), encoding="utf-8")
    given = {"images": folder, "labels_csv": tmp_path / "t.csv", **PEAKS}
    status, output, error = command(*POINTING, "--metrics", "Localization,Localization:metric=IoSR", **given)
    assert (status, error) == (0, "")
    wanted = {("hit.png", 3): 1.0, ("turned.png", 3): 0.0, ("left.png", 0): 1.0, ("none.png", 3): np.nan}
    for metric in ("PointingGame", "IoSR"):
        found = scores_of(tmp_path, metric)
        assert found.keys() == wanted.keys()
        np.testing.assert_array_equal([found[key] for key in wanted], [*wanted.values()])
    (counts,) = [line.split() for line in output.splitlines() if line.startswith("4 complete")]
    assert counts[-2] == "3"  # with boxes


def test_boxes_alone_belong_to_the_label_of_the_folder(command, tmp_path):
    folder = tmp_path / "own"
    for name in ("dog/a.png", "dog/b.png"):
        picture(folder, name, 12, 18)
    (tmp_path / "b.csv").write_text("file,x,y,w,h\na.png,14,8,4,4\na.png,0,0,2,2\n", encoding="utf-8")
    status, _, error = command(*POINTING, images=folder, boxes=tmp_path / "b.csv", **PEAKS)
    assert (status, error) == (0, "")
    assert truths(tmp_path)["dog/a.png"] == ((3,), (Box(3, 7, 4, 2, 2), Box(3, 0, 0, 1, 1)))
    assert scores_of(tmp_path)["dog/a.png", 3] == 1
    assert np.isnan(scores_of(tmp_path)["dog/b.png", 3])


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("file,label\na.png,Dog\n", "--labels-csv: a name is not in --labels: 'Dog' in line 2 of --labels-csv "),
        ("file,label\na.png,4\n", "--labels-csv: a name is not in --labels: '4' in line 2"),
        ("file,label\nb.png,dog\n", "none of those it names is there: 'b.png'; is it the right folder?"),
        ("name,label\na.png,dog\n", "file, label among them, with commas, got 'name', 'label', without file"),
        ("file,label,x,y,w,h\na.png,dog,1,2,-3,4\n", "a width and height of at least 0, got -3 x 4 in line 2"),
    ],
)
def test_a_table_that_does_not_fit_is_told_before_work_begins(strict, tmp_path, table, told):
    picture(tmp_path / "own", "a.png")
    (tmp_path / "t.csv").write_text(table, encoding="utf-8")
    status, output, error = strict(images=tmp_path / "own", labels_csv=tmp_path / "t.csv", network="nowhere:f")
    assert (status, output) == (2, "")
    assert told in error and error.startswith("explainer: ") and error.count("\n") == 1


def test_what_a_table_names_and_is_not_there_is_counted(command, tmp_path):
    picture(tmp_path / "own", "a.png")
    table = "file,label\na.png,dog\na.png,gnu\nb.png,dog\nc.png,dog\n"
    (tmp_path / "t.csv").write_text(table, encoding="utf-8")
    status, _, error = command(images=tmp_path / "own", labels_csv=tmp_path / "t.csv")
    assert status == 0
    assert error.splitlines() == [
        "--labels-csv: 1 entry left out, as no label has the name 'gnu'",
        "--labels-csv names 3 pictures, of which 2 are not in --images: 'b.png', 'c.png'",
    ]
    assert truths(tmp_path) == {"a.png": ((3,), ())}


def test_a_metric_that_needs_boxes_is_told_how_to_give_them(command):
    status, _, error = command(*POINTING)
    assert status == 2
    assert error == (
        "explainer: --metrics: PointingGame needs the boxes of objects, and no picture has one; give them by "
        "--labels-csv, --boxes or --annotations, or leave it out\n"
    )


# ---- COCO and Pascal VOC ----


def coco_of(*annotations, categories=((7, "dog"), (2, "cat")), size=(18, 12)):
    """Instances on one picture, a.png; categories by id."""
    return {
        "images": [{"id": 1, "file_name": "a.png", "width": size[0], "height": size[1]}],
        "categories": [{"id": number, "name": name} for number, name in categories],
        "annotations": [
            {"id": at, "image_id": 1, "category_id": category, "bbox": box, "iscrowd": crowd}
            for at, (category, box, crowd) in enumerate(annotations)
        ],
    }


@pytest.fixture
def with_coco(command, tmp_path):
    """Runs with instances on a picture of 18 x 12."""

    def run(content, *more, **given):
        picture(tmp_path / "own", "val/a.png", 12, 18)
        (tmp_path / "instances.json").write_text(json.dumps(content), encoding="utf-8")
        given = {"images": tmp_path / "own", "annotations": tmp_path / "instances.json", **PEAKS, **given}
        return command(*more, **given)

    return run


def test_instances_are_true_labels_and_boxes_and_crowds_are_labels_alone(with_coco, tmp_path):
    content = coco_of((7, [14, 8, 4, 4], 0), (7, [0, 0, 3, 3], 0), (2, [0, 0, 18, 12], 1))
    status, _, error = with_coco(content, *POINTING)
    assert (status, error) == (0, "--annotations: 1 box around a crowd left out; its label counts\n")
    # 0, 0, 1.5, 1.5: edges are rounded
    assert truths(tmp_path) == {"val/a.png": ((2, 3), (Box(3, 7, 4, 2, 2), Box(3, 0, 0, 2, 2)))}
    found = scores_of(tmp_path)
    assert found["val/a.png", 3] == 1 and np.isnan(found["val/a.png", 2])


def test_without_a_file_of_labels_the_categories_are_the_labels_by_id(with_coco, tmp_path):
    content = coco_of((7, [14, 8, 4, 4], 0), categories=((7, "dog"), (2, "cat"), (90, "ant"), (1, "bee")))
    status, _, error = with_coco(content, without="labels")
    assert status == 0
    assert (
        error == "no --labels: the categories of --annotations are the labels, by id: 'bee', 'cat', 'dog' and 1 more\n"
    )
    assert run_of(tmp_path).metadata.labels == ("bee", "cat", "dog", "ant")
    assert truths(tmp_path)["val/a.png"][0] == (2,)


def test_a_category_that_is_no_label_is_told_or_left_out(with_coco, tmp_path):
    content = coco_of((7, [14, 8, 4, 4], 0), (2, [0, 0, 3, 3], 0), categories=((7, "Dog"), (2, "cat")))
    status, _, error = with_coco(content, on_unknown_label="raise")
    assert status == 2 and "--annotations: a name is not in --labels: 'Dog' in annotations[0] of " in error
    assert "(the label is 'dog'); correct what is wrong, or give --on-unknown-label ignore" in error
    assert with_coco(content)[0] == 0
    assert truths(tmp_path)["val/a.png"] == ((2,), (Box(2, 0, 0, 2, 2),))


def test_instances_for_a_picture_of_another_size_end_the_run_there(with_coco, tmp_path):
    content = coco_of((7, [14, 8, 4, 4], 0), size=(36, 24))
    status, _, error = with_coco(content)
    assert status == 1
    assert (
        "a.png are for a picture of 36 x 24 pixels, but it has 18 x 12, upright; give the pictures that were" in error
    )


def test_pascal_voc_counts_corners_from_1(command, tmp_path):
    picture(tmp_path / "own", "a.png", 12, 18)
    corners = "<xmin>15</xmin><ymin>9</ymin><xmax>18</xmax><ymax>12</ymax>"
    text = f"<object><name>dog</name><bndbox>{corners}</bndbox></object>"
    (tmp_path / "VOC" / "Annotations").mkdir(parents=True)
    xml = f"<annotation><filename>a.png</filename>{text}</annotation>"
    (tmp_path / "VOC" / "Annotations" / "a.xml").write_text(xml)
    status, _, error = command(*POINTING, images=tmp_path / "own", annotations=tmp_path / "VOC", **PEAKS)
    assert (status, error) == (0, "")
    assert truths(tmp_path) == {"a.png": ((3,), (Box(3, 7, 4, 2, 2),))}
    assert scores_of(tmp_path) == {("a.png", 3): 1}


def test_boxes_are_counted_and_told_when_the_crop_leaves_nothing_of_them(with_coco, tmp_path):
    # 18 x 12 stays so, and the middle of 9 x 6 begins at x = 4 (4.5 rounded to even), y = 3
    content = coco_of((7, [12, 8, 6, 4], 0), (7, [0, 0, 4, 12], 0), (2, [0, 0, 18, 3], 0))
    status, _, error = with_coco(content, "--resize", 12, "--center-crop", 6, 9, *POINTING, size=())
    assert status == 0
    assert error.startswith(
        f"--images: {tmp_path / 'own' / 'val' / 'a.png'}: of a box nothing is left on what the network"
    )
    assert truths(tmp_path) == {"val/a.png": ((2, 3), (Box(3, 8, 5, 1, 1),))}
    assert np.isnan(scores_of(tmp_path)["val/a.png", 2])


# ---- what pictures become ----


@pytest.fixture
def shapes(photos, tmp_path, code, checkpoints, capsys):
    """The pictures of a run with these options, of a network for images of any size."""

    def run(*more, size=(30, 40)):
        picture(tmp_path / "own", "dog/a.png", *size)
        labels = tmp_path / "four.txt"
        labels.write_text("\n".join(LABELS), encoding="utf-8")
        given = ["--network", "folder_run_factories:small_cnn", "--images", tmp_path / "own", "--labels", labels]
        more = ["--summary-dir", tmp_path / "out", "--explainers", "Gradient", *more]
        assert cli.main(["run", *map(str, [*given, *more])]) == 0
        run.error = capsys.readouterr().err
        found = run_of(tmp_path)
        return [found.picture(sample.image) for sample in found.samples.values()]

    return run


@pytest.mark.parametrize(
    ("options", "size"),
    [
        (["--size", 24, 36], (24, 36)),
        (["--resize", 26, "--center-crop", 26, 24], (26, 24)),
        (["--resize", 24, "--center-crop", 20], (20, 20)),
        (["--center-crop", 20, 28], (20, 28)),
        (["--size", 36, 24, "--center-crop", 20, 22], (20, 22)),
        (["--preprocess", "none"], (224, 224)),
        ([], (224, 224)),
        (["--preprocess", "cifar"], (32, 32)),
        (["--preprocess", "cifar", "--size", 24, 36], (24, 36)),
        (["--preprocess", "imagenet", "--resize", 26, "--center-crop", 26, 24], (26, 24)),
        (["--preprocess", "imagenet", "--size", 24, 36], (24, 36)),
    ],
)
def test_pictures_are_resized_and_cut_as_asked_for(shapes, options, size):
    (pixels,) = shapes(*options)
    assert pixels.shape == (*size, 3)


def test_the_middle_of_a_picture_is_what_it_was(shapes, tmp_path):
    (pixels,) = shapes("--resize", 30, "--center-crop", 20, 28)
    np.testing.assert_array_equal(pixels, np.asarray(Image.open(tmp_path / "own" / "dog" / "a.png"))[5:25, 6:34])


def test_a_preset_is_recorded_with_what_it_stands_for_and_inspect_shows_it(shapes, tmp_path, capsys):
    shapes("--preprocess", "cifar", "--std", 0.25)
    parameters = run_of(tmp_path).metadata.parameters
    assert parameters["dataset"]["preset"] == "cifar"
    assert parameters["options"]["preprocess"] == {
        "size": [32, 32],
        "channels": 3,
        "mean": [0.4914, 0.4822, 0.4465],
        "std": [0.25],
        "resize": None,
        "center_crop": False,
    }
    assert cli.main(["inspect", str(tmp_path / "out")]) == 0
    output = " ".join(capsys.readouterr().out.split())
    assert "preset cifar" in output
    assert "pictures center_crop False, channels 3, mean 0.4914+0.4822+0.4465, size 32+32, std 0.25 " in output


def test_pixels_as_they_are_are_said_unless_they_are_asked_for(shapes):
    shapes("--size", 24, 24)
    assert (
        "no --mean and --std: the network sees pixels between 0 and 1; if it was trained on normalised" in shapes.error
    )
    for options in (["--preprocess", "none"], ["--mean", 0], ["--preprocess", "cifar"]):
        shapes(*options)
        assert "--mean" not in shapes.error


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--resize", 9], "--size and --resize say the same thing in two ways, got both; give one of them"),
        (["--sample-seed", 1], "--sample-seed draws as many pictures as --limit says, got no --limit; give it, too"),
        (
            ["--center-crop", 7],
            "--center-crop must be no more than what pictures are resized to, got 7 7 of 6 9 (--pre",
        ),
        (["--labels-csv", "a", "--annotations", "b"], "--labels-csv and --annotations say the same thing in two ways"),
        (["--boxes", "a", "--annotations", "b"], "--annotations and --boxes say the same thing in two ways"),
        (["--preprocess", "imagenet", "--channels", 1], "got 3 (--preprocess imagenet)"),
        (["--center-crop", "x"], "Invalid value for '--center-crop': 'x' must be a number of pixels, or height and"),
        (["--center-crop", 0], "'0' must be a number of pixels, or height and width such as 224 192"),
        (["--resize", 0], "Invalid value for '--resize': 0 is not in the range x>=1"),
        (["--preprocess", "resnet"], "'resnet' is not one of 'imagenet', 'cifar', 'none'"),
        (["--sample-seed", -1], "Invalid value for '--sample-seed': -1 is not in the range x>=0"),
    ],
)
def test_options_that_do_not_go_together_are_told(command, tmp_path, options, told):
    status, output, error = command(*options)
    assert (status, output) == (2, "")
    assert told in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--resize", 30], "--resize needs --center-crop, got 30 alone: pictures would have sizes of their own"),
        (["--preprocess", "imagenet", "--center-crop", 299], "got 299 299 of 256 256 (--preprocess imagenet); give a"),
    ],
)
def test_sizes_that_do_not_go_together_are_told(command, options, told):
    status, _, error = command(*options, size=(), **({"preprocess": "none"} if "imagenet" not in options else {}))
    assert status == 2 and told in error


# ---- a few of many ----


@pytest.fixture
def many(command, tmp_path):
    for label, count in (("ant", 8), ("bee", 4), ("dog", 4)):
        for number in range(count):
            picture(tmp_path / "own", f"{label}/{number}.png", seed=number)

    def run(*more):
        status, _, error = command(*more, images=tmp_path / "own")
        assert status == 0, error
        return [*truths(tmp_path)]

    return run


def test_the_first_pictures_or_a_draw_in_which_each_label_has_its_share(many, tmp_path):
    assert many("--limit", 3) == ["ant/0.png", "ant/1.png", "ant/2.png"]
    chosen = many("--limit", 8, "--sample-seed", 5)
    assert Counter(name.split("/")[0] for name in chosen) == {"ant": 4, "bee": 2, "dog": 2}
    assert chosen == sorted(chosen) == many("--limit", 8, "--sample-seed", 5) != many("--limit", 8, "--sample-seed", 6)
    told = run_of(tmp_path).metadata.parameters["dataset"]
    assert (told["limit"], told["sample_seed"], told["of"], told["samples"]) == (8, 6, 16, 8)


def test_a_draw_is_gone_on_with_and_another_is_refused(command, tmp_path):
    for label in ("ant", "bee"):
        for number in range(4):
            picture(tmp_path / "own", f"{label}/{number}.png", seed=number)
    given = {"images": tmp_path / "own", "limit": 4, "sample_seed": 2}
    assert command(**given)[0] == 0
    names = [*truths(tmp_path)]
    last = tmp_path / "own" / names[-1]
    whole = last.read_bytes()
    for path in (tmp_path / "out").iterdir():
        path.rename(tmp_path / path.name)
    last.write_bytes(b"")
    assert command(**given)[0] == 1
    last.write_bytes(whole)
    status, _, error = command("--resume", **{**given, "sample_seed": 3})
    assert status == 2 and "dataset.sample_seed differs: 2 then, 3 now" in error
    status, _, error = command("--resume", **given)
    assert (status, error) == (0, "resumed: 3 of 4 samples were complete before\n")
    assert [*truths(tmp_path)] == names


def test_other_boxes_are_refused_when_a_run_goes_on(command, tmp_path):
    folder = tmp_path / "own"
    for name in ("dog/a.png", "dog/b.png"):
        picture(folder, name, 12, 18)
    whole = (folder / "dog" / "b.png").read_bytes()
    (folder / "dog" / "b.png").write_bytes(b"")
    (tmp_path / "b.csv").write_text("file,x,y,w,h\na.png,14,8,4,4\n", encoding="utf-8")
    given = {"images": folder, "boxes": tmp_path / "b.csv", **PEAKS}
    assert command(**given)[0] == 1
    (folder / "dog" / "b.png").write_bytes(whole)
    (tmp_path / "b.csv").write_text("file,x,y,w,h\na.png,14,8,4,3\n", encoding="utf-8")
    status, _, error = command("--resume", **given)
    assert status == 2 and "dataset.boxes differ" in error


def test_pictures_from_a_file_of_options_are_those_of_the_command_line(command, tmp_path, capsys):
    picture(tmp_path / "own", "a.png", 12, 18)
    (tmp_path / "t.csv").write_text("file,label,x,y,w,h\na.png,dog,12,8,6,4\n", encoding="utf-8")
    more = ("--resize", 12, "--center-crop", 6, 9, "--mean", 0.5)
    assert command(*more, size=(), images=tmp_path / "own", labels_csv=tmp_path / "t.csv", **PEAKS)[0] == 0
    first = truths(tmp_path)
    assert cli.main(["config", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert 'center-crop = "6 9"' in printed and "resize = 12" in printed
    (tmp_path / "run.toml").write_text(printed, encoding="utf-8")
    for path in (tmp_path / "out").iterdir():
        path.rename(tmp_path / path.name)
    assert cli.main(["run", "--config", str(tmp_path / "run.toml")]) == 0
    assert truths(tmp_path) == first == {"a.png": ((3,), (Box(3, 8, 5, 1, 1),))}


# ---- by URL ----


@pytest.fixture
def stored(storage, tmp_path):
    """Puts a file or a folder of this machine behind a URL, which it gives."""

    def put(name):
        files = [path for path in (tmp_path / name).rglob("*") if path.is_file()] or [tmp_path / name]
        for path in files:
            storage.put(path.relative_to(tmp_path).as_posix(), path.read_bytes())
        return f"{storage.url}/{name}"

    return put


def results_of(tmp_path, folder):
    """All that must be the same, whatever the pictures were read from."""
    run = run_of(tmp_path, folder)
    return run.metadata.labels, [
        (
            sample.origin,
            sample.prediction.ground_truth,
            [*sample.prediction.probabilities],
            {(one.explainer, one.label): run.saliency(one).tolist() for one in sample.maps},
            [(score.metric, score.explainer, score.label, score.value) for score in sample.scores],
        )
        for sample in run.samples.values()
    ]


def test_pictures_and_labels_by_url_give_the_run_of_those_on_disk(command, tmp_path, stored):
    given = {"network": "folder_run_factories:small_cnn", "explainers": "Gradient,GradCAM:layer=conv2"}
    more = ("--metrics", "Faithfulness:metric=DeletionAUC:steps=4", "--traceback")
    assert command(*more, summary_dir=tmp_path / "here", **given)[0] == 0
    images, labels = stored("photos"), stored("labels.txt")
    shutil.rmtree(tmp_path / "photos")
    status, _, error = command(*more, images=images, labels=labels, summary_dir=tmp_path / "there", **given)
    assert (status, error) == (0, "")
    assert results_of(tmp_path, "there") == results_of(tmp_path, "here")
    provenance = run_of(tmp_path, "there").metadata.parameters["provenance"]
    assert (provenance["images"], provenance["configuration"]["images"]) == (images, images)


def test_labels_and_boxes_by_url_are_those_on_disk(command, tmp_path, stored):
    for name in ("dog/a.png", "cat/b.png"):
        picture(tmp_path / "own", name, 12, 18)
    coco = coco_of((7, [14, 8, 4, 4], 0))
    (tmp_path / "coco.json").write_text(json.dumps(coco), encoding="utf-8")
    (tmp_path / "t.csv").write_text("file,label,x,y,w,h\na.png,dog,14,8,4,4\n", encoding="utf-8")
    (tmp_path / "b.csv").write_text("file,x,y,w,h\na.png,14,8,4,4\n", encoding="utf-8")
    (tmp_path / "VOC" / "Annotations").mkdir(parents=True)
    corners = "<bndbox><xmin>15</xmin><ymin>9</ymin><xmax>18</xmax><ymax>12</ymax></bndbox>"
    xml = f"<annotation><filename>a.png</filename><object><name>dog</name>{corners}</object></annotation>"
    (tmp_path / "VOC" / "Annotations" / "a.xml").write_text(xml)
    images = stored("own")
    for option, name in [
        ("annotations", "coco.json"),
        ("annotations", "VOC"),
        ("labels_csv", "t.csv"),
        ("boxes", "b.csv"),
    ]:
        out = tmp_path / f"{name}-out"
        status, _, error = command(images=images, summary_dir=out, **{option: stored(name)}, **PEAKS)
        assert (status, "Traceback" in error) == (0, False)
        sample = next(sample for sample in run_of(tmp_path, out.name).samples.values() if "dog" in sample.origin.source)
        assert (sample.prediction.ground_truth, sample.objects.boxes) == ((3,), (Box(3, 7, 4, 2, 2),))


@pytest.mark.parametrize("policy", ["raise", "skip"])
def test_a_picture_that_vanishes_during_a_run_is_a_bad_sample(command, tmp_path, stored, storage, monkeypatch, policy):
    picture(tmp_path / "own", "dog/a.png")
    picture(tmp_path / "own", "dog/b.png", seed=1)
    images = stored("own")
    read = RemotePath.read_bytes
    monkeypatch.setattr(
        RemotePath,
        "read_bytes",
        lambda path: storage.remove("own/dog/a.png") or read(path) if path.name == "a.png" else read(path),
    )
    status, _, error = command("--on-bad-sample", policy, images=images)
    reason = f"could not read the picture {images}/dog/a.png: it is not there"
    if policy == "raise":
        assert status == 1 and reason in error and error.count("\n") == 1
    else:
        assert (status, [*truths(tmp_path)]) == (0, ["dog/b.png"])
        assert run_of(tmp_path).skipped[0].endswith(reason)


def test_a_storage_that_fails_during_a_run_ends_it_whatever_is_to_be_skipped(command, tmp_path, stored, monkeypatch):
    picture(tmp_path / "own", "dog/a.png")
    picture(tmp_path / "own", "dog/b.png", seed=1)
    images = stored("own")
    read = RemotePath.read_bytes

    def expired(path):
        if path.name == "b.png":
            raise RemoteError(f"could not read {path}", "The provided token has expired")
        return read(path)

    monkeypatch.setattr(RemotePath, "read_bytes", expired)
    status, _, error = command("--on-bad-sample", "skip", "--batch-size", 1, images=images)
    assert status == 1
    assert error.endswith(f"could not read {images}/dog/b.png: The provided token has expired\n")
    assert error.count("\n") == 1


@pytest.mark.parametrize("option", ["images", "labels", "labels_csv", "boxes", "annotations"])
def test_a_url_where_nothing_is_ends_in_a_sentence(command, stored, option):
    there = stored("photos")
    status, output, error = command(**{option: f"{there}x"})
    assert (status, output) == (2, "")
    assert f"--{option.replace('_', '-')} must be a " in error and "which is not there; did you mean 'photos'?" in error
    assert error.count("\n") == 1


def test_a_url_that_lost_a_slash_is_told(command):
    status, _, error = command(images="s3:/bucket/photos")
    assert status == 2
    assert (
        "Invalid value for '--images': it must be a path, or a URL with two slashes, got 's3:/bucket/photos'" in error
    )


@pytest.mark.parametrize("option", ["checkpoint", "config"])
def test_an_option_for_what_is_on_this_machine_refuses_a_url(command, tmp_path, option):
    status, _, error = command(**{option: "s3://bucket/one"})
    assert status == 2
    assert (
        f"Invalid value for '--{option}': it must be a path of this machine, got the URL s3://bucket/one; copy" in error
    )
