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
    from explainer.analysis.view import RunView, open_run, read_run
    from explainer.data.preprocess import Preprocess
    from explainer.errors import ExplainerError
    from explainer.explanation.occlusion_sensitivity import OcclusionSensitivity
    from explainer.report.figures import figure, show
    from explainer.report.overlays import overlay, spotlight
    from explainer.report.write import WrittenReport, write_report
    from explainer.run.one_run import RunResult
    from explainer.run.options import RunOptions
    from explainer.run.runner import ImageClassificationRunner
    from explainer.summary.merge import merge

__all__ = [
    "ExplainerError",
    "ImageClassificationRunner",
    "OcclusionSensitivity",
    "Preprocess",
    "RunOptions",
    "RunResult",
    "RunView",
    "WrittenReport",
    "__version__",
    "figure",
    "merge",
    "open_run",
    "overlay",
    "read_run",
    "show",
    "spotlight",
    "write_report",
]

_MODULES = {
    "ExplainerError": "errors",
    "ImageClassificationRunner": "run.runner",
    "OcclusionSensitivity": "explanation.occlusion_sensitivity",
    "Preprocess": "data.preprocess",
    "RunOptions": "run.options",
    "RunResult": "run.one_run",
    "RunView": "analysis.view",
    "WrittenReport": "report.write",
    "figure": "report.figures",
    "merge": "summary.merge",
    "open_run": "analysis.view",
    "overlay": "report.overlays",
    "read_run": "analysis.view",
    "show": "report.figures",
    "spotlight": "report.overlays",
    "write_report": "report.write",
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
