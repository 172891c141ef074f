"""Where a run comes from: the network's weights, the versions, the machine, the command."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from typing import Any

from explainer.network.engine import version_of
from explainer.version import __version__

_PACKAGES = ("mindspore", "numpy")


def provenance_of(network: Any, weights: str, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a summary keeps of where it comes from, as JSON values.

    Args:
        network: the network that is explained.
        weights: the digest of its weights.
        more: what the user wants to be kept, too.

    >>> sorted(provenance_of(object(), "00ff"))
    ['command', 'explainer', 'mindspore', 'network', 'numpy', 'platform', 'python', 'weights']
    """
    kind = type(network)
    module = kind.__module__.replace("__mp_main__", "__main__")  # what a worker calls the script that is run
    return {
        **(more or {}),
        "network": f"{module}.{kind.__qualname__}",
        "weights": weights,
        "command": [argument for argument in sys.argv if argument != "--resume"],
        "explainer": __version__,
        **{name: version_of(name) for name in _PACKAGES},
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
