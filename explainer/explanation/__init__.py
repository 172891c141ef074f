"""The explanation methods."""

from explainer.explanation.base import Attribution
from explainer.explanation.gradcam import GradCAM
from explainer.explanation.gradient import Gradient
from explainer.explanation.modified_relu import Deconvolution, GuidedBackprop

__all__ = ["Attribution", "Deconvolution", "GradCAM", "Gradient", "GuidedBackprop"]
