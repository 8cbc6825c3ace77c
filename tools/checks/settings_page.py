"""`docs/reference/settings.md` is generated: `python -m tools.checks.settings_page [--write]`.

Without `--write`, fails when the page is not what the code says.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from inspect import isclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from _paths import ROOT
from config import Settings

PAGE = ROOT / "docs" / "reference" / "settings.md"

_HEAD = """\
# Settings

Every setting is an environment variable: an app setting in Azure, a value in `local.settings.json` on a
machine of your own. `local.settings.example.json` shows a set that starts an app. All are read once, at the
start; one that is missing or wrong stops the start with its name, and never with its value.

<!-- Generated from config/ by `python -m tools.checks.settings_page --write`. Do not edit. -->
"""

_MIGRATIONS = {
    "DATABASE_ADMIN_URL": "`bootstrap`: an administrator's address; its path names the database to make",
    "DATABASE_MIGRATOR_URL": "`migrate` and `status`: the address for role `geo_owner`",
    "GEO_OWNER_PASSWORD": "`bootstrap`: the password to give to role `geo_owner`",
    "GEO_APP_PASSWORD": "`bootstrap`: the password to give to role `geo_app`",
    "GEO_READER_PASSWORD": "`bootstrap`: the password to give to role `geo_reader`",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable. `values` and `default` are Markdown."""

    name: str
    values: str
    default: str
    meaning: str


def groups() -> Iterator[type[BaseSettings]]:
    """The groups of `config.Settings`, in its order."""
    for member in vars(Settings).values():
        if isinstance(member, cached_property):
            yield get_type_hints(member.func)["return"]


def settings_of_config() -> list[Setting]:
    """Every setting of every group."""
    return [setting for group in groups() for setting in settings_of(group)]


def settings_of(group: type[BaseSettings]) -> list[Setting]:
    """The settings of a group, in its order."""
    prefix = group.model_config.get("env_prefix", "")
    return [
        Setting(
            name=str(field.validation_alias or f"{prefix}{name}".upper()),
            values=_values(field),
            default=_default(field),
            meaning=field.description or "",
        )
        for name, field in group.model_fields.items()
    ]


def page() -> str:
    """The page as it should be."""
    return "\n".join([_HEAD, *(_section(group) for group in groups()), _migrations()])


def _section(group: type[BaseSettings]) -> str:
    title = group.__name__.removesuffix("Config")
    text = "\n".join(line.strip() for line in (group.__doc__ or "").splitlines())
    rows = [f"| `{s.name}` | {s.values} | {s.default} | {s.meaning} |" for s in settings_of(group)]
    head = ["| variable | value | default | meaning |", "|---|---|---|---|"]
    return "\n".join([f"## {title}", "", text.strip(), "", *head, *rows, ""])


def _migrations() -> str:
    rows = [f"| `{name}` | {meaning} |" for name, meaning in _MIGRATIONS.items()]
    text = "Read by `python -m infrastructure.migrations` alone; an app never holds them."
    return "\n".join(["## Migrations", "", text, "", "| variable | meaning |", "|---|---|", *rows, ""])


def _values(field: FieldInfo) -> str:
    bounds = [_bound(rule) for rule in field.metadata]
    return " ".join([_kind(field.annotation), *(bound for bound in bounds if bound)])


def _kind(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return _choice(get_args(annotation))
    kinds = [kind for kind in get_args(annotation) or (annotation,) if kind is not type(None)]
    kind = kinds[0]
    if isclass(kind) and issubclass(kind, StrEnum):
        return _choice(tuple(kind))
    if kind is bool:
        return _choice(("true", "false"))
    names: dict[Any, str] = {SecretStr: "text (secret)", str: "text", int: "whole number", float: "number"}
    return names[kind]


def _choice(values: tuple[Any, ...]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _bound(rule: Any) -> str:
    for attribute, sign in (("gt", "> "), ("ge", "≥ "), ("lt", "< "), ("le", "≤ ")):
        if hasattr(rule, attribute):
            return f"{sign}{getattr(rule, attribute)}"
    return ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    return "none" if field.default is None else f"`{field.default}`"


def main(arguments: list[str]) -> int:
    """Write the page, or compare it."""
    if arguments == ["--write"]:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(page(), encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        print(
            f"{PAGE.relative_to(ROOT)} is not what config/ says: python -m tools.checks.settings_page --write"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
