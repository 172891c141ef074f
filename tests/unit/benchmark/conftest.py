"""Metrics ask networks for few images at a time, and compiling takes longer than all of them."""

import pytest


@pytest.fixture(autouse=True)
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks run eagerly; that what is compiled gives the same is the seam's to show, and the golden scores'."""
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")
