"""What may be different in another browser: both forms from the disk, chunks, colours, the cursor."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image
from report_viewer import PICTURE

ROWS = 'document.querySelectorAll(".row .pictures").length > 3 && !document.querySelector(".cell.loading")'


@pytest.mark.parametrize("form", ["shown", "single"])
def test_rows_are_there_in_their_palette(form, request, firefox):
    shown = request.getfixturevalue(form)
    firefox.open(shown.page, "#/samples?size=64&palette=grey&blend=map&scale=fixed&low=0&high=1")
    firefox.wait_for(ROWS)
    assert firefox.text(".shown-count") == "12 of 12 samples"
    chunk, row = shown.report.row(0)
    entry = next(entry for entry in row["maps"] if entry["method"] == 1)
    grey = chunk.array(entry["values"]).reshape(entry["h"], entry["w"])
    expected = 255 * np.clip(entry["lo"] + grey / 255 * (entry["hi"] - entry["lo"]), 0, 1)
    seen = _pixels(firefox, '.row[data-row="0"] .pictures')[: entry["h"], 144 : 144 + entry["w"], :3]
    assert np.abs(seen - expected[..., None]).max() <= 1


@pytest.mark.parametrize("form", ["shown", "single"])
def test_the_line_tells_the_values_below_the_cursor(form, request, firefox):
    shown = request.getfixturevalue(form)
    firefox.open(shown.page, "#/sample/1")
    firefox.wait_for('document.querySelectorAll(".pane canvas").length === 4')
    sample = shown.view.samples[1]
    top = int(sample.prediction.probabilities.argmax())
    entry = next(entry for entry in sample.maps if entry.explainer == "RISE" and entry.label == top)
    box = firefox.run('return document.querySelector(`[data-pane="1"]`).getBoundingClientRect().toJSON()')
    firefox.point_at(box["x"] + 113.5 / 130 * box["width"], box["y"] + 64.5 / 96 * box["height"])
    firefox.wait_for('document.querySelector(".readout").innerText.includes("x 113 y 64")')
    told = float(firefox.text(".readout").replace("−", "-").split("RISE")[1].split()[0])
    value = float(shown.view.saliency(entry)[64, 113])
    assert told == pytest.approx(value, abs=max(0.006 * abs(value), 0.006))


def _pixels(firefox, selector: str) -> np.ndarray:
    address = firefox.run(f"return ({PICTURE})(document.querySelector(arguments[0]))", selector)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))).convert("RGBA")).astype(float)
