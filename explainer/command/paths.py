"""Paths as arguments: a shell completes them, and they arrive as `pathlib.Path`."""

from pathlib import Path

import click

PATH = click.Path(path_type=Path)
