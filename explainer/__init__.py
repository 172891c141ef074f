"""Shows for a whole dataset why a MindSpore image classifier decides as it does, and how far to trust each explanation.

>>> from explainer import ImageClassificationRunner
>>> from explainer.explanation import GradCAM, Gradient
"""

from explainer.errors import ExplainerError
from explainer.occlusion_sensitivity import OcclusionSensitivity
from explainer.options import RunOptions
from explainer.overlays import overlay, spotlight
from explainer.runner import ImageClassificationRunner, RunResult
from explainer.summary.reader import RunView, read_run
from explainer.version import __version__

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
