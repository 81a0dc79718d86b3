"""Flags from the fields of `Config`, and back."""

import argparse
import dataclasses
from collections.abc import Mapping
from typing import Any

from jaxstyle.cli.values import real, whole
from jaxstyle.loss.presets import PRESETS
from jaxstyle.plans.config import GROUPS, Config

_FIELDS = {field.name: field for field in dataclasses.fields(Config)}


def flag(name: str) -> str:
    """A field's flag; one that may be repeated is named for one of its values."""
    several = _FIELDS[name].metadata["several"] if name in _FIELDS else ""
    return "--" + (several or name).replace("_", "-")


def add_options(parser: argparse.ArgumentParser, defaults: Any, basics: Any) -> None:
    """One flag for each field of Config, in the groups of Config. Values stay text here; `config_of` converts them, with better
    errors.

    Args:
        parser: of a command.
        defaults: shown in the help.
        basics: the group of the parser that takes the first group's.
    """
    groups = {name: basics if name == GROUPS[0] else parser.add_argument_group(name) for name in GROUPS}
    for option in dataclasses.fields(Config):
        about = option.metadata
        default = getattr(defaults, option.name)
        text = about["help"]
        if about["choices"]:
            text += f": {', '.join(about['choices'])}"
        usual = (about["usual"] or _of_preset(defaults.preset, option.name)) if default is None else default
        usual = f"{usual:g}" if isinstance(usual, float) else usual
        text += f" (default: {usual})" if usual not in ("", ()) else ""
        metavar = about["metavar"] or "NAME"
        how: Any = dict(action="append", dest=option.name) if about["several"] else {}
        groups[about["group"]].add_argument(flag(option.name), metavar=metavar, help=text.replace("%", "%%"), **how)


def _of_preset(preset: str, name: str) -> str:
    """A preset's value of a setting, as the setting's flag takes it; empty where it has none."""
    value = getattr(PRESETS[preset], name, "")
    if isinstance(value, Mapping):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else value


def config_of(options: argparse.Namespace, defaults: Config) -> Config:
    """The configuration that the flags make of the defaults."""
    changes: dict[str, Any] = {}
    for option in dataclasses.fields(defaults):
        text = getattr(options, option.name, None)
        if text is not None:
            changes[option.name] = convert(option, text)
    return dataclasses.replace(defaults, **changes)


def convert(option: dataclasses.Field, text: Any) -> Any:
    """A field's value from its text, or from the texts of a flag that was repeated."""
    if isinstance(text, list):
        return tuple(text)
    kind = str(option.type)
    if "str" in kind:
        return text
    return (real if "float" in kind else whole)(option.name, text)
