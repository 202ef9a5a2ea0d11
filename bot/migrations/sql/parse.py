"""libpg_query, as postgast ships it, through its JSON: the parser of Postgres itself. For the guarded process alone.

postgast's own classes are protobuf, whose decoder gives up at 100 levels (200 chained operators) and takes a third of
a second to import; the library's JSON has neither limit, and msgspec reads it five times as fast.
"""

from __future__ import annotations

import ctypes
import re
from ctypes import POINTER, Structure, c_char_p, c_int
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from bot.migrations.sql.rule import Unparsable


class _Error(Structure):
    _fields_ = (
        ("message", c_char_p), ("funcname", c_char_p), ("filename", c_char_p), ("lineno", c_int),
        ("cursorpos", c_int), ("context", c_char_p),
    )


class _Parsed(Structure):
    _fields_ = (("tree", c_char_p), ("stderr", c_char_p), ("error", POINTER(_Error)))


class _Body(Structure):
    _fields_ = (("tree", c_char_p), ("error", POINTER(_Error)))


def _library() -> ctypes.CDLL:
    spec = find_spec("postgast")
    if spec is None or spec.origin is None:
        raise OSError("postgast is not installed")
    found = [path for path in Path(spec.origin).parent.iterdir() if path.name.startswith(("libpg_query", "pg_query.d"))]
    library = ctypes.CDLL(str(next(path for path in found if path.suffix in (".so", ".dylib", ".dll"))))
    for name, result in (("parse", _Parsed), ("parse_plpgsql", _Body)):
        call = getattr(library, f"pg_query_{name}")
        call.argtypes, call.restype = [c_char_p], result
        free = getattr(library, f"pg_query_free_{name.removeprefix('parse_')}_{'parse_' if '_' in name else ''}result")
        free.argtypes, free.restype = [result], None
    return library


_LIB = _library()
_TREES: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def parse(sql: bytes) -> list[dict[str, Any]]:
    """The statements: `stmt` is the tree; `stmt_location` and `stmt_len` say where in bytes. Raises `Unparsable`."""
    result = _LIB.pg_query_parse(sql)
    try:
        _raise(result)
        return list(_read(result.tree)["stmts"]) if result.tree else []
    except KeyError:
        return []
    finally:
        _LIB.pg_query_free_parse_result(result)


def parse_body(sql: bytes) -> Any:
    """A DO block or CREATE FUNCTION in PL/pgSQL, as its own tree. Raises `Unparsable`."""
    result = _LIB.pg_query_parse_plpgsql(sql)
    try:
        _raise(result)
        return _read(_STRAY.sub(_mended, result.tree)) if result.tree else []
    finally:
        _LIB.pg_query_free_plpgsql_parse_result(result)


# Of a trigger function libpg_query closes each variable of a kind that it does not know (TG_OP and the like) once too
# often. An element of a list cannot be `{}}`; what stands in a text stays as it is.
_STRAY = re.compile(rb'"(?:[^"\\]|\\.)*"|(?<=[\[,])\{\}\}(?=[,\]])', re.DOTALL)


def _mended(found: re.Match[bytes]) -> bytes:
    return b"{}" if found[0] == b"{}}" else found[0]


def _read(tree: bytes) -> Any:
    try:
        return _TREES.decode(tree)
    except RecursionError:
        raise Unparsable("it is nested too deep to be analysed") from None
    except ValueError:
        raise Unparsable("the parser's answer cannot be read") from None


def _raise(result: Any) -> None:
    if result.error:
        error = result.error.contents
        raise Unparsable((error.message or b"").decode("utf-8", errors="replace"), error.cursorpos - 1)
