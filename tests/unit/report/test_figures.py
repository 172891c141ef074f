"""Figures: what stands in them, that nothing overlaps, and what is written."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from mindspore import Tensor
from paired_runs import MAP, METADATA, Item, write
from PIL import Image

from explainer import Preprocess, figure, overlay, read_run, show
from explainer.analysis.view import RunView
from explainer.errors import MissingExtraError, SummaryReadError, SummaryWriteError
from explainer.report import figures

PICTURE = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
SIGNED = MAP - 17


def texts(drawn: Any) -> list[str]:
    return [text.get_text() for text in drawn.texts]


def pictures(drawn: Any) -> list[np.ndarray]:
    """The pixels of all pictures and bars, in the order in which they were drawn."""
    return [np.asarray(axes.images[0].get_array()) for axes in drawn.axes]


def run_of(folder: Path, items: Sequence[Item], **changed: Any) -> RunView:
    return read_run(write(folder, items, replace(METADATA, **changed)))


def item(number: int = 0, **changed: Any) -> Item:
    maps = {("GradCAM", 1): MAP + number, ("RISE", 1): SIGNED * (number + 1)}
    return Item(number, f"photos/{number}.png", maps=maps, pixels=PICTURE).but(**changed)


# ------------------------------------------------- what stands in a figure


def test_a_row_has_caption_picture_and_the_map_of_each_method(tmp_path: Path) -> None:
    drawn = figure(run_of(tmp_path, [item(interval=0.125)]))
    assert texts(drawn)[:6] == ["GradCAM", "RISE", "photos/0.png", "true: dog", "✓ predicted: dog", "0.62 [0.50, 0.75]"]
    picture, gradcam, rise, *_ = pictures(drawn)
    np.testing.assert_array_equal(picture, PICTURE)
    run = read_run(tmp_path)
    maps = {entry.explainer: run.saliency(entry) for entry in run.samples[0].maps}
    wanted = {name: overlay(PICTURE, map_, alpha=0.6, percentile=99, grey=True) for name, map_ in maps.items()}
    np.testing.assert_array_equal(gradcam, wanted["GradCAM"])
    np.testing.assert_array_equal(rise, wanted["RISE"])


def test_a_folder_stands_for_its_newest_run(tmp_path: Path) -> None:
    drawn = figure(run_of(tmp_path, [item()]))
    for folder in (tmp_path, str(tmp_path)):
        assert texts(figure(folder)) == texts(drawn)
    with pytest.raises(TypeError, match="`run` must be a run that was read, or the path of its folder, got int"):
        figure(3)  # type: ignore[arg-type]


def test_a_sample_s_number_is_no_entry_of_it(tmp_path: Path) -> None:
    run = run_of(tmp_path, [item()])
    with pytest.raises(TypeError, match=r"`entry` must be `run\.samples\[3\]\.image`, or an entry .*, got int"):
        run.picture(0)  # type: ignore[arg-type]
    for entry in (0, run.samples[0].image):
        with pytest.raises(TypeError, match=r"an entry of `run\.samples\[3\]\.maps`; `run\.map_of` takes a number"):
            run.saliency(entry)  # type: ignore[arg-type]


def test_an_incorrect_prediction_and_another_label_are_told(tmp_path: Path) -> None:
    wrong = item(probabilities=(0.75, 0.125, 0.125))
    unknown = item(1, truth=())
    found = texts(figure(run_of(tmp_path, [wrong, unknown])))
    assert found[2:8] == ["photos/0.png", "true: dog", "✗ predicted: cat", "0.75", "maps of: dog", "0 … 34"]
    assert "predicted: dog" in found
    assert sum("maps of" in text for text in found) == 1


def test_samples_methods_and_labels_are_chosen_by_number_or_name(tmp_path: Path) -> None:
    maps = {("GradCAM", label): MAP + label for label in (0, 1, 2)}
    run = run_of(tmp_path, [item(number, maps=maps) for number in range(6)])
    found = texts(figure(run, explainers="GradCAM"))
    assert [text for text in found if text.startswith("photos")] == [f"photos/{number}.png" for number in range(4)]
    found = texts(figure(run, ["photos/5.png", 2, 3], ["GradCAM"], [0, "dog", np.int64(2)]))
    assert found[0] == "GradCAM"
    assert [text for text in found if text.startswith(("photos", "maps of"))] == [
        "photos/5.png",
        "maps of: cat",
        "photos/2.png",
        "photos/3.png",
        "maps of: eel",
    ]
    assert texts(figure(run, 4, "GradCAM", "eel"))[5] == "maps of: eel"


def test_a_map_that_is_not_there_is_said(tmp_path: Path) -> None:
    drawn = figure(run_of(tmp_path, [item(), item(1, maps={("RISE", 1): SIGNED})]))
    assert texts(drawn).count("no map") == 1


def test_a_run_without_names_shows_numbers(tmp_path: Path) -> None:
    assert "sample 3" in texts(figure(run_of(tmp_path, [item(3, source="")])))


def test_a_transparent_or_grey_picture_is_laid_over_white(tmp_path: Path) -> None:
    clear = np.dstack([PICTURE, np.full((5, 7), 0, np.uint8)])
    grey = item(1, pixels=PICTURE[..., 0])
    first, _, _, second, *_ = pictures(figure(run_of(tmp_path, [item(pixels=clear), grey])))
    assert (first == 255).all()
    np.testing.assert_array_equal(second, PICTURE[..., :1].repeat(3, axis=2))


# ------------------------------------------------- scales


def test_each_map_has_its_own_scale_and_its_ends_below_it(tmp_path: Path) -> None:
    found = texts(figure(run_of(tmp_path, [item(), item(1)]), percentile=100))
    assert [text for text in found if "…" in text or "±" in text] == ["0 … 34", "±17", "1 … 35", "±34"]
    start = found.index("lowest")
    assert found[start : start + 5] == ["lowest", "highest", "−highest", "0", "+highest"]


def test_a_method_s_maps_share_a_scale_with_numbers_at_its_bar(tmp_path: Path) -> None:
    run = run_of(tmp_path, [item(), item(1)])
    drawn = figure(run, scale="method", percentile=100, alpha=1)
    start = texts(drawn).index("35")
    assert texts(drawn)[start - 1 : start + 4] == ["0", "35", "−34", "0", "34"]
    maps = [run.saliency(entry) for number in (0, 1) for entry in run.samples[number].maps if entry.explainer == "RISE"]
    shown = [pictures(drawn)[place] for place in (2, 5)]
    for map_, pixels in zip(maps, shown, strict=True):
        np.testing.assert_array_equal(pixels, overlay(PICTURE, map_, alpha=1, limits=(-34, 34), palette="blue_red"))
    assert "The maps of a method share a scale, from the" in " ".join(texts(drawn)[start + 4 :])


def test_a_palette_that_is_given_is_that_of_all_maps(tmp_path: Path) -> None:
    drawn = figure(run_of(tmp_path, [item()]), palette="cividis")
    bar = pictures(drawn)[-1]
    assert bar[0, 0].tolist() == [0, 34, 78]
    assert bar[0, -1].tolist() == [254, 232, 56]
    assert len(pictures(drawn)) == 4


def test_a_constant_map_is_said_to_be_one(tmp_path: Path) -> None:
    constant = item(maps={("GradCAM", 1): MAP * 0 + 3})
    for scale in ("map", "method"):
        drawn = figure(run_of(tmp_path / scale, [constant]), explainers="GradCAM", scale=scale, alpha=1)
        assert ("3, constant" in texts(drawn)) == (scale == "map")
        assert (pictures(drawn)[1] == (68, 1, 84)).all()


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [(1e-9, 0.25, "0 … 0.25"), (-3e-5, 2.0, "0 … 2"), (0.2, 1.15625, "0.2 … 1.2"), (0, 1e-7, "0 … 1e−07")],
)
def test_numbers_have_two_digits_and_what_is_next_to_nothing_is_0(low: float, high: float, told: str) -> None:
    assert figures._range(low, high, "viridis") == told


# ------------------------------------------------- nothing overlaps

NAMES = (
    "GradCAM",
    "IntegratedGradientsOfTheLogit",
    "a method whose name has many words",
    "GradCAMPlusPlus",
    "w" * 60,
    "RISE",
    "KernelSHAP",
    "under_scores_between_all_words",
)


@pytest.mark.parametrize("options", [{}, {"width": 7.0}, {"scale": "method"}, {"width": 7.0, "scale": "method"}])
def test_no_text_reaches_over_another_or_over_a_picture_or_out_of_the_figure(tmp_path: Path, options: Any) -> None:
    maps = {(name, 1): (SIGNED if place % 2 else MAP) * 1.234e-5 for place, name in enumerate(NAMES)}
    name = "photos/of_a_folder/with-a-long-name/IMG_20230114_000123.png"
    items = [
        item(0, source=name, maps=maps, interval=0.125),
        item(1, source="x" * 80, maps=maps, pixels=PICTURE[:2]),
        item(2, maps=maps, pixels=np.repeat(PICTURE, 4, axis=0)),
    ]
    run = run_of(tmp_path, items, explainers=NAMES, labels=("cat", "a label with a rather long name", "eel"))
    drawn = figure(run, **options)
    renderer = FigureCanvasAgg(drawn).get_renderer()
    found = [text.get_window_extent(renderer) for text in drawn.texts if text.get_text().strip()]
    found += [axes.get_window_extent(renderer) for axes in drawn.axes]
    border = drawn.bbox
    for place, box in enumerate(found):
        assert box.x0 >= -0.5 and box.y0 >= -0.5 and box.x1 <= border.x1 + 0.5 and box.y1 <= border.y1 + 0.5
        for other in found[place + 1 :]:
            across = min(box.x1, other.x1) - max(box.x0, other.x0)
            along = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert across < 1 or along < 1


def test_the_width_of_a_page_is_kept(tmp_path: Path) -> None:
    run = run_of(tmp_path, [item()])
    assert figure(run, width=5.5).get_size_inches()[0] == pytest.approx(5.5)
    with pytest.raises(ValueError, match=r"`width` must leave each of 3 pictures 0.35 inches, got 1.5"):
        figure(run, width=1.5)


def test_names_are_no_formulas_and_hold_no_commands(tmp_path: Path) -> None:
    labels = ("cat", "$x^2$ \x1b[2J", "eel")
    drawn = figure(run_of(tmp_path, [item(source="a$b$_{c}\n\u202e.png")], labels=labels))
    assert all(not text.get_parse_math() and not text.get_usetex() for text in drawn.texts)
    shown = "".join(texts(drawn))
    assert "$x^2$" in shown
    assert r"\x1b[2J" in shown
    assert r"\n\u202e" in shown


# ------------------------------------------------- one image


def test_show_takes_what_explainers_return(tmp_path: Path) -> None:
    drawn = show(PICTURE, {"GradCAM": Tensor(MAP[None, None]), "coarse": [[-1, 2]]}, caption="my image")
    assert texts(drawn)[:4] == ["GradCAM", "coarse", "my image", "0 … 34"]
    picture, gradcam, coarse, *_ = pictures(drawn)
    np.testing.assert_array_equal(picture, PICTURE)
    np.testing.assert_array_equal(gradcam, overlay(PICTURE, MAP, alpha=0.6, percentile=99, grey=True))
    np.testing.assert_array_equal(coarse, overlay(PICTURE, [[-1, 2]], alpha=0.6, percentile=99, grey=True))


def test_a_notebook_shows_a_figure_as_png(tmp_path: Path) -> None:
    drawn = show(PICTURE, {"GradCAM": MAP}, grey=False, alpha=0.25)
    with Image.open(BytesIO(drawn._repr_png_())) as image:
        assert image.format == "PNG"
        assert image.width == pytest.approx(100 * drawn.get_size_inches()[0], abs=1)
    np.testing.assert_array_equal(pictures(drawn)[1], overlay(PICTURE, MAP, alpha=0.25, percentile=99))


# ------------------------------------------------- what is written


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
def test_a_figure_is_written_with_the_same_bytes_each_time(tmp_path: Path, kind: str) -> None:
    run = run_of(tmp_path / "run", [item()])
    for name in ("a", "b"):
        figure(run).save(tmp_path / f"{name}.{kind}")
    first = (tmp_path / f"a.{kind}").read_bytes()
    assert first == (tmp_path / f"b.{kind}").read_bytes()
    start = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}[kind]
    assert first.startswith(start)
    assert b"CreationDate" not in first


def test_the_texts_of_a_pdf_and_of_an_svg_stay_texts(tmp_path: Path) -> None:
    drawn = figure(run_of(tmp_path / "run", [item()]))
    drawn.save(tmp_path / "a.pdf")
    drawn.save(tmp_path / "a.svg")
    pdf = (tmp_path / "a.pdf").read_bytes()
    assert b"/CIDFontType2" in pdf
    assert b"/Type3" not in pdf
    assert "photos/0.png</text>" in (tmp_path / "a.svg").read_text(encoding="utf-8")


def test_dpi_is_that_of_the_png(tmp_path: Path) -> None:
    drawn = figure(run_of(tmp_path / "run", [item()]))
    drawn.save(tmp_path / "a.png", dpi=50)
    with Image.open(tmp_path / "a.png") as image:
        assert image.width == pytest.approx(50 * drawn.get_size_inches()[0], abs=1)


def test_a_figure_that_is_there_stays_where_the_new_one_is_not_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn, path = show(PICTURE, {"GradCAM": MAP}), tmp_path / "a.png"
    drawn.save(path)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(SummaryWriteError, match=r"a\.png: No space left on device"):
        patch.setattr(Path, "write_bytes", full)
        drawn.save(path, dpi=50)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(drawn, "savefig", interrupted)
        drawn.save(path, dpi=50)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    drawn.save(path, dpi=50)
    assert path.read_bytes() != before


def test_another_ending_is_refused(tmp_path: Path) -> None:
    drawn = show(PICTURE, {"GradCAM": MAP})
    with pytest.raises(ValueError, match=r"written as .png, .pdf or .svg, got 'a.jpg'"):
        drawn.save("a.jpg")


def test_the_user_s_settings_and_backend_stay_and_do_not_change_a_figure(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", [item()])
    figure(run).save(tmp_path / "a.png")
    with mpl.rc_context({"savefig.bbox": "tight", "text.color": "red", "figure.facecolor": "black"}):
        before = dict(mpl.rcParams)
        figure(run).save(tmp_path / "b.png")
        assert dict(mpl.rcParams) == before
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    script = (
        "import sys, explainer, numpy as np; explainer.show(np.eye(3), {'a': np.eye(3)})._repr_png_(); "
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "explainer.report.drawing", raising=False)
    monkeypatch.delattr("explainer.report.drawing", raising=False)
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"figures need matplotlib: pip install '.*\[figure\]'"):
        show(PICTURE, {"GradCAM": MAP})


# ------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"samples": 7}, "`samples` must be numbers of complete samples, which lie in 0 to 1, or names .* got 7"),
        ({"samples": "photos/O.png"}, "got 'photos/O.png'; did you mean 'photos/1.png' or 'photos/0.png'"),
        ({"samples": []}, "`samples` must be 1 to 50 samples, got 0"),
        ({"samples": [0] * 51}, "`samples` must be 1 to 50 samples, got 51"),
        ({"explainers": "Gradcam"}, "`explainers` must be one of GradCAM, RISE, got 'Gradcam'; did you mean 'GradCAM'"),
        ({"explainers": []}, "`explainers` must be 1 to 30 methods, got 0"),
        ({"labels": "fox"}, "`labels` must be among the 3 class names, got 'fox'"),
        ({"labels": 3}, r"`labels` must be names of labels, or numbers in \[0, 2\], got 3"),
        ({"labels": [0, 1, 2]}, "`labels` must be one label, or one for each of 2 samples, got 3"),
        ({"labels": "cat"}, "sample 0 has no map of GradCAM, RISE for the label 'cat'; it has maps for dog"),
        ({"scale": "run"}, "`scale` must be one of map, method"),
        ({"palette": "rainbow"}, "`palette` must be one of"),
        ({"percentile": 101}, "`percentile` must lie in"),
        ({"alpha": 2}, "`alpha` must lie in"),
        ({"width": -1}, "`width` must lie in"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path: Path, arguments: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        figure(run_of(tmp_path, [item(), item(1)]), **arguments)


def test_an_empty_run_and_a_lost_picture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no complete sample to show"):
        figure(run_of(tmp_path / "empty", []))
    run = run_of(tmp_path / "lost", [item()])
    (tmp_path / "lost" / run.samples[0].image.path).unlink()
    with pytest.raises(SummaryReadError, match="could not read the picture"):
        figure(run)


@pytest.mark.parametrize(
    ("maps", "error", "told"),
    [
        ({}, ValueError, "`maps` must hold 1 to 30 maps, got 0"),
        ([MAP], TypeError, "`maps` must be a mapping of names to maps, .*or explainers, .*got list"),
        ({"a": MAP[None, None, None]}, ValueError, "`saliency` must be one map"),
    ],
)
def test_show_refuses_what_is_no_map(maps: Any, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        show(PICTURE, maps)


# ------------------------------------------------- one image and several explainers


class Fading:
    """An explainer whose map of a label is the image's first channel times the label; it knows two names."""

    labels = ("cat", "dog", "eel")

    def __init__(self, name: str, factor: float = 1.0) -> None:
        self.name, self._factor = name, factor

    def __call__(self, inputs: Any, targets: Any) -> Any:
        ids = [[self.labels.index(one) if isinstance(one, str) else one for one in row] for row in targets]
        return inputs[:, :1] * np.float32(ids)[:, :, None, None] * np.float32(self._factor)


def test_explainers_explain_the_image_side_by_side_in_a_row_for_each_label() -> None:
    image = PICTURE.transpose(2, 0, 1)[None] / np.float32(255)
    drawn = show(image, [Fading("GradCAM"), Fading("RISE", -1)], ["dog", 2], caption="my image")
    assert texts(drawn)[:4] == ["GradCAM", "RISE", "my image", "maps of: dog"]
    assert texts(drawn).count("my image") == 2
    assert "maps of: eel" in texts(drawn)
    picture, gradcam, rise, *_ = pictures(drawn)
    looks = {"alpha": 0.6, "percentile": 99, "grey": True}
    np.testing.assert_array_equal(gradcam, overlay(picture, image[0, 0], **looks))
    np.testing.assert_array_equal(rise, overlay(picture, -image[0, 0], **looks, palette="blue_red"))


def test_a_preprocess_shows_what_the_network_sees() -> None:
    preprocess = Preprocess((4, 4), mean=0.3, std=0.2, resize=(5, 7), center_crop=True)
    drawn = show(PICTURE, Fading("GradCAM"), "dog", preprocess=preprocess)
    picture, gradcam, *_ = pictures(drawn)
    np.testing.assert_array_equal(picture, preprocess.to_pixels(preprocess(PICTURE))[0])
    assert picture.shape == gradcam.shape == (4, 4, 3)
    again, *_ = pictures(show(Image.fromarray(PICTURE), {"mine": MAP}, preprocess=preprocess))
    np.testing.assert_array_equal(again, picture)


@pytest.mark.parametrize(
    ("image", "maps", "targets", "error", "told"),
    [
        (MAP[None], Fading("GradCAM"), None, ValueError, "`targets` must be given to explainers: the label to be"),
        (PICTURE, {"GradCAM": MAP}, "dog", ValueError, "`targets` must be None beside maps, .*got 'dog'"),
        (MAP[None], [Fading("GradCAM"), MAP], 1, TypeError, "`maps` must be a mapping of names to maps, .*got list"),
        (MAP[None], [], 1, ValueError, "`maps` must hold 1 to 30 maps, got 0"),
        (PICTURE, Fading("GradCAM"), 1, ValueError, r"got a picture \(5, 7, 3\) of uint8; give the .*preprocess="),
        (np.stack([MAP[None]] * 2), Fading("GradCAM"), 1, ValueError, "`image` must be one image, got 2"),
    ],
)
def test_explainers_need_one_image_and_a_label(image: Any, maps: Any, targets: Any, error: Any, told: str) -> None:
    with pytest.raises(error, match=told):
        show(image, maps, targets)
