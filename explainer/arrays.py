"""The names of arrays; shapes stand where they are used."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Float64Array = NDArray[np.float64]
LabelArray = NDArray[np.int64]
IndexArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
Pixels = NDArray[np.uint8]

Mask = NDArray[Any]
"""A keep mask (H, W) or (C, H, W), boolean or with values in [0, 1]: 1 shows the image, 0 shows the fill."""
Keep = NDArray[np.bool_]
"""A keep mask (H, W) of a search: what is shown."""
Coalitions = NDArray[np.bool_]
"""Sets of cells, (S, cells): which of them each shows."""
Region = NDArray[np.bool_]
"""Where an object is, (H, W)."""
