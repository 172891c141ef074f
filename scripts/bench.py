"""The bench: ours beside MindSpore's and ONNX Runtime's floors and beside captum, pytorch-grad-cam and Quantus.

Each side of a row runs in a process of its own and is asked in turn. Columns: ours (engine "auto"), before (engine
"mindspore"), the floors (what the passes that are needed cost, bare), the peers (as they are called by default; with
memory in channels_last; 32 perturbations at a time). Medians, and half of the spread; first calls and peak memory above
the imports, each in a fresh process. A row that others disturbed is named; `--resume` measures it again. Alone, with
`--shares`: what part of a run's CPU time writing takes; with `--flat`: whether memory grows with the task; with
`--estimates`: whether a run takes as long as it was told to.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from itertools import groupby
from pathlib import Path

from benching import estimates, flatness, measuring, rows, shares, sides, table
from benching.results import Results
from benching.rows import MINDSPORE
from trial import data


def main() -> int:
    """Prints the rows; exit status 0 whatever they say, as a machine may be busy."""
    options = _options()
    if options.markdown:
        table.write_page(Results.read(options.markdown), "bash scripts/bench --json FILE")
        return 0
    if not data.has_shared():
        print("skipped: the trial networks are not here (set EXPLAINER_SHARED)")
        return 0
    results = Results.read(options.json) if options.resume else Results.here_and_now()
    if options.flat:
        results.memory = flatness.memory_rows()
    if options.shares:
        results.shares = shares.share_rows()
    if options.estimates:
        results.estimates = estimates.estimate_rows()
    if not (options.flat or options.shares or options.estimates):
        _measure(results, options)
    if options.json:
        results.write(options.json)
    print(table.printed(results))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few rows, in haste")
    parser.add_argument(
        "--rows", default="", metavar="PATTERN", help='rows in whose "group: network: name" it is found'
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what is measured there, row by row")
    parser.add_argument("--resume", action="store_true", help="go on with FILE: what it lacks, and what was disturbed")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write FILE's results into docs/performance.md")
    parser.add_argument("--shares", action="store_true", help="measure the writer's part of a run's CPU time")
    parser.add_argument("--estimates", action="store_true", help="measure how well a run's estimate foretells it")
    parser.add_argument("--flat", action="store_true", help="measure whether memory grows with the task")
    options = parser.parse_args()
    if options.resume and not (options.json and options.json.exists()):
        parser.error("`--resume` needs `--json FILE`, a file that a run of the bench has written")
    return options


def _measure(results: Results, options: argparse.Namespace) -> None:
    effort = measuring.QUICK if options.quick else measuring.Effort()
    asked = [row for row in rows.selected(options.rows, options.quick) if not results.is_done(row.key, options.quick)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for network, of_network in groupby(asked, lambda row: row.network):
            sides.export(folder, network)
            with sides.Side(MINDSPORE, folder) as floor:
                for row in of_network:
                    print(row.key, file=sys.stderr, flush=True)
                    results.rows[row.key] = measuring.measured(row, folder, effort, {MINDSPORE: floor})
                    if options.json:
                        results.write(options.json)


if __name__ == "__main__":
    sys.exit(main())
