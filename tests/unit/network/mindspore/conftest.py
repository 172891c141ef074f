"""The adapter is tested as it runs at its users'."""

import pytest


@pytest.fixture(autouse=True)
def as_at_users(queued_operators: None) -> None:
    """MindSpore queues its operators, as it does by default."""
