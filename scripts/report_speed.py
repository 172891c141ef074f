"""How fast `explainer report` is: samples a second, for pictures and maps of noise, which cannot be compressed."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from report_runs import USUAL, write_report_run

from explainer import write_report

METHODS = ("GradCAM", "RISE", "Gradient", "Occlusion", "ScoreCAM", "LIME")


def main() -> int:
    """Prints a row for each form; exit status 0 whatever they say, as a machine may be busy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=300, help="how many (default: %(default)s)")
    parser.add_argument("--side", type=int, default=224, help="of each picture and map (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sizes = USUAL._replace(
            samples=options.samples, height=options.side, width=options.side, methods=METHODS, plain=True
        )
        write_report_run(Path(folder) / "run", sizes)
        for form in ("folder", "single"):
            for detail in (True, False):
                print(row(Path(folder), form, detail, options.samples), flush=True)
    return 0


def row(folder: Path, form: str, detail: bool, samples: int) -> str:
    """The figures of one form."""
    wall, cpu = time.perf_counter(), time.process_time()
    written = write_report(folder / "run", folder / f"{form}-{detail}", form=form, detail=detail)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return (
        f"{form:6} {'with detail' if detail else 'no detail':11}  {samples / wall:4.0f} samples/s, "
        f"{samples / cpu:4.0f} for each second of CPU, {written.bytes / 1e6:6.1f} MB"
    )


if __name__ == "__main__":
    raise SystemExit(main())
