"""Paths as arguments, which a shell completes: they arrive as `pathlib.Path`, URLs where taken as `RemotePath`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from explainer.remote import local_path, place_of


class _LocalPath(click.Path):
    """A path of this machine; a URL, which would become a folder of that name, is refused."""

    def convert(self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path."""
        try:
            return local_path(value, "it")
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


class _Place(click.Path):
    """A path of this machine, or a URL."""

    def convert(self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, or what the URL leads to."""
        try:
            return place_of(value, "it")
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


PATH = _LocalPath(path_type=Path)
PLACE = _Place(path_type=Path)
