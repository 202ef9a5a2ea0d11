"""A migration stays inside its database: no programs, no files of the server, no other servers."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.finding import Finding, Level, Tag
from bot.migrations.sql.rule import Rule, Statement
from bot.migrations.sql.tree import find, function

RULE = Rule(
    name="server-files", level=Level.BLOCK, tags=(Tag.DESTRUCTIVE, Tag.SECURITY),
    why="It reaches beyond the database: to programs and files of the server, or to other servers",
    effect="Data may leave, and nothing of it is rolled back with the transaction.",
    safe="INSERT INTO public.books (title) VALUES ('…');",
)
KINDS = ("*",)
_CALLS = {
    "pg_read_file", "pg_read_binary_file", "pg_ls_dir", "pg_stat_file", "pg_write_file", "pg_file_write", "lo_import",
    "lo_export", "pg_execute_server_program", "dblink", "dblink_exec", "dblink_connect", "dblink_connect_u",
    "dblink_send_query", "pg_reload_conf", "pg_logdir_ls", "pg_read_server_files",
}
_EXTENSIONS = {"dblink", "file_fdw", "postgres_fdw", "adminpack", "plpython3u", "plperlu"}
WORDS = ("copy", "pg_", "lo_", "dblink", "fdw", "load", "adminpack", "plp")


def statement(s: Statement) -> Iterator[Finding]:
    """COPY … PROGRAM, server files, dblink, file_fdw, LOAD."""
    if what := _reaches(s):
        yield RULE.at(s, f"{what}. {RULE.why}.")


def _reaches(s: Statement) -> str:
    node = s.node
    if s.kind == "CopyStmt" and node.get("is_program"):
        return "COPY … PROGRAM"
    if s.kind == "CopyStmt" and node.get("filename"):
        return "COPY with a file of the server"
    if s.kind == "LoadStmt":
        return "LOAD of a library"
    if s.kind == "CreateExtensionStmt" and node.get("extname") in _EXTENSIONS:
        return f"The extension {node['extname']}"
    if s.kind == "CreateForeignServerStmt" and node.get("fdwname") in _EXTENSIONS:
        return f"A server through {node['fdwname']}"
    called = sorted({function(call).rpartition(".")[2] for call in find(node, "FuncCall", "funccall")} & _CALLS)
    return f"{called[0]}()" if called else ""
