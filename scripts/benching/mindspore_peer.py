"""`mindspore.train.OcclusionSensitivity`, of which ours is the complete one."""

from __future__ import annotations

import mindspore.train.metrics.occlusion_sensitivity as theirs
import numpy as np

from benching.built import rebuilt
from benching.networks import Exported
from benching.rows import PEER, Row, Work


def works(row: Row, exported: Exported) -> dict[str, Work]:
    """The map of one image."""
    theirs.trange = range  # no bar
    network, metric = rebuilt(exported), theirs.OcclusionSensitivity()
    return {PEER: Work(lambda: metric.update(network, exported.images[:1], np.array(exported.labels[0])))}
