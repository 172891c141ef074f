"""Options of several numbers, as `--mean 0.4 0.5 0.6`."""

from __future__ import annotations

from collections.abc import Sequence

import click


def gathered(arguments: Sequence[str], options: Sequence[str]) -> list[str]:
    """The arguments, with the numbers after each of these options as one argument.

    >>> gathered(["--mean", "0.4", "0.5", "--limit", "3"], ["--mean"])
    ['--mean', '0.4 0.5', '--limit', '3']
    """
    left, found = list(arguments), []
    while left:
        found.append(left.pop(0))
        count = _leading_numbers(left) if found[-1] in options else 0
        if count:
            found.append(" ".join(left[:count]))
            del left[:count]
    return found


def numbers(context: click.Context, option: click.Parameter, value: str | None) -> tuple[float, ...] | None:
    """The numbers of an option such as --mean; None where it was not given."""
    if value is None:
        return None
    if not value.split() or not all(map(_is_number, value.split())):
        raise click.BadParameter(f"{value!r} is no number, nor numbers such as 0.485 0.456 0.406.")
    return tuple(map(float, value.split()))


def edges(context: click.Context, option: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """Height and width, one number being both; None where they were not given."""
    if value is None:
        return None
    parts = value.split()
    if len(parts) not in (1, 2) or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise click.BadParameter(f"{value!r} must be a number of pixels, or height and width such as 224 192.")
    return int(parts[0]), int(parts[-1])


def _leading_numbers(arguments: Sequence[str]) -> int:
    return next((count for count, text in enumerate(arguments) if not _is_number(text)), len(arguments))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
