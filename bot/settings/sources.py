"""Where variables come from: the environment, then a `.env` file; an empty one counts as missing."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from dotenv.parser import parse_stream
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.settings.variables import EVERY, MENDS

Model = TypeVar("Model", bound=BaseModel)


def gather(environ: Mapping[str, str], dotenv: Path | None) -> tuple[dict[str, str], list[str]]:
    """All variables that are set, the environment's first, and what is wrong with the `.env` file.

    Nothing is interpolated: a password may hold a dollar sign.
    """
    from_file, problems = _read_dotenv(dotenv) if dotenv else ({}, [])
    filled = {key: value.strip() for key, value in environ.items() if value.strip()}
    return {**from_file, **filled}, problems


def _read_dotenv(path: Path) -> tuple[dict[str, str], list[str]]:
    try:
        with path.open(encoding="utf-8-sig") as stream:
            bindings = list(parse_stream(stream))
    except FileNotFoundError:
        return {}, []
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        return {}, [f"{path} cannot be read: {why}."]
    problems = [
        f'{path}, line {each.original.line}: this is no variable; write NAME=value, or NAME="value".'
        for each in bindings if each.error
    ]
    pairs = {each.key: each.value.strip() for each in bindings if each.key and each.value}
    return {key: value for key, value in pairs.items() if value}, problems


def read(
    model: type[Model], values: Mapping[str, str], *, prefix: str = "", own: tuple[str, ...] = (),
    given: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[Model | None, list[str]]:
    """A model filled from its variables, or the problems with them.

    With a prefix each variable is looked for under its longer name; those not in `own` fall back to the short one.
    What is `given` is no variable.
    """
    data: dict[str, Any] = dict(given)
    origin: dict[str, str] = {}
    for field in model.model_fields.keys() - given.keys():
        name = field.upper()
        origin[field] = prefix + name
        if prefix + name not in values and name not in own and name in values:
            origin[field] = name
        if origin[field] in values:
            data[field] = values[origin[field]]
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        return None, [_problem(each, origin[str(each["loc"][0])], values) for each in details]


def _problem(error: ErrorDetails, variable: str, values: Mapping[str, str]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        return missing(variable, values)
    if kind == "literal_error":
        return f"{variable} must be one of {context['expected']}.".replace("'", "")
    return f"{variable} {context['error'] if kind == 'value_error' else 'has a value that cannot be used'}."


def missing(variable: str, values: Mapping[str, str], mend: str = "") -> str:
    """That a variable is missing, how to get it, and which similar name is set instead."""
    mend = mend or next((MENDS[name] for name in MENDS if variable.endswith(name)), "set it")
    strangers = [name for name in values if name not in EVERY]
    near = get_close_matches(variable, strangers, 1, 0.9)
    return f"{variable} is missing: {mend}" + (f" ({near[0]} is set: is the name mistyped?)." if near else ".")
