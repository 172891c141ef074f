"""Old names, which stay for one version."""

from __future__ import annotations

import warnings


def warn_renamed(old: str, new: str) -> None:
    """Tells the caller's caller that `old` is called `new` from now on."""
    warnings.warn(f"`{old}` is now called `{new}`; the old name goes in the next version", DeprecationWarning, 3)
