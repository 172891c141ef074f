"""The committed app is what its sources give."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import explainer.report

REPORT = Path(explainer.report.__file__).parent
APP = REPORT / "app"
LICENCES = "../../../LICENSE-THIRD-PARTY"


def test_the_bundle_names_the_sources_that_it_was_built_from():
    built = re.search(r"from sources ([0-9a-f]{64})", (REPORT / "static/app.js").read_text(encoding="utf-8"))
    assert built is not None
    assert built[1] == _digest(), "explainer/report/app was changed: run bash scripts/build_viewer"


def _digest() -> str:
    inside = [path.relative_to(APP).as_posix() for path in (APP / "src").rglob("*") if path.is_file()]
    digest = hashlib.sha256()
    for name in sorted([*inside, "build.mjs", "package-lock.json", LICENCES]):
        digest.update(f"{name}\n".encode() + (APP / name).read_bytes() + b"\n")
    return digest.hexdigest()


def test_no_address_and_no_path_of_a_machine_is_committed():
    for path in [*APP.glob("*.json"), *APP.glob("*.mjs"), *(REPORT / "static").iterdir()]:
        assert '"resolved"' not in path.read_text(encoding="utf-8"), path.name
