"""What computes a network: MindSpore, or ONNX Runtime on the graph that MindSpore exports."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from explainer.checks import require_choice
from explainer.errors import EngineError
from explainer.network.onnx.device import CPU, CUDA, require_device

AUTO, MINDSPORE, ONNXRUNTIME = "auto", "mindspore", "onnxruntime"
ENGINES = (AUTO, MINDSPORE, ONNXRUNTIME)
VARIABLE = "EXPLAINER_ENGINE"
"""The environment variable that says which engine is meant where none is given."""
_FOR_GPUS = "onnxruntime-gpu"


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
class EngineChoice:
    """What is asked to compute a network.

    Attributes:
        engine: "auto", "mindspore" or "onnxruntime".
        device: where ONNX Runtime is to compute, "cpu" or "cuda".

    Raises:
        TypeError, ValueError: another engine or device, or MindSpore on a device of ONNX Runtime's.
        EngineError: the ONNX Runtime that is installed cannot compute there.
    """

    engine: str = AUTO
    device: str = CPU

    def __post_init__(self) -> None:
        require_engine("engine", self.engine)
        if self.device == CUDA and self.engine == MINDSPORE:
            raise ValueError(
                f'`device` "{CUDA}" is ONNX Runtime\'s, and `engine` is "{MINDSPORE}", whose device is chosen by '
                f'mindspore.set_device before anything else; leave one of them out, or give engine="{ONNXRUNTIME}"'
            )
        require_device(self.device)

    @property
    def is_onnxruntime(self) -> bool:
        """Whether nothing else will do: on a device that was asked for no other is taken in its place."""
        return self.engine == ONNXRUNTIME or self.device == CUDA

    def refused(self, network: Any, error: EngineError) -> EngineError:
        """Why ONNX Runtime cannot compute a network, and what to do."""
        name, asked = ("device", self.device) if self.device == CUDA else ("engine", self.engine)
        others = f'device="{CPU}"' if name == "device" else '"auto" or "mindspore", which compute it as it is'
        return EngineError(
            f'`{name}` "{asked}" cannot compute `network` ({type(network).__name__}): {error}; give {others}',
            difference=error.difference,
        )


@dataclass(frozen=True)
class Engine:
    """What has computed a network.

    Attributes:
        name: "mindspore" or "onnxruntime".
        difference: of ONNX Runtime's answer from MindSpore's as it was found for the first images; of outputs in parts
            of the largest, of gradients see docs/performance.md; None for MindSpore.
        reason: why it is MindSpore, where ONNX Runtime was asked as well.
        questions: what answers gradients and layers, where the outputs are ONNX Runtime's.
        device: where ONNX Runtime computes.
    """

    name: str
    difference: float | None = None
    reason: str | None = None
    questions: Mapping[str, Engine] = field(default_factory=dict)
    device: str = CPU

    @property
    def recorded(self) -> dict[str, Any]:
        """As JSON values, without what is not known."""
        questions = {name: found._known for name, found in sorted(self.questions.items())}
        return {"version": version_of(self.name)} | self._known | ({"questions": questions} if questions else {})

    @property
    def _known(self) -> dict[str, Any]:
        device = None if self.device == CPU else self.device
        kept = {"name": self.name, "device": device, "difference": self.difference, "reason": self.reason}
        return {name: value for name, value in kept.items() if value is not None}


def version_of(package: str) -> str | None:
    """Of a package that is installed; None where it is not. ONNX Runtime comes in one of two."""
    for name in (package, _FOR_GPUS) if package == ONNXRUNTIME else (package,):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None
