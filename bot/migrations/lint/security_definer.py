"""A SECURITY DEFINER function fixes its search_path."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import Node, dotted, find, opened, option, quoted, strings, word

RULE = Rule(
    name="security-definer", level=Level.BLOCK, tags=(Tag.SECURITY,),
    why="It runs with its owner's rights, and a caller who sets search_path decides what its names mean",
    effect="Whoever may call it can run anything as its owner.",
    safe="CREATE FUNCTION public.book_count() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = ''\n"
         "AS $$ SELECT count(*) FROM public.books $$;",
)
OPEN = "SECURITY DEFINER without SET search_path"
# Possessive throughout: a string of nothing but apostrophes could else be taken apart in countless ways.
_EXECUTES = re.compile(rb"\bexecute\s++((?:'(?:[^']|'')*+'|(?!\s(?:into|using)\s)[^;'])*+)")
_CASED = re.compile(rb"\b(?:lower|upper|trim|btrim)\s*+\(([^()]*+)\)")
_QUOTED = re.compile(rb"\b(?:quote_ident|quote_literal|quote_nullable|length)\s*+\([^()]*+\)")
_FORMAT = re.compile(rb"\bformat\s*+\(\s*+'((?:[^']|'')*+)'((?:'(?:[^']|'')*+'|[^()']|\([^()]*+\))*+)\)")
_STRING = re.compile(rb"'(?:[^']|'')*+'")
_NO_TEXTS = {
    "int2", "int4", "int8", "serial", "bigserial", "float4", "float8", "numeric", "bool", "uuid", "oid", "date", "time",
    "timetz", "timestamp", "timestamptz", "interval", "regclass", "regtype", "regproc", "regprocedure", "regrole",
    "inet", "money", "bytea",
}
"""Types whose values hold no words of SQL but quoted ones."""
KINDS = ("CreateFunctionStmt", "AlterFunctionStmt")
WORDS = ("definer", "reset", "default")


def _repeats(s: Statement) -> Iterator[Finding]:
    """EXECUTE of a parameter as it is: whoever may call the function may run anything as its owner."""
    given = {
        str(one.get("name", "")).lower() for one in find(s.node.get("parameters", ()), "FunctionParameter")
        if (strings(one.get("argType", {}).get("names")) or [""])[-1] not in _NO_TEXTS
    } - {""}
    for match in _EXECUTES.finditer(s.low) if given else ():
        bare = _STRING.sub(b"", _QUOTED.sub(b"", _FORMAT.sub(_unquoted, _CASED.sub(rb" \1 ", match[1]))))
        if name := next((word for word in re.findall(r"\w+", bare.decode("utf-8", "replace")) if word in given), ""):
            yield RULE.at(
                s, f"{dotted(strings(s.node.get('funcname')))} is SECURITY DEFINER and EXECUTEs {name}, whatever its "
                "caller passes.", safe="-- write out the statement that it is for, with parameters as values: USING …\n"
                "-- names that have to be put together: format('… %I …', name)",
            )
            return


def _loosens(item: Node) -> bool:
    setting = opened(item["DefElem"].get("arg", {}))[1] if item["DefElem"]["defname"] == "set" else {}
    gone = setting.get("kind") in ("VAR_RESET", "VAR_SET_DEFAULT") and setting.get("name") == "search_path"
    return gone or setting.get("kind") == "VAR_RESET_ALL"


def _unquoted(called: re.Match[bytes]) -> bytes:
    """Of a format() what it puts in as it is: all of its arguments where there is a %s."""
    return called[2] if re.search(rb"%[-\d$]*s", called[1]) else b""


def statement(s: Statement) -> Iterator[Finding]:
    """SECURITY DEFINER without SET search_path; ALTER FUNCTION … SECURITY DEFINER likewise; RESET search_path."""
    creating = s.kind == "CreateFunctionStmt"
    options = s.node.get("options" if creating else "actions", ())
    if not creating and any(map(_loosens, options)):
        name = dotted(strings(s.node.get("func", {}).get("objname")))
        yield RULE.at(
            s, f"{name} loses its search_path. If it is SECURITY DEFINER, a caller decides what its names mean.",
            level=Level.WARN, effect="Whoever may call such a function can run anything as its owner.",
            safe=f"ALTER FUNCTION {quoted(name)} SET search_path = '';",
        )
    if word(option(options, "security")) != "true":
        return
    if creating:
        yield from _repeats(s)
    settings = [opened(item["DefElem"].get("arg", {}))[1] for item in options if item["DefElem"]["defname"] == "set"]
    if not any(setting.get("name") == "search_path" for setting in settings):
        parts = s.node.get("funcname") if creating else s.node.get("func", {}).get("objname")
        name = dotted(strings(parts))
        yield RULE.at(
            s, f"{name} is {OPEN}. {RULE.why}.",
            safe=f"ALTER FUNCTION {quoted(name)} SET search_path = ''; -- and write its names with their schema",
        )
