"""Shows for a whole dataset why a MindSpore image classifier decides as it does, and how far to trust each explanation.

A name is imported when it is used, so that reading a summary loads no MindSpore.

>>> from explainer import ImageClassificationRunner
>>> from explainer.explanation import GradCAM, Gradient
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from explainer.network.mindspore import cpu_setup
from explainer.version import __version__

if TYPE_CHECKING:
    from explainer.errors import ExplainerError
    from explainer.occlusion_sensitivity import OcclusionSensitivity
    from explainer.overlays import overlay, spotlight
    from explainer.run.options import RunOptions
    from explainer.run.runner import ImageClassificationRunner, RunResult
    from explainer.summary.reader import RunView, read_run

__all__ = [
    "ExplainerError",
    "ImageClassificationRunner",
    "OcclusionSensitivity",
    "RunOptions",
    "RunResult",
    "RunView",
    "__version__",
    "overlay",
    "read_run",
    "spotlight",
]

_MODULES = {
    "ExplainerError": "errors",
    "ImageClassificationRunner": "runner",
    "OcclusionSensitivity": "occlusion_sensitivity",
    "RunOptions": "options",
    "RunResult": "runner",
    "RunView": "summary.reader",
    "overlay": "overlays",
    "read_run": "summary.reader",
    "spotlight": "overlays",
}

cpu_setup.set_up()  # before MindSpore runs its first operator; it need not be imported for that


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value = getattr(import_module(f"explainer.{_MODULES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
