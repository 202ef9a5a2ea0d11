"""Reads the policy file; whatever is wrong is told with its line, what stands against it, and an example."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from bot.policy import lines as toml_lines
from bot.policy.problems import ConfigurationError
from bot.policy.tables import Flag, Mute, Policy, Project, Window
from bot.policy.values import format_duration

Found = tuple[toml_lines.Path, str]

PROJECT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
SAYINGS: Final = {
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false, without quotes",
    "tuple_type": "must be a list in square brackets",
    "too_short": "must not be empty",
    "missing": "is missing",
}


def load_policy(path: Path) -> Policy:
    """The policy of a file; without a file, the defaults. Raises `ConfigurationError` with all problems and lines."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return Policy()
    except UnicodeDecodeError as error:
        raise ConfigurationError([f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8."]) from None
    except OSError as error:
        raise ConfigurationError([f"{path} cannot be read: {error.strerror}."]) from None
    return parse_policy(text, str(path))


def parse_policy(text: str, source: str = "stagedoor.toml") -> Policy:
    """The policy that a text describes; `source` is what the problems call the file."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError([_syntax_problem(str(error), text, source)]) from None
    policy, found = _judge(data)
    if policy is None or found:
        lines = toml_lines.key_lines(text)
        placed = sorted((toml_lines.line_of(lines, path), saying) for path, saying in found)
        raise ConfigurationError(f"{source}, line {line}: {saying}." for line, saying in placed)
    return policy


def _syntax_problem(error: str, text: str, source: str) -> str:
    what, _, where = error.partition(" (at ")
    position = re.search(r"line (\d+), column (\d+)", where)
    line, column = position.groups() if position else (str(text.count("\n") + 1), "")
    place = f", column {column}" if column else ", at the end"
    return f"{source}, line {line}: this is not TOML{place}: {what[:1].lower()}{what[1:]}."


def _judge(data: dict[str, Any]) -> tuple[Policy | None, list[Found]]:
    base = {key: value for key, value in data.items() if key != "projects"}
    policy, found = _validated(base)
    tables = data.get("projects", {})
    if not isinstance(tables, dict):
        return policy, [*found, (("projects",), "projects must hold one table a project, for example [projects.shop]")]
    projects = {}
    for name, own in tables.items():
        projects[name], more = _project(name, own, base, {(path, saying) for path, saying in found})
        found = [*found, *more]
    return policy and policy.model_copy(update={"projects": projects}), found


def _project(name: str, own: object, base: dict[str, Any], known: set[Found]) -> tuple[Project | None, list[Found]]:
    at: toml_lines.Path = ("projects", name)
    if not PROJECT_NAME.fullmatch(name):
        return None, [(at, f'projects."{name}" needs a name of letters, digits, - and _, for example [projects.shop]')]
    if not isinstance(own, dict):
        return None, [(at, f"projects.{name} must be a table, for example [projects.{name}]")]
    tables = {key: value for key, value in own.items() if key != "migrations"}
    policy, found = _validated(_merged(base, tables), also=("migrations",))
    found = [((*at, *path), f"{_dotted(at)}.{saying}") for path, saying in found if (path, saying) not in known]
    migrations = own.get("migrations", "")
    if not isinstance(migrations, str):
        found.append(((*at, "migrations"), _with_example(f"{_dotted(at)}.migrations must be text in quotes",
                                                        (*at, "migrations"), Project.model_fields["migrations"])))
    return (None if found or policy is None else Project(migrations=migrations, policy=policy)), found


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Tables melt into each other, anything else (lists too) is replaced."""
    both = {key for key in own if isinstance(own[key], dict) and isinstance(base.get(key), dict)}
    return {**base, **own, **{key: _merged(base[key], own[key]) for key in both}}


def _validated(data: dict[str, Any], also: tuple[str, ...] = ("projects",)) -> tuple[Policy | None, list[Found]]:
    try:
        return Policy.model_validate(data), []
    except ValidationError as error:
        details = error.errors(include_url=False)
        return None, [
            (_path(each), _saying(each, also)) for each in details if each["type"] != "default_factory_not_called"
        ]


def _path(error: ErrorDetails) -> toml_lines.Path:
    return tuple(part for part in error["loc"] if part != "[key]")


def _saying(error: ErrorDetails, also: tuple[str, ...]) -> str:
    path, kind, context = _path(error), error["type"], error.get("ctx", {})
    key, field = _dotted(path), _field(path)
    if kind == "extra_forbidden":
        return f"{key} is unknown{_nearest(path, also)}"
    if kind in ("model_type", "dict_type", "mapping_type"):
        return f"{key} must be a table, for example [{key}]"
    if kind in ("literal_error", "enum"):
        return f"{key} must be one of {_choices(context['expected'])}"
    if kind == "greater_than_equal":
        return _with_example(f"{key} must be {context['ge']} or more", path, field)
    if kind == "value_error":
        what = str(context["error"])
        return _with_example(f"{key} {what}", path, field) if what.startswith("must") else f"{key} {what}"
    return _with_example(f"{key} {SAYINGS.get(kind, error['msg'].lower())}", path, field)


def _choices(expected: str) -> str:
    return expected.replace("'", '"')


def _nearest(path: toml_lines.Path, also: tuple[str, ...]) -> str:
    model = _model(path[:-1])
    known = [*(model.model_fields if model else ()), *(also if len(path) == 1 else ())]
    near = get_close_matches(str(path[-1]), known, 1)
    if near:
        return f": did you mean {near[0]}"
    return f"; {_dotted(path[:-1]) or 'the file'} can have {', '.join(dict.fromkeys(known))}"


LISTED: Mapping[str | int, type[BaseModel]] = {"windows": Window, "mutes": Mute, "flags": Flag}
"""The tables of which there can be many."""


def _model(path: toml_lines.Path) -> type[BaseModel] | None:
    """The model that stands for a table of the file."""
    if not path:
        return Policy
    if len(path) == 2 and path[0] in LISTED:
        return LISTED[path[0]]
    inner = Policy.model_fields[str(path[0])].annotation if path[0] in Policy.model_fields else None
    return inner if len(path) == 1 and isinstance(inner, type) and issubclass(inner, BaseModel) else None


def _field(path: toml_lines.Path) -> FieldInfo | None:
    while path and isinstance(path[-1], int):
        path = path[:-1]
    model = _model(path[:-1]) if path else None
    return model.model_fields.get(str(path[-1])) if model else None


def _with_example(saying: str, path: toml_lines.Path, field: FieldInfo | None) -> str:
    if field is None:
        return saying
    default = field.default
    examples = field.examples or [format_duration(default) if isinstance(default, timedelta) else default]
    key = next(part for part in reversed(path) if isinstance(part, str))
    return f"{saying}, for example {key} = {json.dumps(examples[0], default=format_duration)}"


def _dotted(path: toml_lines.Path) -> str:
    """`windows[2].start`, counting list items from 1 as a person does."""
    text = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def project_names(path: Path) -> tuple[str, ...]:
    """The projects that a policy file names, even where it is otherwise wrong; for telling what is missing besides."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ()
    return tuple(dict.fromkeys(re.findall(r"^\s*\[projects\.([A-Za-z0-9_-]+)", text, re.MULTILINE)))
