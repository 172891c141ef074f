"""A run as a file: options from TOML, `--config run.toml`, and those in effect, to be written as TOML again.

Everything follows from click's parameters: what is an option there is a key of the file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from explainer.checks import did_you_mean
from explainer.command.paths import PATH
from explainer.remote import is_url

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover
    import tomli as tomllib

CONFIGURATION = "configuration"
CODE_FOLDER = "code_folder"
"""Where the module of the network lay: the working directory, where no path of Python's led to it."""
_CONFIG = "config"
_OF_A_CALL = (_CONFIG, "shard", "workers", "ray", "resume", "dry_run", "traceback")  # how, not what


def config_option(function: Any) -> Any:
    """The command, with the option `--config`."""
    return click.option(
        f"--{_CONFIG}",
        type=PATH,
        metavar="FILE",
        is_eager=True,
        expose_value=False,
        callback=_take_defaults,
        help="Options from a TOML file; those of the command line come first.",
    )(function)


class ConfiguredCommand(click.Command):
    """A command that knows which of its options were given, by the file or on the command line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's; what was given is in `ctx.meta` under `CONFIGURATION`."""
        given, *_ = self.make_parser(ctx).parse_args(list(args))
        rest = super().parse_args(ctx, args)
        if not ctx.resilient_parsing:  # a shell completes a command that is not finished
            ctx.meta[CONFIGURATION] = dict(_given(ctx, given))
        return rest


def settings_of(command: click.Command) -> dict[str, click.Option]:
    """The options that a file may hold, by their keys."""
    options = (option for option in command.params if isinstance(option, click.Option))
    return {_key(option): option for option in options if option.name not in _OF_A_CALL}


def _key(option: click.Option) -> str:
    return max(option.opts, key=len).lstrip("-")


def _is_path(option: click.Option, value: Any) -> bool:
    """Whether a value is a path; a type that has some among its values says which, by `is_path`."""
    says = getattr(option.type, "is_path", None)
    return says(value) if says is not None else isinstance(option.type, click.Path) or _makes_paths(option)


def _makes_paths(option: click.Option) -> bool:
    return getattr(option.type, "func", None) is Path


# ---- from a file ----


def _take_defaults(context: click.Context, option: click.Parameter, path: Path | None) -> None:
    if path is not None:
        context.default_map = {**(context.default_map or {}), **_defaults(context, path)}


def _defaults(context: click.Context, path: Path) -> dict[str, Any]:
    """The values of a file by the names of click's parameters, as they would be given on the command line."""
    known = settings_of(context.command)
    found = {}
    for key, value in _read(path).items():
        if key not in known:
            raise click.BadParameter(f"{path} has {key!r}, which is no option{did_you_mean(key, known)}")
        option = known[key]
        given = _as_given(option, value, f"{path}: {key}", path.parent)
        try:
            option.type_cast_value(context, given)
        except click.BadParameter as error:
            raise click.BadParameter(f"{path}: {key}: {error.message}") from error
        found[str(option.name)] = given
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise click.BadParameter(f"must be a TOML file that can be read, got {path}: {error.strerror}") from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise click.BadParameter(f"must be a TOML file, but {path} is none: {error}") from error
    return found


def _as_given(option: click.Option, value: Any, what: str, folder: Path) -> Any:
    """A value of TOML as the command line would give it: texts, several of them where the option takes several."""
    if option.is_flag:
        if not isinstance(value, bool):
            raise click.BadParameter(f"{what} must be true or false, got {_text(value)}")
        return value
    if isinstance(value, dict):
        if not option.multiple:
            raise click.BadParameter(f"{what} must be no table, got {', '.join(value) or 'an empty one'}")
        return [f"{name}={json.dumps(entry, default=str)}" for name, entry in value.items()]
    entries = value if isinstance(value, list) else [value]
    texts = [_in_folder(option, _text(entry), folder) for entry in entries]
    if option.multiple or option.nargs != 1:
        return texts
    numbers = all(isinstance(entry, int | float) for entry in entries)
    return (" " if numbers else ",").join(texts)  # 0.485 0.456 0.406, or Gradient,GradCAM


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _in_folder(option: click.Option, text: str, folder: Path) -> str:
    return str(folder / text) if _is_path(option, text) and not is_url(text) else text


# ---- what was given, and to a file ----


def _given(context: click.Context, from_command_line: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The options that have no default's value, as JSON values; paths are absolute."""
    for key, option in settings_of(context.command).items():
        source = context.get_parameter_source(str(option.name))
        if source not in (None, ParameterSource.DEFAULT):
            name = str(option.name)
            found = from_command_line[name] if source is ParameterSource.COMMANDLINE else context.lookup_default(name)
            yield key, _as_json(option, option.type_cast_value(context, found))


def _as_json(option: click.Option, value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_as_json(option, entry) for entry in value]
    if _is_path(option, value):
        return str(value) if is_url(value) else str(Path(value).absolute())
    return value


def toml_of(configuration: Mapping[str, Any]) -> str:
    r"""The configuration as TOML.

    >>> print(toml_of({"network": "nets:resnet", "size": [32, 32], "hierarchical-occlusion": True}))
    network = "nets:resnet"
    size = [32, 32]
    hierarchical-occlusion = true
    """
    return "\n".join(f"{key} = {_toml(value)}" for key, value in configuration.items())


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, str):
        return f'"{"".join(map(_toml_letter, value))}"'
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _toml_letter(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"
