"""What a report costs, beside what it may cost: bytes, writing, and what Chromium does with it (docs/viewer.md).

    python scripts/viewer_budgets.py                    1,000 samples of 224 x 224 pixels with 6 maps each
    python scripts/viewer_budgets.py --many 100000      and as many of 32 x 32 pixels with one map each, without detail

CPU time is that of the page's main thread as the browser counts it, so that others on the machine disturb it little;
wall times mean something on an idle machine. Needs playwright and a chromium.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import numpy as np
from report_runs import USUAL, Sizes, write_report_run

import explainer.report
from explainer import write_report
from explainer.records import (
    OriginalImage,
    Prediction,
    Record,
    RunEnd,
    RunMetadata,
    Saliency,
    SampleDone,
    SampleOrigin,
    Score,
)
from explainer.summary.writer import SummaryWriter

METHODS = ("GradCAM", "RISE", "Gradient", "Occlusion", "ScoreCAM", "LIME")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ROWS, SECONDS = 112, 3

# In the page: when a first row has its pictures, and which tasks took longer than 50 ms.
WATCH = """
window.tasks = [];
new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((entry) => entry.duration)))
  .observe({ type: "longtask" });
new MutationObserver((_, observer) => {
  if (!document.querySelector(".pictures")) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.firstPicture = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""
SCROLL = """
([rows, seconds]) => new Promise((resolve) => {
  const grid = document.querySelector(".grid");
  const from = grid.scrollTop, far = rows * document.querySelector(".row").offsetHeight, gaps = [];
  let begun = 0, last = 0;
  window.tasks.length = 0;
  requestAnimationFrame(function step(now) {
    if (!begun) begun = now; else gaps.push(now - last);
    last = now;
    const part = Math.min(1, (now - begun) / 1000 / seconds);
    grid.scrollTop = from + part * far;
    if (part < 1) requestAnimationFrame(step);
    else resolve({ frames: gaps.length, gap95: gaps.sort((a, b) => a - b)[Math.floor(0.95 * gaps.length)] });
  });
})
"""
TO_THE_END = """
() => {
  const grid = document.querySelector(".grid");
  grid.scrollTop = grid.scrollHeight;
}
"""
LAST_ROW = """
() => {
  const grid = document.querySelector(".grid");
  const last = grid.querySelector(`.row[aria-rowindex="${grid.ariaRowCount}"]`);
  if (!last?.querySelector(".pictures")) return null;
  const below = last.getBoundingClientRect().bottom - grid.getBoundingClientRect().bottom;
  return `sample ${last.dataset.sample}, ${Math.abs(Math.round(below))} px from the lower edge`;
}
"""
CHANGED = """([selector, text]) => (document.querySelector(selector)?.innerText ?? text) !== text"""
TWO_FRAMES = "() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))"


def main() -> int:
    """Prints a line for each budget; exit status 0 whatever they say, as a machine may be busy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1000, help="of 224 x 224 pixels (default: %(default)s; 0: none)")
    parser.add_argument("--many", type=int, default=0, help="samples of 32 x 32 pixels (default: none)")
    parser.add_argument("--runs", type=Path, help="where runs are kept, to be measured again")
    parser.add_argument("--times", type=int, default=5, help="that each page is opened; medians (default: %(default)s)")
    options = parser.parse_args()
    say("load of the machine", f"{os.getloadavg()[0]:.1f} of {os.cpu_count()} cores")
    say("code, style, tables", f"{bundle_bytes() / 1000:.0f} kB", "120 kB")
    with runs_folder(options.runs) as folder, opened_browser() as browser:
        if options.samples:
            measure_usual(folder, options.samples, browser, options.times)
        if options.many:
            measure_many(folder, options.many, browser)
    return 0


def say(what: str, found: str, budget: str = "") -> None:
    print(f"{what:44} {found:40} {budget and f'budget {budget}'}".rstrip(), flush=True)


@contextmanager
def runs_folder(kept: Path | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield kept or Path(folder)


@contextmanager
def opened_browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    program = os.environ.get("EXPLAINER_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


def bundle_bytes() -> int:
    static = Path(explainer.report.__file__).parent / "static"
    return sum((static / name).stat().st_size for name in ("app.js", "app.css"))


# A thousand samples.


def measure_usual(folder: Path, samples: int, browser: Any, times: int) -> None:
    sizes = USUAL._replace(samples=samples, height=224, width=224, methods=METHODS, plain=True)
    run = written_run(folder / f"usual-{samples}", sizes)
    for detail in (True, False):
        wall, cpu = time.perf_counter(), time.process_time()
        report = write_report(run, folder / "report", form="folder", detail=detail)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        rates = f"{samples / wall:.0f} samples/s, {samples / cpu:.0f} a second of CPU, {report.bytes / 1e6:.0f} MB"
        say(f"writing {'with' if detail else 'without'} detail", rates, "100 samples/s" if detail else "")
    opened = [first_picture(browser, report.path) for _ in range(times)]
    say("first picture", f"{median(opened, 'ms'):.0f} ms", "1,000 ms")
    say("  CPU of the main thread", f"{median(opened, 'cpu'):.0f} ms", "250 ms")
    scrolls = [scrolled(browser, report.path) for _ in range(times)]
    say(f"{ROWS} rows scrolled in {SECONDS} s: CPU of the main thread", f"{median(scrolls, 'cpu'):.0f} ms", "600 ms")
    say("  longest task", f"{median(scrolls, 'longest'):.0f} ms", "200 ms")
    say(
        "  frames, 95th percentile of their gaps", f"{median(scrolls, 'frames'):.0f}, {median(scrolls, 'gap95'):.0f} ms"
    )
    measure_looks(browser, report.path)
    measure_heap(browser, report.path)


def written_run(folder: Path, sizes: Sizes) -> Path:
    if not folder.is_dir():
        write_report_run(folder, sizes)
    return folder


def median(found: list[dict[str, float]], name: str) -> float:
    return sorted(entry[name] for entry in found)[len(found) // 2]


class OpenedPage:
    """A page of a report in a window of its own."""

    def __init__(self, browser: Any, page: Path, to: str = "#/samples") -> None:
        self.context = browser.new_context(viewport={"width": 1400, "height": 900})
        self.page = self.context.new_page()
        self.page.add_init_script(WATCH)
        self._devtools = self.context.new_cdp_session(self.page)
        self._devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        self.page.goto(page.resolve().as_uri() + to)
        self.wait_for_rows()

    def __enter__(self) -> OpenedPage:
        return self

    def __exit__(self, *raised: object) -> None:
        self.context.close()

    def wait_for_rows(self) -> None:
        """Until all rows that are seen have their pictures."""
        self.page.wait_for_function(
            "() => window.firstPicture && document.querySelector('.row') && !document.querySelector('.cell.loading')",
            timeout=120_000,
        )

    @property
    def cpu(self) -> float:
        """Of the main thread so far, in ms."""
        metrics = self._devtools.send("Performance.getMetrics")["metrics"]
        return 1000 * {entry["name"]: entry["value"] for entry in metrics}["TaskDuration"]

    def heap(self) -> float:
        """MB of objects and of the arrays that they hold."""
        self._devtools.send("HeapProfiler.enable")
        self._devtools.send("HeapProfiler.collectGarbage")
        used = self._devtools.send("Runtime.getHeapUsage")
        return (used["usedSize"] + used.get("backingStorageSize", 0) + used.get("embedderHeapUsedSize", 0)) / 1e6


def first_picture(browser: Any, page: Path) -> dict[str, float]:
    with OpenedPage(browser, page) as opened:
        return {"cpu": opened.cpu, "ms": opened.page.evaluate("window.firstPicture")}


def scrolled(browser: Any, page: Path) -> dict[str, float]:
    with OpenedPage(browser, page) as opened:
        opened.page.wait_for_timeout(500)
        before = opened.cpu
        found = opened.page.evaluate(SCROLL, [ROWS, SECONDS])
        opened.wait_for_rows()
        return {**found, "cpu": opened.cpu - before, "longest": max(opened.page.evaluate("window.tasks"), default=0)}


def measure_looks(browser: Any, page: Path) -> None:
    """Keys that change the look of all rows that are seen."""
    with OpenedPage(browser, page) as opened:
        read: list[str] = []
        opened.page.on("request", lambda request: read.append(request.url))
        for key, what in {"p": "palette", "-": "opacity", "s": "scale", "b": "blend"}.items():
            before = opened.cpu
            opened.page.keyboard.press(key)
            opened.page.evaluate(TWO_FRAMES)
            say(
                f"another {what}: CPU of the main thread",
                f"{opened.cpu - before:.0f} ms, {len(read)} reads",
                "50 ms, 0 reads",
            )


def measure_heap(browser: Any, page: Path) -> None:
    with OpenedPage(browser, page) as opened:
        before = opened.heap()
        for _ in range(10):
            opened.page.evaluate("document.querySelector('.grid').scrollTop = 0")
            opened.page.evaluate(SCROLL, [990, 12])
        say("heap after 9,900 rows", f"{opened.heap():.0f} MB, {before:.0f} MB before", "150 MB")


# A hundred thousand.


def write_many(folder: Path, samples: int) -> None:
    """A run of this many samples of 32 x 32 pixels, with ten labels, one map and one score each."""
    metadata = RunMetadata(
        tuple(f"label {label}" for label in range(10)), ("GradCAM",), ("DeletionAUC",), ("saliency",)
    )
    with SummaryWriter(folder, metadata, clock=lambda: 1_700_000_000) as writer:
        for number in range(samples):
            for record in many_records(number):
                writer.write(record)
        writer.write(RunEnd())


def many_records(number: int) -> Iterator[Record]:
    rng = np.random.default_rng(number)
    probabilities = rng.dirichlet(np.full(10, 0.5)).astype(np.float32)
    top, true = int(probabilities.argmax()), number % 10
    yield OriginalImage(number, rng.integers(0, 256, (32, 32, 3), dtype=np.uint8))
    yield Prediction(number, (true,), (top,), (top,), probabilities)
    yield SampleOrigin(number, bytes(16), f"images/{true}/{number:06}.png")
    yield Saliency(number, "GradCAM", top, rng.random((32, 32), np.float32))
    yield Score(number, "GradCAM", "DeletionAUC", top, float(rng.random()))
    yield SampleDone(number)


def measure_many(folder: Path, samples: int, browser: Any) -> None:
    run = folder / f"many-{samples}"
    if not run.is_dir():
        begun = time.perf_counter()
        write_many(run, samples)
        say(f"{samples:,} samples: the run", f"written in {time.perf_counter() - begun:.0f} s")
    page = folder / "report-of-many"
    measure_writing(run, page, samples)
    measure_actions(browser, page / "index.html", samples)


def measure_writing(run: Path, to: Path, samples: int) -> None:
    """In a process of its own, for its memory."""
    code = "import sys; from explainer import write_report; write_report(*sys.argv[1:], form='folder', detail=False)"
    begun = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-c", code, str(run), str(to)])
    _, status, used = os.wait4(child.pid, 0)
    wall, cpu, peak = time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024
    if status:
        raise SystemExit(f"the report of {run} could not be written")
    say("  its report", f"{samples / wall:.0f} samples/s, {samples / cpu:.0f} a second of CPU")
    say("  memory at most", f"{peak / 1e6:.0f} MB, {peak / samples:.0f} bytes a sample")


def measure_actions(browser: Any, page: Path, samples: int) -> None:
    """What one does with many rows: each until all that is seen then has its pictures."""
    with OpenedPage(browser, page) as opened:
        shown = opened.page
        opened_at = shown.evaluate("window.firstPicture")
        say("  first picture", f"{opened_at:.0f} ms, CPU of the main thread {opened.cpu:.0f} ms")
        least, search = shown.get_by_label("Sort", exact=True), shown.get_by_label("Search samples")
        outcome = shown.get_by_role("checkbox", name="false positive")
        say_time(opened, "sorted by confidence", lambda: least.select_option("confidence"), "[aria-rowindex='2']")
        say_time(opened, "filtered by outcome", lambda: outcome.check(), ".shown-count")
        say_time(opened, "searched", lambda: search.fill("99"), ".shown-count")
        search.fill("")
        outcome.uncheck()
        least.select_option("number")
        opened.wait_for_rows()
        say_time(opened, "scrolled to the end", lambda: shown.evaluate(TO_THE_END), ".row:last-child")
        say("    the last row", f"{shown.wait_for_function(LAST_ROW).json_value()}, of {samples:,}")
        say("  heap", f"{opened.heap():.0f} MB")


def say_time(opened: OpenedPage, what: str, act: Callable[[], object], changes: str) -> None:
    """changes: the element whose text becomes another one."""
    text = opened.page.inner_text(changes)
    opened.page.evaluate("window.tasks.length = 0")
    wall, cpu = time.perf_counter(), opened.cpu
    act()
    opened.page.wait_for_function(CHANGED, arg=[changes, text])
    opened.wait_for_rows()
    wall, cpu = time.perf_counter() - wall, opened.cpu - cpu
    opened.page.evaluate(TWO_FRAMES)
    longest = max(opened.page.evaluate("window.tasks"), default=0)
    say(f"  {what}", f"{1000 * wall:.0f} ms, CPU {cpu:.0f} ms, longest task {longest:.0f} ms")


if __name__ == "__main__":
    raise SystemExit(main())
