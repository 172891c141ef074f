"""What reading a run costs, by the number of its samples: seconds and peak memory of each command.

    python scripts/reading.py [--samples 10000 100000] [--folder DIR] [COMMAND ...]

Each command has a process of its own. The samples have two maps of 32 x 32 pixels, six scores and two curves
(tests/large_runs.py). COMMAND is one of those printed; all by default. Memory is that of the whole process, of which
some 55 MB are Python and what it imports; "more" is what the last run takes more than the first. Seconds mean something
on an idle machine. Needs Linux.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from large_runs import write_large_run

TO = "{to}"
COMMANDS = {
    "inspect": ("inspect", "{run}"),
    "inspect --worst 10": ("inspect", "{run}", "--worst", "10"),
    "inspect --json": ("inspect", "{run}", "--json"),
    "verify": ("verify", "{run}"),
    "export csv": ("export", "{run}", "--format", "csv", "--to", f"{TO}.csv"),
    "export json": ("export", "{run}", "--format", "json", "--to", f"{TO}.json"),
    "export npz": ("export", "{run}", "--format", "npz", "--to", TO),
    "export tensorboard": ("export", "{run}", "--format", "tensorboard", "--to", TO),
    "export metadata": ("export", "{run}", "--format", "metadata", "--to", TO),
    "report": ("report", "{run}", "--folder", "--to", TO),
    "report --detail none": ("report", "{run}", "--folder", "--detail", "none", "--to", TO),
    "figure --samples 5": ("figure", "{run}", "--samples", "5", "--to", f"{TO}.png"),
}


# Its own peak, which the system counts from the start of the program: ru_maxrss has that of the parent in it.
_CHILD = """
import sys, time
from pathlib import Path
from explainer.command.main import main
status = main(sys.argv[1:])
peak = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
print(time.process_time(), peak, file=sys.stderr)
sys.exit(status)
"""


class Cost(NamedTuple):
    """Of a command. seconds: by the clock; cpu: seconds of the processor; megabytes: at most at a time."""

    seconds: float
    cpu: float
    megabytes: float


def main() -> int:
    """Prints a line for each command; exit status 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commands", nargs="*", metavar="COMMAND", help=", ".join(COMMANDS))
    parser.add_argument("--samples", type=int, nargs="+", default=[10_000, 100_000], help="(default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="where the runs are kept, to be read again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = {count: _run(options.folder or Path(folder), count) for count in options.samples}
        print(f"{'':22}" + "".join(f"{f'{count:,} samples':>30}" for count in runs) + f"{'more':>10}", flush=True)
        for name in options.commands or COMMANDS:
            costs = [cost(name, run, Path(folder) / "written") for run in runs.values()]
            shown = "".join(f"{f'{c.seconds:.1f} s ({c.cpu:.1f} CPU), {c.megabytes:.0f} MB':>30}" for c in costs)
            print(f"{name:22}{shown}{costs[-1].megabytes - costs[0].megabytes:>7.0f} MB", flush=True)
    return 0


def _run(folder: Path, samples: int) -> Path:
    run = folder / f"run{samples}"
    if not run.exists():
        write_large_run(run, samples)
    return run


def cost(name: str, run: Path, to: Path) -> Cost:
    """What a command takes for a run; what it wrote is removed."""
    arguments = [argument.format(run=run, to=to) for argument in COMMANDS[name]]
    begun = time.perf_counter()
    child = subprocess.run([sys.executable, "-c", _CHILD, *arguments], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    if child.returncode:
        raise SystemExit(f"explainer {' '.join(arguments)} failed: {child.stderr}")
    cpu, kilobytes = child.stderr.split()[-2:]
    for path in to.parent.glob(f"{to.name}*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return Cost(seconds, float(cpu), float(kilobytes) / 1e3)


if __name__ == "__main__":
    sys.exit(main())
