"""Shared set-up: `import explainer` comes first, before any operator of MindSpore runs."""

import explainer  # noqa: F401

from mindspore import nn  # isort: skip


def pytest_unconfigure() -> None:
    """Networks that outlive their module no longer count themselves: MindSpore would print a traceback for each."""
    del nn.Cell.__del__
