"""What several commands say in the same words."""

from __future__ import annotations

import pytest

from explainer.command.text import in_bytes, shortened


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_250_000, "1.2 MB"),
        (3_000_000_000, "3.0 GB"),
        (5_000_000_000_000, "5000.0 GB"),
    ],
)
def test_bytes_are_said_in_a_fitting_unit(count, expected):
    assert in_bytes(count) == expected


@pytest.mark.parametrize(("count", "end"), [(0, ""), (1, "0"), (12, "10, 11"), (13, "10, 11, ... (13 in all)")])
def test_a_dozen_names_are_said_and_all_are_counted(count, end):
    assert shortened([str(number) for number in range(count)]).endswith(end)
