"""Who can read or write what, worked out from grants, row level security and policies."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import cast

from bot.domain.catalog import Doc, Key, Snapshot

ROLES = ("anon", "authenticated", "service_role")
"""Whom the API lets a request be; what PUBLIC is granted reaches each of them."""
_COMMANDS = {"SELECT": "r", "INSERT": "a", "UPDATE": "w", "DELETE": "d"}
_INVOKER = {"security_invoker=on", "security_invoker=true", "security_invoker=1", "security_invoker=yes"}
_PAST_POLICIES = ("service_role",)

_FOR_TRIGGERS = re.compile(r"^ RETURNS (?:event_)?trigger$", re.MULTILINE)
"""Postgres calls such a function itself, and refuses everybody else."""

Access = dict[tuple[str, str, str], str]
"""How a role may do something with an object, in words: by role, object and command."""


def access(catalog: Snapshot) -> Access:
    """Everything that the roles of the API may do."""
    found: Access = {}
    policies: defaultdict[str, list[Key]] = defaultdict(list)
    for key in catalog.of_kind("policy"):
        policies[catalog.parents[key][0][1]].append(key)
    for key in catalog.of_kind("table", "view", "matview", "function"):
        schema = catalog.objects.get(catalog.parents[key][0], {})
        for role in ROLES:
            if "U" not in _letters(schema, role):
                continue
            if key[0] == "function":
                if "X" in _letters(catalog.objects[key], role) and not _FOR_TRIGGERS.search(_words(key, catalog)):
                    found[role, key[1], "execute"] = _as_whom(catalog.objects[key])
            else:
                found |= _of_relation(role, key, catalog, policies[key[1]])
    return found


def access_diff(before: Snapshot, after: Snapshot) -> tuple[str, ...]:
    """Sentences such as `anon can now SELECT my_table (policy new_policy, using true)`; widened access first."""
    had, has = access(before), access(after)
    now: defaultdict[tuple[str, str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for role, name, command in sorted({*had, *has}, key=_place):
        was, is_ = had.get((role, name, command)), has.get((role, name, command))
        if was == is_:
            continue
        verb = "can now" if was is None else "can no longer" if is_ is None else "can differently"
        how = was if is_ is None else is_ if was is None else f"{is_}; before: {was}"
        now[verb, name, "" if is_ is None else str(how)][command].append(role)
    return tuple(
        _sentence(verb, name, how, commands) for (verb, name, how), commands in sorted(now.items(), key=_widest)
    )


def widened(before: Snapshot, after: Snapshot) -> bool:
    """Whether anon or authenticated can do what they could not do before."""
    had = access(before)
    return any(what not in had and what[0] != "service_role" for what in access(after))


def _of_relation(role: str, key: Key, catalog: Snapshot, policies: list[Key]) -> Access:
    doc, found = catalog.objects[key], Access()
    for command, letter in _COMMANDS.items():
        if key[0] == "matview" and command != "SELECT":
            continue
        columns = [] if letter in _letters(doc, role) else _columns(letter, role, key[1], catalog)
        if letter not in _letters(doc, role) and not columns:
            continue
        how = _rows(role, key, doc, command, catalog, policies)
        if how is not None:
            only = f"only {', '.join(columns)}; " if columns else ""
            found[role, key[1], command] = f"{only}{how}"
    return found


def _columns(letter: str, role: str, table: str, catalog: Snapshot) -> list[str]:
    keys = (("column", f"{table}.{column}") for column in catalog.order.get(table, ()))
    return [key[1].rpartition(".")[2] for key in keys if letter in _letters(catalog.objects[key], role)]


def _rows(role: str, key: Key, doc: Doc, command: str, catalog: Snapshot, policies: list[Key]) -> str | None:
    """Which rows, in words; None where no policy lets any through."""
    if key[0] != "table":
        options = cast(list[str], doc.get("options") or [])
        invoker = bool(_INVOKER & set(options))
        return "with the caller's own rights" if invoker else f"with the rights of {doc['owner']}"
    if role in _PAST_POLICIES:
        return "past every policy"
    if not doc.get("rls"):
        return "every row: row level security is off"
    own = [
        policy for policy in policies
        if catalog.objects[policy]["command"] in ("ALL", command)
        and {role, "PUBLIC"} & set(cast(list[str], catalog.objects[policy]["roles"]))
    ]
    allowing = [policy for policy in own if not catalog.objects[policy].get("restrictive")]
    if not allowing:
        return None
    return "; ".join(_policy(policy, catalog) for policy in sorted(own))


def _policy(key: Key, catalog: Snapshot) -> str:
    doc = catalog.objects[key]
    name = key[1].removeprefix(catalog.parents[key][0][1] + ".")
    parts = [f"{part} {_short(str(doc[part]))}" for part in ("using", "check") if doc.get(part)]
    return ", ".join([f"{'restrictive ' if doc.get('restrictive') else ''}policy {name}", *parts])


def _words(key: Key, catalog: Snapshot) -> str:
    return str(catalog.objects[key].get("definition", ""))


def _as_whom(doc: Doc) -> str:
    return f"with the rights of {doc['owner']}" if doc.get("definer") else "with the caller's own rights"


def _letters(doc: Doc, role: str) -> str:
    acl = cast(dict[str, str], doc.get("acl") or {})
    return acl.get(role, "") + acl.get("PUBLIC", "")


def _sentence(verb: str, name: str, how: str, commands: dict[str, list[str]]) -> str:
    roles: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for command, who in commands.items():
        roles[tuple(who)].append(command)
    plain = name.removeprefix("public.")
    said = [f"{_and(who)} {verb} {', '.join(does)} {plain}" for who, does in roles.items()]
    return "; ".join(said) + (f" ({how})" if how else "")


def _and(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _widest(item: tuple[tuple[str, str, str], object]) -> tuple[int, str, str]:
    (verb, name, how), _ = item
    return (("can now", "can differently", "can no longer").index(verb), name, how)


def _place(what: tuple[str, str, str]) -> tuple[str, str, int]:
    role, name, command = what
    return role, name, [*_COMMANDS, "execute"].index(command)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 100 else text[:99] + "…"
