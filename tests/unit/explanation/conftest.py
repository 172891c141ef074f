"""Small networks and few images: compiling takes longer than all passes."""

import pytest


@pytest.fixture(autouse=True)
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The network's own code runs in every pass; that what is compiled gives the same is the seam's to show."""
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")


@pytest.fixture
def compiled(uncompiled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks are compiled from their third batch on, as at the users'."""
    monkeypatch.delenv("EXPLAINER_COMPILE")
