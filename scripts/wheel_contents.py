"""Compares a wheel with the checkout: every file of the package is in it, nothing else is, name and version are right.

python scripts/wheel_contents.py dist/mindspore_explainer-0.1.0-py3-none-any.whl
Exit code: 0 it is right, 1 it is not; what is wrong is printed.
"""

from __future__ import annotations

import runpy
import sys
import zipfile
from email.parser import HeaderParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = "mindspore-explainer"
SOURCES = "explainer/report/app/"  # of the viewer; what is built of them is in the package


def main() -> int:
    """Prints what is wrong with the wheel that the command line names."""
    wheel = Path(sys.argv[1])
    found = problems(wheel, ROOT)
    print("\n".join(found) if found else f"{wheel.name} holds the {len(package_files(ROOT))} files of the package")
    return 1 if found else 0


def problems(wheel: Path, root: Path) -> list[str]:
    """What is wrong with a wheel that was built from the checkout at `root`, one sentence each."""
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        headers = HeaderParser().parsestr(archive.read(metadata).decode())
    found = headers["Name"], headers["Version"]
    expected = NAME, runpy.run_path(str(root / "explainer" / "version.py"))["__version__"]
    return [
        *[f"the wheel lacks {name}" for name in sorted(package_files(root) - packed)],
        *[f"the wheel holds {name}, which is no file of the package" for name in sorted(packed - package_files(root))],
        *[f"the wheel must be {' '.join(expected)}, got {' '.join(found)}" for _ in range(found != expected)],
    ]


def package_files(root: Path) -> set[str]:
    """The files under explainer/ but for what Python compiled and the viewer's sources, relative to the checkout."""
    files = (path for path in (root / "explainer").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    names = {path.relative_to(root).as_posix() for path in files}
    return {name for name in names if not name.startswith(SOURCES)}


if __name__ == "__main__":
    sys.exit(main())
