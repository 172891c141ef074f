"""The explanation methods."""

from explainer.explanation.base import Attribution
from explainer.explanation.gradcam import GradCAM
from explainer.explanation.gradcam_plus_plus import GradCAMPlusPlus
from explainer.explanation.gradient import Gradient
from explainer.explanation.hirescam import HiResCAM
from explainer.explanation.input_x_gradient import InputXGradient
from explainer.explanation.integrated_gradients import IntegratedGradients
from explainer.explanation.layercam import LayerCAM
from explainer.explanation.modified_relu import Deconvolution, GuidedBackprop
from explainer.explanation.occlusion import Occlusion
from explainer.explanation.rise import RISE
from explainer.explanation.scorecam import ScoreCAM
from explainer.explanation.smoothgrad import SmoothGrad
from explainer.explanation.surrogate import LIME, KernelSHAP

__all__ = [
    "LIME",
    "RISE",
    "Attribution",
    "Deconvolution",
    "GradCAM",
    "GradCAMPlusPlus",
    "Gradient",
    "GuidedBackprop",
    "HiResCAM",
    "InputXGradient",
    "IntegratedGradients",
    "KernelSHAP",
    "LayerCAM",
    "Occlusion",
    "ScoreCAM",
    "SmoothGrad",
]
