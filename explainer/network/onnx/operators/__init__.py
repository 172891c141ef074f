"""MindSpore's operators in ONNX's: one short function each, in one table by MindSpore's name."""

from __future__ import annotations

from collections.abc import Mapping

from explainer.network.onnx.operators import (
    activations,
    convolution,
    elementwise,
    normalisation,
    padding,
    pooling,
    products,
    reductions,
    shapes,
    slices,
)
from explainer.network.onnx.operators.operands import Translation

OPERATORS: Mapping[str, Translation] = {
    **elementwise.OPERATORS,
    **activations.OPERATORS,
    **convolution.OPERATORS,
    **pooling.OPERATORS,
    **normalisation.OPERATORS,
    **reductions.OPERATORS,
    **products.OPERATORS,
    **shapes.OPERATORS,
    **slices.OPERATORS,
    **padding.OPERATORS,
}
