"""How sure a network is, by draws of its probabilities."""

from explainer.uncertainty.draws import (
    AUGMENTATIONS,
    DRAWS,
    Augmentation,
    AugmentationUncertainty,
    DropoutUncertainty,
    EnsembleUncertainty,
    Estimate,
    Uncertainty,
)

__all__ = [
    "AUGMENTATIONS",
    "DRAWS",
    "Augmentation",
    "AugmentationUncertainty",
    "DropoutUncertainty",
    "EnsembleUncertainty",
    "Estimate",
    "Uncertainty",
]
