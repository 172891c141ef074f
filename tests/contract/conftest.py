"""What the tests of contracts share."""

import pytest


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks run eagerly: compiling takes longer than all passes of a test, and is the point of other tests."""
    monkeypatch.setenv("EXPLAINER_COMPILE", "off")
