"""The manifest of a run: what it holds, for MindInsight's list of jobs, which breaks altogether where one is broken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from explainer.summary.made import drafted

MANIFEST = "manifest.json"
JOBS = {
    "saliency_map": "saliency",
    "benchmark": "benchmark",
    "uncertainty": "uncertainty",
    "hierarchical_occlusion": "hierarchical_occlusion",
}
"""The keys of a manifest, and the job that each stands for."""
_LONGEST = 4096  # bytes; ours has a hundred


def write_manifest(path: Path, content: Mapping[str, bool]) -> None:
    """Writes a manifest, which takes the place of an older one when it is complete."""
    with drafted(path) as file:
        file.write(json.dumps(content).encode())


def is_manifest(path: Path) -> bool:
    """Whether a file is a manifest that MindInsight can read."""
    try:
        if not path.is_file() or path.stat().st_size > _LONGEST:
            return False
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError):
        return False
    return isinstance(content, dict) and all(isinstance(content.get(key), bool) for key in JOBS)
