"""`explainer run`: pictures in a folder, a network by name, a summary; and what it says when something is wrong."""

import sys
import types

import mindspore
import numpy as np
import pytest
from mindspore import nn
from networks import LinearNetwork, SmallCnn
from PIL import Image

from explainer import read_run
from explainer.command import main as cli
from explainer.command.run import load_network
from explainer.explanation import GradCAM, Gradient

HEIGHT, WIDTH = 6, 9
LABELS = ["ant", "bee", "cat", "dog"]
FACTORIES = """
import numpy as np
from mindspore import nn
from networks import LinearNetwork, SmallCnn

def small_cnn():
    return SmallCnn(3)

def blank():
    return LinearNetwork(np.zeros((4, 3 * 6 * 9)))

def blank_grey():
    return LinearNetwork(np.zeros((4, 6 * 9)))

def first_of(classes):
    return LinearNetwork(np.eye(classes, 3 * 6 * 9) * 2)

def one():
    return first_of(1)

def two():
    return first_of(2)

def nothing():
    return None

number = 3
"""


def pixels_of(seed, *shape, kind=np.uint8):
    return np.random.default_rng(seed).integers(0, np.iinfo(kind).max + 1, shape or (HEIGHT, WIDTH, 3)).astype(kind)


def weights_of(features):
    """Weights that make every pixel count, and no two alike."""
    return np.random.default_rng(0).standard_normal((4, features)) / features**0.5


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    """A folder with the module `folder_run_factories` and a broken one, on the Python path."""
    folder = tmp_path_factory.mktemp("code")
    (folder / "folder_run_factories.py").write_text(FACTORIES, encoding="utf-8")
    (folder / "folder_run_lacking.py").write_text("import a_module_that_is_nowhere\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder
    for name in [name for name in sys.modules if name.startswith("folder_run_")]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Weights on disk, by name, with the networks they came from."""
    folder = tmp_path_factory.mktemp("checkpoints")
    networks = {
        "small_cnn": SmallCnn(3),
        "blank": LinearNetwork(weights_of(3 * HEIGHT * WIDTH)),
        "blank_grey": LinearNetwork(weights_of(HEIGHT * WIDTH)),
        "other": nn.Dense(2, 3),
        "five_classes": SmallCnn(3, classes=5),
    }
    for name, network in networks.items():
        mindspore.save_checkpoint(network, str(folder / f"{name}.ckpt"))
    (folder / "garbage.ckpt").write_bytes(b"this is no checkpoint")
    return folder, networks


@pytest.fixture
def photos(tmp_path):
    """Two pictures of ants, one of a dog, one of a thing without label and one beside the folders."""
    folder = tmp_path / "photos"
    for place, name in enumerate(["ant/2.png", "ant/1.PNG", "dog/a.png", "gnu/a.png", "zero.png"]):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels_of(place)).save(path, format="PNG")
    (folder / "ant" / "notes.txt").write_text("not a picture")
    return folder


@pytest.fixture
def command(tmp_path, code, checkpoints, photos, capsys):
    """Runs the command with good arguments, or with what is given instead: exit status, output, error."""
    (tmp_path / "labels.txt").write_text("ant\nbee\n\n  cat  \ndog\n", encoding="utf-8")

    def run(*more, without=None, **given):
        arguments = {
            "network": "folder_run_factories:blank",
            "images": photos,
            "labels": tmp_path / "labels.txt",
            "summary_dir": tmp_path / "out",
            "explainers": "Gradient",
            **given,
        }
        arguments.pop(without, None)
        named = [part for name, value in arguments.items() for part in (f"--{name.replace('_', '-')}", str(value))]
        capsys.readouterr()
        status = cli.main(["run", *named, "--size", str(HEIGHT), str(WIDTH), *map(str, more)])
        output, error = capsys.readouterr()
        lines = [line for line in error.splitlines(keepends=True) if not line.startswith("no --checkpoint: ")]
        return status, output, "".join(lines)

    return run


@pytest.fixture
def refused(command, tmp_path):
    """Runs the command; it must refuse, leave no summary and tell why in one or two lines: exit status and why."""

    def run(*more, **given):
        status, output, error = command(*more, **given)
        assert output == ""
        assert error.startswith("explainer: ")
        assert not (tmp_path / "out").exists()
        return status, error.removeprefix("explainer: ").strip()

    return run


def run_of(tmp_path):
    return read_run(tmp_path / "out")


def probabilities_of(run):
    return [sample.prediction.probabilities for sample in run.samples.values()]


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def logits_of(pictures, network, mean=0.0, std=1.0):
    """The logits of a LinearNetwork for uint8 pictures (N, H, W, C) in float64."""
    images = (np.asarray(pictures) / 255 - mean) / std
    rows = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    return rows @ network.fc.weight.asnumpy().astype(np.float64).T


# ---- what it does ----


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
    assert "samples     5 complete" in output and "state       ended" in output
    assert f"explainer inspect {tmp_path / 'out'}" in output


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
    assert run.metadata.parameters["options"]["mean"] == mean


def test_explainers_are_made_with_their_options(command, checkpoints, tmp_path):
    folder, networks = checkpoints
    status, output, _ = command(
        network="folder_run_factories:small_cnn",
        checkpoint=folder / "small_cnn.ckpt",
        explainers="Gradient, GradCAM:layer=conv2,Gradient:name=small steps:batch_size=2",
    )
    assert status == 0
    run = run_of(tmp_path)
    assert run.metadata.explainers == ("Gradient", "GradCAM", "small steps")
    assert run.metadata.parameters["explainers"]["GradCAM"] == {"class": "GradCAM", "layer": "conv2"}
    assert output.count("explainer ") >= 3
    network = networks["small_cnn"]
    explainers = {"Gradient": Gradient(network), "GradCAM": GradCAM(network, layer="conv2")}
    explainers["small steps"] = explainers["Gradient"]
    for sample in run.samples.values():
        image = (run.picture(sample.image) / np.float32(255)).transpose(2, 0, 1)[None].astype(np.float32)
        for entry in sample.maps:
            expected = explainers[entry.explainer](image, entry.label)[0, 0]
            tolerance = (entry.high - entry.low) / 510 + 1e-5 * np.abs(expected).max()  # half a grey step, float32
            np.testing.assert_allclose(run.saliency(entry), expected, rtol=0, atol=tolerance)


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


@pytest.mark.parametrize("with_weights", [True, False])
def test_a_run_without_checkpoint_says_that_the_weights_are_those_of_the_factory(
    capsys, code, checkpoints, with_weights
):
    given = checkpoints[0] / "small_cnn.ckpt" if with_weights else None
    load_network("folder_run_factories:small_cnn", given, 4)
    note = "no --checkpoint: folder_run_factories:small_cnn is explained with the weights that its factory gives it\n"
    assert capsys.readouterr().err == ("" if with_weights else note)


@pytest.fixture
def model_zoo(monkeypatch):
    """Stands for MindCV: one network, and what was asked of it."""
    asked = []

    def create_model(name, num_classes, pretrained):
        asked.append((name, num_classes, pretrained))
        return LinearNetwork(np.zeros((num_classes, 3 * HEIGHT * WIDTH)))

    models = types.ModuleType("mindcv.models")
    models.create_model = create_model
    models.list_models = lambda: ["resnet18", "vgg11"]
    monkeypatch.setitem(sys.modules, "mindcv", types.ModuleType("mindcv"))
    monkeypatch.setitem(sys.modules, "mindcv.models", models)
    return asked


def test_a_network_of_the_model_zoo_has_a_class_per_label_and_no_weights_from_the_net(command, tmp_path, model_zoo):
    status, _, _ = command(network="mindcv:resnet18")
    assert (status, model_zoo) == (0, [("resnet18", 4, False)])
    assert run_of(tmp_path).metadata.parameters["network"] == "LinearNetwork"


def test_a_network_that_the_model_zoo_has_not_is_told_with_the_nearest_name(refused, model_zoo):
    status, why = refused(network="mindcv:resnet_18")
    assert (status, model_zoo) == (2, [])
    assert why == "--network: MindCV has no network 'resnet_18'; did you mean 'resnet18'?"


def test_a_module_in_the_working_directory_is_found_and_the_path_is_as_before(command, tmp_path, monkeypatch):
    (tmp_path / "folder_run_here.py").write_text(FACTORIES, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    assert command(network="folder_run_here:blank")[0] == 0
    assert sys.path == before


# ---- kinds of pictures ----


@pytest.fixture
def shown(command, tmp_path):
    """The picture that a run shows for one file."""

    def show(image, name):
        folder = tmp_path / "one"
        folder.mkdir()
        image.save(folder / name)
        status, _, error = command(images=folder)
        assert (status, error) == (0, "")
        run = run_of(tmp_path)
        return run.picture(run.samples[0].image).astype(int)

    return show


def test_a_grey_picture_has_three_equal_channels(shown):
    grey = pixels_of(5, HEIGHT, WIDTH)
    np.testing.assert_array_equal(shown(Image.fromarray(grey), "grey.png"), np.repeat(grey[:, :, None], 3, axis=2))


def test_a_palette_picture_has_the_colours_of_its_palette(shown):
    indices = pixels_of(6, HEIGHT, WIDTH) % 4
    palette = np.array([[250, 0, 10], [0, 200, 30], [5, 6, 7], [255, 255, 255]], np.uint8)
    image = Image.fromarray(indices).convert("P")
    image.putdata(indices.ravel().tolist())
    image.putpalette(palette.ravel().tolist())
    np.testing.assert_array_equal(shown(image, "palette.png"), palette[indices])


def test_a_picture_with_alpha_has_its_colours(shown):
    pixels = pixels_of(7, HEIGHT, WIDTH, 4)
    pixels[:, :5, 3] = 255
    np.testing.assert_array_equal(shown(Image.fromarray(pixels), "alpha.png")[:, :5], pixels[:, :5, :3])


def test_a_cmyk_picture_has_the_colours_of_its_inks(shown):
    inks = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    inks[...] = 0, 255, 255, 0  # magenta and yellow: red
    picture = shown(Image.fromarray(inks, "CMYK"), "cmyk.jpg")
    np.testing.assert_allclose(picture, np.broadcast_to([255, 0, 0], picture.shape), atol=4)  # JPEG is lossy


def test_a_picture_of_16_bits_has_its_greys(shown):
    deep = pixels_of(8, HEIGHT, WIDTH, kind=np.uint16)
    np.testing.assert_allclose(shown(Image.fromarray(deep), "deep.png")[:, :, 0], deep / 257, atol=1)


def test_a_bitmap_is_black_and_white(shown):
    bits = pixels_of(9, HEIGHT, WIDTH) > 127
    np.testing.assert_array_equal(shown(Image.fromarray(bits), "bits.bmp")[:, :, 1], bits * 255)


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


# ---- one class, and two ----


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


# ---- wrong arguments ----


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("folder_run_factories", "--network must be MODULE:FACTORY or mindcv:NAME, got 'folder_run_factories'"),
        ("folder_run_factories:", "--network must be MODULE:FACTORY or mindcv:NAME, got 'folder_run_factories:'"),
        (
            "nowhere_at_all:f",
            "--network: could not import 'nowhere_at_all' (No module named 'nowhere_at_all'); is it on",
        ),
        (
            "folder_run_lacking:f",
            "--network: could not import 'folder_run_lacking' (No module named 'a_module_that_is_",
        ),
        ("folder_run_factories:smal_cnn", "--network: folder_run_factories has no function 'smal_cnn'"),
        ("folder_run_factories:number", "--network: folder_run_factories has no function 'number'"),
        ("folder_run_factories:nothing", "must make a mindspore.nn.Cell, made NoneType"),
    ],
)
def test_a_network_that_cannot_be_made_is_told_with_exit_status_2(refused, network, message):
    status, why = refused(network=network)
    assert status == 2
    assert message in why


def test_mindcv_that_is_not_installed_is_told_with_what_to_install(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "mindcv.models", None)
    status, why = refused(network="mindcv:resnet18")
    assert status == 2
    assert "--network mindcv:resnet18 needs MindCV: pip install mindcv" in why


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "--checkpoint must be a file, got"),
        ("other", "lacks 6 weights of the network, the first 'conv1.weight'; explanations of a half-loaded network"),
        ("garbage", "may be corrupted"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_told_with_exit_status_2(refused, checkpoints, name, message):
    status, why = refused(network="folder_run_factories:small_cnn", checkpoint=checkpoints[0] / f"{name}.ckpt")
    assert status == 2
    assert message in why
    assert f"{name}.ckpt" in why


def test_a_checkpoint_of_other_shapes_is_told_with_its_path_and_exit_status_2(refused, checkpoints):
    path = checkpoints[0] / "five_classes.ckpt"
    status, why = refused(network="folder_run_factories:small_cnn", checkpoint=path)
    assert status == 2
    assert f"--checkpoint {path}" in why and "fc.weight" in why


def test_images_must_be_a_folder_with_pictures(refused, tmp_path):
    assert refused(images=tmp_path / "nowhere") == (2, f"--images must be a folder, got {tmp_path / 'nowhere'}")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("not a picture")
    status, why = refused(images=tmp_path / "empty")
    assert status == 2
    assert why == f"--images must hold pictures (.bmp, .jpeg, .jpg, .png, .webp), found none in {tmp_path / 'empty'}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ant\nbee\ncat\n", "`data[1]` must name each of the network's 4 outputs, got 3 labels"),
        ("ant\nbee\ncat\ndog\neel\n", "`data[1]` must name each of the network's 4 outputs, got 5 labels"),
        ("ant\nbee\nbee\ndog\n", "`data[1]` must be distinct, got 'bee' twice"),
        ("\n  \n", "`data[1]` must name every class, got an empty list"),
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


@pytest.mark.parametrize(
    ("explainers", "message"),
    [
        ("Gradeint", "`--explainers` must be one of "),
        ("Gradeint", "got 'Gradeint'; did you mean 'Gradient'"),
        ("Attribution", "got 'Attribution'"),
        ("GradCAM:layr=conv2", "`--explainers: option of GradCAM` must be one of layer, name, batch_size, got 'layr'"),
        ("GradCAM:conv2", "--explainers: options of GradCAM are written key=value, got 'conv2'"),
        ("GradCAM:layer=conv9", "`layer` must name a cell of SmallCnn, got 'conv9'; did you mean"),
        ("Gradient,Gradient", "`explainers` must be distinct, got 'Gradient' twice; pass name="),
        (" , ", "`explainers` must hold at least one explainer"),
        ("Gradient:batch_size=0", "`batch_size` must be at least 1, got 0"),
        ("Gradient:batch_size=few", "`batch_size` must be a whole number, got str 'few'"),
    ],
)
def test_explainers_that_cannot_be_made_are_told_with_exit_status_2(refused, explainers, message):
    status, why = refused(network="folder_run_factories:small_cnn", explainers=explainers)
    assert status == 2
    assert message in why


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ("Sparsness", "`--metrics` must be one of "),
        ("Sparsness", "got 'Sparsness'; did you mean 'Sparseness'"),
        ("Metric", "got 'Metric'"),
        ("Case", "got 'Case'"),
        ("Robustness:tris=2", "`--metrics: option of Robustness` must be one of radius, "),
        ("Sparseness:num_labels=3", "`--metrics: option of Sparseness` must be one of "),
        ("Faithfulness:DeletionAUC", "--metrics: options of Faithfulness are written key=value, got 'DeletionAUC'"),
        ("Faithfulness:metric=Deletion", "`metric` must be one of NaiveFaithfulness, DeletionAUC, InsertionAUC"),
        ("Localization", "needs bounding boxes"),
        ("Sparseness,Sparseness", "`benchmarkers` must be distinct, got 'Sparseness' twice"),
    ],
)
def test_metrics_that_cannot_be_made_are_told_with_exit_status_2(refused, metrics, message):
    status, why = refused(network="folder_run_factories:small_cnn", metrics=metrics)
    assert status == 2
    assert message in why


def test_metrics_score_the_maps(command, tmp_path):
    metrics = "Sparseness, Faithfulness:metric=DeletionAUC:steps=3:fill=0.5,ClassSensitivity"
    assert command(network="folder_run_factories:small_cnn", metrics=metrics)[0] == 0
    run = run_of(tmp_path)
    assert run.metadata.metrics == ("Sparseness", "DeletionAUC", "ClassSensitivity")
    deletion = run.metadata.parameters["metrics"]["DeletionAUC"]
    assert (deletion["steps"], deletion["fill"]) == (3, 0.5)
    assert len(run.benchmarks) == 3 and len(run.samples[0].curves[0].fractions) == 4


def test_without_being_asked_nothing_is_scored_and_no_doubt_or_region_recorded(command, tmp_path):
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
def test_doubt_is_asked_for_by_its_way(command, tmp_path, how, wanted):
    assert command(network="folder_run_factories:small_cnn", uncertainty=how, limit=2)[0] == 0
    run = run_of(tmp_path)
    assert run.metadata.parameters["uncertainty"].items() >= {**wanted, "draws": 50}.items()
    assert all(sample.uncertainty is not None for sample in run.samples.values())


def test_doubt_by_dropout_of_a_network_without_it_is_told_with_exit_status_2(refused):
    status, why = refused(uncertainty="dropout")
    assert status == 2 and "has no dropout cell" in why and "test-time augmentation" in why


def test_regions_are_searched_in_pictures_that_are_large_enough(command, refused, tmp_path):
    status, why = refused("--hierarchical-occlusion", network="folder_run_factories:small_cnn")
    assert status == 2 and "short side of at least 56 pixels, got 6" in why
    more = ("--hierarchical-occlusion", "--size", 56, 60)
    assert command(*more, network="folder_run_factories:small_cnn", limit=2)[0] == 0
    run = run_of(tmp_path)
    assert run.metadata.jobs == ("saliency", "hierarchical_occlusion")
    sure = sum(int((sample.prediction.probabilities > 0.5).sum()) for sample in run.samples.values())
    assert sum(len(sample.edit_trees) for sample in run.samples.values()) == sure > 0


def test_options_of_an_explainer_are_numbers_pairs_and_words(command, tmp_path):
    explainers = (
        "Occlusion:window=4x6:stride=3:fill=-0.5:signed=true:score=logit,"
        "RISE:masks=7:grid=3x2:probability=0.25,IntegratedGradients:steps=4:baseline=1,ScoreCAM:layer=conv1"
    )
    assert command(network="folder_run_factories:small_cnn", explainers=explainers)[0] == 0
    run = run_of(tmp_path)
    recorded = run.metadata.parameters["explainers"]
    occlusion = {"window": [4, 6], "stride": [3, 3], "fill": -0.5, "signed": True, "score": "logit"}
    assert recorded["Occlusion"] == {**recorded["Occlusion"], "class": "Occlusion", **occlusion}
    assert recorded["RISE"] == {**recorded["RISE"], "masks": 7, "grid": [3, 2], "probability": 0.25}
    gaps = {entry.explainer: entry.completeness_gap for entry in run.samples[0].maps}
    assert [name for name, gap in gaps.items() if gap is not None] == ["IntegratedGradients"]


def test_an_explainer_may_have_a_name_of_digits(command, tmp_path):
    assert command(explainers="Gradient:name=2021")[0] == 0
    assert run_of(tmp_path).metadata.explainers == ("2021",)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mean", 0.1, 0.2], "--mean must have 1 or 3 values for 3 channels, got 2"),
        (["--std", 1, 1, 1, 1], "--std must have 1 or 3 values for 3 channels, got 4"),
        (["--std", 0], "`std` must be positive in every channel, got [0.0]"),
        (["--top-k", -1], "`top_k` must be at least 0, got -1"),
        (["--batch-size", 0], "`batch_size` must be at least 1, got 0"),
    ],
)
def test_numbers_that_make_no_sense_are_told_with_exit_status_2(refused, arguments, message):
    status, why = refused(*arguments)
    assert status == 2
    assert message in why


@pytest.mark.parametrize("arguments", [["--limit", 0], ["--limit", -1], ["--size", 0, 5], ["--size", 5, -1]])
def test_a_limit_or_size_below_one_is_told_with_exit_status_2(refused, arguments):
    status, why = refused(*arguments)
    assert status == 2
    assert arguments[0] in why


@pytest.mark.parametrize("missing", ["network", "images", "labels", "summary_dir"])
def test_what_is_required_is_asked_for_with_exit_status_2(command, capsys, missing):
    with pytest.raises(SystemExit) as caught:
        command(without=missing)
    assert caught.value.code == 2
    assert f"the following arguments are required: --{missing.replace('_', '-')}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--activation", "tanh"], "argument --activation: invalid choice: 'tanh'"),
        (["--channels", 4], "argument --channels: invalid choice: 4"),
        (["--top-k", "many"], "argument --top-k: invalid int value: 'many'"),
        (["--mean"], "argument --mean: expected at least one argument"),
    ],
)
def test_arguments_of_a_wrong_kind_are_refused_with_exit_status_2(command, capsys, arguments, message):
    with pytest.raises(SystemExit) as caught:
        command(*arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


# ---- runs that fail ----


def test_a_summary_folder_that_cannot_be_made_is_told_with_exit_status_1(command, tmp_path):
    (tmp_path / "file").write_text("")
    status, output, error = command(summary_dir=tmp_path / "file")
    assert (status, output) == (1, "")
    assert f"explainer: could not write {tmp_path / 'file'}" in error


def test_a_network_for_other_images_is_told_with_exit_status_2(command, tmp_path):
    status, output, error = command("--channels", 1, network="folder_run_factories:small_cnn")
    assert (status, output) == (2, "")
    assert error.startswith(
        "explainer: `network` (SmallCnn) must be one that can be evaluated for one input of shape (1, 1, "
    )
    assert not (tmp_path / "out").exists()
