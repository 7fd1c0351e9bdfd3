# SPDX-License-Identifier: Apache-2.0
"""Reading the settings: from `pons.toml`, overridden by `PONS_*` variables.

`[http] port = 8042` in the file is `PONS_HTTP_PORT` in the environment, or in the file that
`PONS_HTTP_PORT_FILE` names. Each service loads the
whole tree and uses its part of it; nothing else in Pons reads the environment.
"""

import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_origin

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableVariable

from pons.settings.files import SUFFIX, UnreadableValue, named_setting, with_files
from pons.settings.model import Settings
from pons.settings.section import Section
from pons.settings.values import not_json, sentences
from pons.settings.variables import is_injected, meant

CONFIG_VARIABLE = "PONS_CONFIG"
NOT_SETTINGS = (CONFIG_VARIABLE, "PONS_TEST_", "PONS_BENCH_")
"""Variables that start with `PONS_` and are no settings (a trailing underscore means a family)."""


class SettingsError(Exception):
    """A setting is unknown or has a value that it cannot have; the message says which and why."""


def load_settings(config: Path | Mapping[str, Any] | None = None, **overrides: Any) -> Settings:
    """The settings from `config` (or the file that `PONS_CONFIG` names, or none) and environment.

    `config` is a file, or the sections that one would hold. `overrides` are sections given by the
    caller, as dictionaries; they win over both. Raises `SettingsError` with one sentence per
    mistake.
    """
    if config is None and CONFIG_VARIABLE in os.environ:
        config = Path(os.environ[CONFIG_VARIABLE])
    tree = dict(read_config(config) if isinstance(config, Path) else config or {})
    ignored = ignored_variables()
    refuse_misspelt(ignored)
    known = variables()
    setting = {name.lower() for name in known.keys() - ignored}
    try:
        environment = with_files(os.environ, known)
    except UnreadableValue as error:
        raise SettingsError(str(error)) from None

    class FromTree(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            assert isinstance(env_settings, EnvSettingsSource)
            given = {name.lower(): value for name, value in environment.items()}
            env_settings.env_vars = {name: given[name] for name in given if name in setting}
            return init_settings, env_settings, InitSettingsSource(settings_cls, tree)

    try:
        return FromTree(**overrides)
    except ValidationError as error:
        raise SettingsError("; ".join(sentences(error))) from None
    except UnreadableVariable:
        raise SettingsError("; ".join(not_json(tables(), environment))) from None


def read_config(path: Path) -> dict[str, Any]:
    """What a file of settings holds: TOML, or the same tree as JSON where its name ends in `.json`.

    Raises `SettingsError` when there is no such file, or it cannot be read.
    """
    if not path.is_file():
        raise SettingsError(f"there is no configuration file {path}")
    try:
        text = path.read_text(encoding="utf-8")
        tree = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (ValueError, OSError) as error:  # not TOML, not JSON, not text, or closed to us
        raise SettingsError(f"{path} cannot be read: {error}") from None
    if not isinstance(tree, dict):
        raise SettingsError(f"{path} cannot be read: it is no table of settings")
    return tree


def variable(section: str, name: str) -> str:
    """The environment variable of a setting."""
    return f"PONS_{section}_{name}".upper()


def sections() -> dict[str, type[Section]]:
    """The sections by name, in their order."""
    kinds = {name: field.annotation for name, field in Settings.model_fields.items()}
    return {
        name: kind
        for name, kind in kinds.items()
        if isinstance(kind, type) and issubclass(kind, Section)
    }


def variables() -> dict[str, tuple[str, str]]:
    """Every setting's environment variable, with its section and name."""
    known = {"PONS_MODALITIES": ("modalities", ""), "PONS_PEERS": ("peers", "")}
    for section, kind in sections().items():
        known |= {variable(section, name): (section, name) for name in kind.model_fields}
    return known


def tables() -> list[str]:
    """The variables whose value is a table or a list, as JSON."""
    return [
        name
        for name, (section, key) in variables().items()
        if not key or get_origin(sections()[section].model_fields[key].annotation) in (dict, list)
    ]


def ignored_variables() -> list[str]:
    """The `PONS_*` variables around this process that set nothing: whoever starts it says so."""
    known = variables()
    return sorted(
        name
        for name, value in os.environ.items()
        if name.startswith("PONS_")
        and not name.startswith(NOT_SETTINGS)
        and not named_setting(name, known)
        and (name not in known or is_injected(name, value))
    )


def refuse_misspelt(ignored: Iterable[str]) -> None:
    """Raise `SettingsError` for a variable that is nearly a setting's: somebody meant that."""
    known = variables()
    for name in ignored:
        if is_injected(name, os.environ[name]):
            continue
        near = meant(name, known)
        if not near and (plain := name.removesuffix(SUFFIX)) != name:
            near = (found := meant(plain, known)) and found + SUFFIX
        if near:
            raise SettingsError(f"{name} is not a setting; did you mean {near}?")
