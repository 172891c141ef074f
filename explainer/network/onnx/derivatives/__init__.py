"""The derivative of each operator of a graph: one short function each, in one table by ONNX's name."""

from __future__ import annotations

from collections.abc import Mapping

from explainer.network.onnx.derivatives import (
    activations,
    convolution,
    elementwise,
    normalisation,
    pooling,
    products,
    reductions,
    shapes,
    slices,
)
from explainer.network.onnx.derivatives.step import Derivative

DERIVATIVES: Mapping[str, Derivative] = {
    **elementwise.DERIVATIVES,
    **activations.DERIVATIVES,
    **convolution.DERIVATIVES,
    **pooling.DERIVATIVES,
    **normalisation.DERIVATIVES,
    **reductions.DERIVATIVES,
    **products.DERIVATIVES,
    **shapes.DERIVATIVES,
    **slices.DERIVATIVES,
}
