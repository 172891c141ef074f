"""What computes a network: MindSpore, or ONNX Runtime on the graph that MindSpore exports."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from explainer.checks import require_choice

AUTO, MINDSPORE, ONNXRUNTIME = "auto", "mindspore", "onnxruntime"
ENGINES = (AUTO, MINDSPORE, ONNXRUNTIME)
VARIABLE = "EXPLAINER_ENGINE"
"""The environment variable that says which engine is meant where none is given."""


def default_engine() -> str:
    """The engine where none is given: what EXPLAINER_ENGINE in the environment says, else "auto".

    Raises:
        ValueError: it says something else.
    """
    return require_engine(f"{VARIABLE} in the environment", os.environ.get(VARIABLE, "").strip() or AUTO)


def require_engine(name: str, engine: Any) -> str:
    """The engine; TypeError or ValueError unless it is "auto", "mindspore" or "onnxruntime"."""
    require_choice(name, engine, ENGINES)
    chosen: str = engine
    return chosen


@dataclass(frozen=True)
class Engine:
    """What has computed a network.

    Attributes:
        name: "mindspore" or "onnxruntime".
        difference: of ONNX Runtime's answer from MindSpore's as it was found for the first images; of outputs in parts
            of the largest, of gradients see docs/performance.md; None for MindSpore.
        reason: why it is MindSpore, where ONNX Runtime was asked as well.
        questions: what answers gradients and layers, where the outputs are ONNX Runtime's.
    """

    name: str
    difference: float | None = None
    reason: str | None = None
    questions: Mapping[str, Engine] = field(default_factory=dict)

    @property
    def recorded(self) -> dict[str, Any]:
        """As JSON values, without what is not known."""
        questions = {name: found._known for name, found in sorted(self.questions.items())}
        return {"version": version_of(self.name)} | self._known | ({"questions": questions} if questions else {})

    @property
    def _known(self) -> dict[str, Any]:
        kept = {"name": self.name, "difference": self.difference, "reason": self.reason}
        return {name: value for name, value in kept.items() if value is not None}


def version_of(package: str) -> str | None:
    """Of a package that is installed; None where it is not."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
