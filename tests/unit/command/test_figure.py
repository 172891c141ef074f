"""`explainer figure`: what it writes and says, and its exit status."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from paired_runs import MAP, Item, write
from PIL import Image

from explainer import figure, read_run
from explainer.command.main import main

PICTURE = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
MAPS = {(name, label): MAP * (label + 1) for name in ("GradCAM", "RISE") for label in (0, 1)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    items = [Item(number, f"{number}.png", pixels=PICTURE, maps=MAPS) for number in range(3)]
    return write(tmp_path / "run", items)


def test_it_draws_what_is_asked_for(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "made.png"
    options = ["--samples", "2,0.png", "--explainers", "RISE", "--labels", "cat,1", "--scale", "method", "--dpi", "60"]
    more = ["--palette", "magma", "--percentile", "90", "--width", "4", "--run", "1700000000"]
    assert main(["figure", str(folder), "--to", str(path), *options, *more]) == 0
    assert capsys.readouterr().out.startswith(f"figure      {path} (4.0 x ")
    wanted = tmp_path / "wanted.png"
    look = {"scale": "method", "palette": "magma", "percentile": 90, "width": 4}
    figure(read_run(folder), [2, "0.png"], ["RISE"], ["cat", 1], **look).save(wanted, dpi=60)
    assert path.read_bytes() == wanted.read_bytes()


def test_by_default_it_draws_all_methods_of_the_first_samples(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "made.png"
    assert main(["figure", str(folder), "--to", str(path)]) == 0
    with Image.open(path) as image:
        assert image.width == pytest.approx(200 * figure(read_run(folder)).get_size_inches()[0], abs=1)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--samples", "9"], "`samples` must be numbers of complete samples"),
        (["--samples", ","], "it names nothing"),
        (["--explainers", "GradCam"], "did you mean 'GradCAM'"),
        (["--scale", "run"], "'run' is not one of 'map', 'method'"),
        (["--to", "made.jpg"], "a figure is written as .png, .pdf or .svg"),
    ],
)
def test_a_wrong_argument_is_told_with_status_2(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    path = tmp_path / "made.png"
    assert main(["figure", str(folder), "--to", str(path), *options]) == 2
    assert told in capsys.readouterr().err
    assert not path.exists()


def test_where_nothing_can_be_written_the_status_is_1(folder: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "file").touch()
    assert main(["figure", str(folder), "--to", str(tmp_path / "file" / "made.png")]) == 1
    assert capsys.readouterr().err.startswith(f"explainer: could not write {tmp_path / 'file' / 'made.png'}: ")


def test_without_a_summary_the_status_is_2(tmp_path: Path) -> None:
    assert main(["figure", str(tmp_path), "--to", str(tmp_path / "made.png")]) == 2
