"""What a ReLU passes back: one function `(upstream, relu_input) -> downstream` per rule.

`upstream` is the gradient with respect to the ReLU's output, `relu_input` what went into the ReLU forward, both of one
shape. The rules use arithmetic and comparison only, so they take NumPy arrays and MindSpore tensors alike. A rule of
your own must be a function defined with `def` in a file: MindSpore compiles it from its source.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

ReluRule = Callable[[Any, Any], Any]


def plain(upstream: Any, relu_input: Any) -> Any:
    """The true gradient: passes where the input was positive.

    >>> import numpy as np
    >>> plain(np.array([1.0, -2.0, 3.0]), np.array([5.0, 5.0, -5.0])).tolist()
    [1.0, -2.0, 0.0]
    """
    return upstream * (relu_input > 0)


def deconvolution(upstream: Any, relu_input: Any) -> Any:
    """Only positive gradients, whatever the input was.

    Source: Zeiler and Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 2.1.

    >>> import numpy as np
    >>> deconvolution(np.array([1.0, -2.0, 3.0]), np.array([5.0, 5.0, -5.0])).tolist()
    [1.0, -0.0, 3.0]
    """
    return upstream * (upstream > 0)


def guided(upstream: Any, relu_input: Any) -> Any:
    """Only positive gradients, and only where the input was positive.

    Source: Springenberg et al. 2015, "Striving for Simplicity: The All Convolutional Net", section 3.4.

    >>> import numpy as np
    >>> guided(np.array([1.0, -2.0, 3.0]), np.array([5.0, 5.0, -5.0])).tolist()
    [1.0, -0.0, 0.0]
    """
    return upstream * (upstream > 0) * (relu_input > 0)
