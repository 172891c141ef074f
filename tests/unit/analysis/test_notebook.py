"""What a run and a sample look like in a console and in a notebook, whatever a stranger wrote into them."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hand_made_runs import STARTED, sample, view, write_run, write_table_run
from PIL import Image

from explainer.analysis.view import read_run
from explainer.records import OriginalImage, Prediction, RunEnd, RunMetadata, SampleDone, Score
from explainer.summary.writer import SummaryWriter

HOSTILE = "<script>alert('x')</script>\x1b[31m\u202e\"'&"


class Tags(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += f"{data}\n"


def test_a_run_is_told_in_one_line(tmp_path: Path):
    write_run(tmp_path)
    assert repr(read_run(tmp_path)) == (
        f"<RunView of {str(tmp_path)!r}: ended, 4 samples, explainers ['GradCAM', 'Gradient'], "
        "metrics ['Faithfulness']>"
    )


@pytest.mark.parametrize(("ended", "state"), [(True, "ended"), (False, "not ended")])
def test_the_state_of_a_run_is_told(tmp_path: Path, ended: bool, state: str):
    write_run(tmp_path, ended=ended)
    run = read_run(tmp_path)
    assert run.state == state and f": {state}, " in repr(run) and f"<td>{state}</td>" in run._repr_html_()


def test_a_sample_is_told_in_one_line(tmp_path: Path):
    write_table_run(tmp_path)
    samples = read_run(tmp_path).samples
    assert repr(samples[3]) == ("<SampleView 3 from '-photos/=3.png': truth [1], predicted [1], 3 maps, 5 scores>")
    assert repr(samples[8]) == "<SampleView 8: truth [], predicted [], 1 maps, 0 scores>"
    assert repr(sample(1, [0.5] * 9, tuple(range(9)))) == (
        "<SampleView 1: truth [0, 1, 2, 3, 4, ...], predicted [], 0 maps, 0 scores>"
    )


def hostile_run(folder: Path, count: int = 9) -> Path:
    names = (HOSTILE, *(f"{HOSTILE}{index}" for index in range(count)))
    with SummaryWriter(folder, RunMetadata(labels=names, explainers=names, metrics=names)) as writer:
        for number in range(count):
            writer.write(OriginalImage(number, np.full((200, 300, 3), number, np.uint8)))
            writer.write(Prediction(number, (0,), (0,), (0,), np.full(count + 1, 0.5, np.float32)))
            writer.write(Score(number, names[number], HOSTILE, None, 0.5))
            writer.write(SampleDone(number))
        writer.write(RunEnd())
    return folder


def test_a_stranger_s_names_send_no_command_to_the_terminal(tmp_path: Path):
    shown = repr(read_run(hostile_run(tmp_path)))
    assert shown.isprintable() and "... (10 in all)" in shown and len(shown) < 2000


def test_a_stranger_s_names_are_no_html(tmp_path: Path):
    page = Tags(read_run(hostile_run(tmp_path))._repr_html_())
    assert {tag for tag, _ in page.tags} == {"div", "table", "tr", "th", "td", "figure", "img", "figcaption"}
    assert {name for _, found in page.tags for name in found} == {"style", "alt", "src"}
    assert "<script>alert('x')</script>\\x1b[31m\\u202e" in page.text
    assert "\x1b" not in page.text and "\u202e" not in page.text


def test_there_are_six_small_pictures_and_nothing_comes_from_elsewhere(tmp_path: Path):
    page = read_run(hostile_run(tmp_path))._repr_html_()
    sources = [found["src"] for tag, found in Tags(page).tags if tag == "img"]
    assert len(sources) == 6
    for number, source in enumerate(sources):
        kind, _, content = source.partition(",")
        image = Image.open(BytesIO(base64.b64decode(content, validate=True)))
        assert (kind, image.size) == ("data:image/png;base64", (96, 64))
        assert np.asarray(image).tolist() == np.full((64, 96, 3), number).tolist()
    assert not re.search(r"https?:|file:|url\(", page)
    assert len(page) < 20_000


def test_the_page_has_the_facts_and_the_mean_scores(tmp_path: Path):
    write_table_run(tmp_path)
    text = Tags(read_run(tmp_path)._repr_html_()).text.split("\n")
    assert text[text.index("samples") + 1] == "2 complete, 0 skipped, 0 unfinished"
    at = text.index("Sparseness", text.index("mean"))
    assert text[at : at + 4] == ["Sparseness", "GradCAM", "-0.5", "1"]
    assert "3: =dog|1 0.70" in text


def test_a_picture_that_cannot_be_read_is_told_in_its_place(tmp_path: Path):
    write_run(tmp_path)
    (tmp_path / f"_explain_{STARTED}" / "origin_images" / "0" / "1.png").unlink()
    page = Tags(read_run(tmp_path)._repr_html_())
    assert len([tag for tag, _ in page.tags if tag == "img"]) == 3
    assert "no such file" in page.text


def test_a_large_picture_is_not_decoded_for_a_thumbnail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_run(tmp_path)
    monkeypatch.setattr("explainer.analysis.notebook._MOST_PIXELS", 34)
    assert "must have at most 34 pixels" in read_run(tmp_path)._repr_html_()


def test_a_run_without_samples_or_scores_has_a_page():
    assert "0 complete" in view()._repr_html_() and "mean" not in view()._repr_html_()
