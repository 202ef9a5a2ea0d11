"""The command `stagedoor`: reads the settings and opens the right door."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer

app = typer.Typer(
    name="stagedoor", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Database migrations enter production through Slack: gates, approval, apply, verify, watch.",
)
audit = typer.Typer(no_args_is_help=True, help="The journal's hash chain.")
app.add_typer(audit, name="audit")
journal = typer.Typer(no_args_is_help=True, help="The journal as a whole.")
app.add_typer(journal, name="journal")


class Format(StrEnum):
    """How `check` writes its findings."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


class Least(StrEnum):
    """From which level on `check` fails."""

    BLOCK = "block"
    WARN = "warn"


class Paper(StrEnum):
    """How `report` is written."""

    MD = "md"
    HTML = "html"
    JSON = "json"


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"stagedoor {version('stagedoor')}")
        raise typer.Exit


@app.callback()
def stagedoor(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Say which release this is."),
    ] = False,
) -> None:
    """Options of the program itself."""


# Each command imports what it needs: `audit verify` must not wait for Slack's SDK, nor `serve` for the rehearsal.


@app.command()
def serve() -> None:
    """Run the bot until SIGTERM."""
    from bot.settings import Settings

    with _trouble_said():
        settings = Settings.load()
        from bot.serving import run

        raise typer.Exit(run(settings))


@app.command()
def rehearse(
    scripted: Annotated[bool, typer.Option(help="Play it to the end by itself, and print the transcript.")] = False,
    port: Annotated[int, typer.Option(help="Where the page is; 0 picks a free port.")] = 8877,
) -> None:
    """The whole product on this machine with nothing else: Postgres, a stand-in for Slack, and the bot."""
    from rehearsal.play import by_hand, by_script

    raise typer.Exit(by_script() if scripted else by_hand(port))


@app.command()
def doctor() -> None:
    """Check configuration, Slack and databases; one line each, with the mend."""
    from itertools import chain

    from bot.doctor import examine as look_around
    from bot.doctor.finding import unknown, wrong
    from bot.scrub import Scrubber
    from bot.settings import ConfigurationError, Settings
    from handlers.doctor import examine as look_at_slack

    try:
        settings = Settings.load()
    except ConfigurationError as error:
        for problem in error.problems:
            typer.echo(str(wrong("configuration", problem, "")))
        typer.echo(str(unknown("Slack and databases", "they can be looked at once the configuration is mended.")))
        raise typer.Exit(1) from None
    scrub, good = Scrubber(settings.secrets()), True
    typer.echo("✓ ok  configuration: every variable and the policy file can be read.")
    for finding in chain(look_at_slack(settings), look_around(settings, os.environ)):
        typer.echo(scrub(str(finding)))
        good = good and finding.good
    raise typer.Exit(0 if good else 1)


@app.command()
def manifest(
    url: Annotated[str, typer.Option(help="Where Slack reaches the bot; otherwise STAGEDOOR_URL says so.")] = "",
    socket_mode: Annotated[bool, typer.Option("--socket-mode", help="For a bot without a public address.")] = False,
) -> None:
    """Print the manifest from which Slack makes the app."""
    import json

    from bot.errors import StagedoorError
    from bot.settings import door
    from handlers.manifest import manifest as made
    from handlers.subjects import vocabulary

    try:
        found = door({**os.environ, "STAGEDOOR_URL": url} if url else os.environ)
    except StagedoorError as wrong:
        _complain(str(wrong))
        raise typer.Exit(2) from None
    by_socket = socket_mode or (found.socket_mode and not url)
    if not by_socket and not found.stagedoor_url.startswith("https://"):
        _complain(
            "Slack has to know where to reach the bot: set STAGEDOOR_URL to an https:// address (or give --url), "
            "or print the manifest for Socket Mode, which needs no address, with --socket-mode.",
        )
        raise typer.Exit(2)
    typer.echo(json.dumps(made(vocabulary(), "" if by_socket else found.stagedoor_url), indent=2, ensure_ascii=False))


@app.command()
def check(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="[PATH]...", help="Files or folders; otherwise the migrations folder.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How findings are written.")] = Format.TEXT,
    fail_on: Annotated[Least, typer.Option(help="The least level that makes the exit status 1.")] = Least.BLOCK,
) -> None:
    """Say what migrations would lock, lose or open; no Slack and no database needed."""
    import gc

    from bot.check_command import run

    gc.disable()  # it ends soon, and looking for circles in a thousand files' findings takes a fifth of its own time
    code, said, complaint = run(paths or [], form.value, fail_on.value, os.environ)
    if said:
        sys.stdout.buffer.write(f"{said}\n".encode("utf-8", "backslashreplace"))
    if complaint:
        _complain(complaint)
    raise typer.Exit(code)


@app.command()
def workflow(
    by_cli: Annotated[bool, typer.Option("--by-cli", help="The one in which the Supabase CLI stages.")] = False,
) -> None:
    """Print a GitHub Actions workflow that checks and tests migrations: `… > .github/workflows/migrations.yml`."""
    from templates.documents import workflow as written

    typer.echo(written(by_cli=by_cli), nl=False)


@app.command()
def checklist(promotion: Annotated[str, typer.Argument(help="Its id: P-31.")]) -> None:
    """Write a promotion's checklist as Markdown, as it was ticked, for its pull request."""
    from handlers.paper import promotion_checklist

    _write(lambda: promotion_checklist(promotion.upper()))


@app.command()
def report(
    incident: Annotated[str, typer.Argument(help="Its id: INC-7, or 7.")],
    form: Annotated[Paper, typer.Option("--format", help="How it is written.")] = Paper.MD,
) -> None:
    """Write an incident's report as the journal gives it; neither Slack nor a running bot is needed."""
    from handlers.paper import incident_report

    _write(lambda: incident_report(incident, form.value))


@app.command()
def new(name: Annotated[str, typer.Argument(help="What it does, in small letters: add_subtitle.")]) -> None:
    """Write an empty migration and its rollback, with the runbook's header."""
    from bot.check_command import migrations_folder
    from bot.errors import StagedoorError
    from bot.migrations.skeleton import write

    try:
        for path in write(name, migrations_folder(os.environ)):
            typer.echo(str(path))
    except StagedoorError as wrong:
        _complain(str(wrong))
        raise typer.Exit(2) from None


@audit.command()
def verify(
    against: Annotated[str | None, typer.Option(
        help="A journal head noted earlier, as a Done card shows it or whole; it must be part of the chain.",
    )] = None,
) -> None:
    """Recompute the chain; exit status 1 names the first bad entry."""
    import re
    from contextlib import closing

    from bot.adapters.system_clock import SystemClock
    from bot.domain.entry import audit as recompute
    from bot.errors import Unknown
    from bot.scrub import Scrubber
    from bot.settings import store_address
    from bot.stores import store_at

    if against is not None and not re.fullmatch(r"[0-9a-f]{12,64}", against):
        _complain("--against takes a journal head as a Done card shows it: 12 to 64 of the digits 0-9 and a-f.")
        raise typer.Exit(2)
    with _trouble_said():
        place = store_at(store_address())
        if not place.exists():
            raise Unknown(f"There is no journal in {place.name}; STAGEDOOR_STORE_URL says where it is.")
        with closing(place.open(SystemClock(), Scrubber(()))) as opened:
            found = recompute(opened.entries(), against, opened.salted)
    if found.broken_at is not None:
        _complain(f"Broken at entry {found.broken_at}: {found.why}.")
        raise typer.Exit(1)
    typer.echo(f"Intact: {found.entries} entries, head {found.head}")


@journal.command("copy")
def copy_journal(
    source: Annotated[str, typer.Argument(metavar="FROM", help="Its address, or the variable that holds it.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="A new store: its address, or the variable.")],
) -> None:
    """Move a team over: everything of a store into a new one, with every entry's hash as it is.

    Neither may be served meanwhile. An address with a password is better named by a variable (OLD_STORE_URL), since
    others on this machine can read a command line.
    """
    from bot.adapters.system_clock import SystemClock
    from bot.journal_copy import copy
    from bot.settings import address_of
    from bot.stores import store_at

    with _trouble_said():
        done = copy(store_at(address_of(source)), store_at(address_of(target)), SystemClock(), typer.echo)
    typer.echo(f"Copied and verified: {done.entries} entries, head {done.head}")
    typer.echo("Now name the new store in STAGEDOOR_STORE_URL and put the old one away: it would go on by itself.")


def _write(make: Callable[[], str]) -> None:
    """A document to standard output as UTF-8, or what is wrong."""
    with _trouble_said():
        sys.stdout.buffer.write(make().encode("utf-8", "backslashreplace"))


@contextmanager
def _trouble_said() -> Iterator[None]:
    """What goes wrong as a sentence; the exit status tells the configuration (2) from the rest (1)."""
    from bot.errors import StagedoorError
    from bot.settings import ConfigurationError

    try:
        yield
    except ConfigurationError as wrong:
        _complain(str(wrong))
        raise typer.Exit(2) from None
    except StagedoorError as trouble:
        _complain(str(trouble))
        raise typer.Exit(1) from None


def _complain(text: str) -> None:
    typer.echo(text, err=True)


def main() -> None:
    """The console script."""
    app(prog_name="stagedoor")
