"""A report in a browser, and what is seen of it."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

PICTURE = """
(canvas) => {
  const copy = document.createElement("canvas");
  const told = !canvas.matches(".pictures"); // a canvas that is given bitmaps does not tell their size
  copy.width = told ? canvas.width : canvas.clientWidth;
  copy.height = told ? canvas.height : canvas.clientHeight;
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy.toDataURL();
}
"""


class Viewer:
    """A page of a report. said: what stood in the console; `expected` takes out what a test provokes."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self.said: list[str] = []
        self.page = self.new_page()

    def new_page(self) -> Any:
        page = self.context.new_page()
        page.set_default_timeout(8000)
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", lambda dialog: (self.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        return page

    def open(self, page: Path | str, to: str = "#/samples") -> Viewer:
        """Opens a page: a file, or an address."""
        self.page.goto((page if isinstance(page, str) else page.resolve().as_uri()) + to)
        self.page.wait_for_selector("main")
        if to.startswith("#/samples"):
            self.wait_for_rows()
        if to.startswith("#/sample/"):
            self.page.wait_for_selector(".pane canvas")
        return self

    def wait_for_rows(self) -> None:
        """Until the rows that are seen have their pictures, or nothing matches."""
        self.page.wait_for_function(
            """() => document.querySelector(".note")
                || (document.querySelector(".row[data-row]") && !document.querySelector(".cell.loading"))"""
        )

    def press(self, *keys: str) -> Viewer:
        for key in keys:
            self.page.keyboard.press(key)
        return self

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def wait_for_text(self, selector: str, text: str) -> None:
        self.page.wait_for_function(
            "([selector, text]) => document.querySelector(selector)?.innerText.includes(text)", arg=[selector, text]
        )

    @property
    def hash(self) -> str:
        """The address' last part, once it has followed the view."""
        self.page.wait_for_timeout(260)
        return self.page.evaluate("location.hash")

    @property
    def count(self) -> str:
        return self.text(".shown-count")

    def wait_for_count(self, text: str) -> None:
        self.wait_for_text(".shown-count", text)

    @property
    def samples(self) -> list[int]:
        """The numbers of the samples whose rows are there, in their order."""
        return self.page.evaluate(
            """() => [...document.querySelectorAll(".row[data-row]")]
                .sort((a, b) => a.ariaRowIndex - b.ariaRowIndex).map((row) => Number(row.dataset.sample))"""
        )

    @property
    def places(self) -> dict[int, int]:
        """The place in the order of each sample whose row is there."""
        rows = self.page.eval_on_selector_all(
            ".row[data-row]", "rows => rows.map((row) => [Number(row.dataset.sample), Number(row.ariaRowIndex)])"
        )
        return dict(rows)

    @property
    def seen(self) -> list[int]:
        """Those of them that are wholly on the screen; which others are there depends on the way of scrolling."""
        return self.page.evaluate(
            """() => { const { top, bottom } = document.querySelector(".grid").getBoundingClientRect();
                return [...document.querySelectorAll(".row[data-row]")]
                    .map((row) => [row, row.getBoundingClientRect()])
                    .filter(([, box]) => box.top >= top && box.bottom <= bottom + 1)
                    .sort(([, a], [, b]) => a.top - b.top).map(([row]) => Number(row.dataset.sample)); }"""
        )

    @property
    def focus(self) -> tuple[int, int]:
        """The sample and the column of the focused cell."""
        self.page.wait_for_function("() => document.activeElement.closest('[data-row]')")
        return tuple(
            self.page.evaluate(
                """() => [Number(document.activeElement.closest("[data-row]").dataset.sample),
                    Number(document.activeElement.dataset.column)]"""
            )
        )

    def pixels(self, selector: str) -> np.ndarray:
        """What a canvas shows, (H, W, 4) uint8."""
        _, text = self.page.eval_on_selector(selector, PICTURE).split(",")
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGBA"))

    def row_pixels(self, row: int) -> np.ndarray:
        return self.pixels(f'.row[data-row="{row}"] .pictures')

    def sees_no_more_than_its_width(self) -> bool:
        return self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    def expected(self, part: str) -> None:
        """Takes what holds this out of the console; there must be some."""
        found = [text for text in self.said if part in text]
        assert found
        self.said[:] = [text for text in self.said if part not in text]
