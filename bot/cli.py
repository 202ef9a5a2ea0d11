"""The command `stagedoor`: reads the settings and opens the right door."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(
    name="stagedoor", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Database migrations enter production through Slack: gates, approval, apply, verify, watch.",
)
audit = typer.Typer(no_args_is_help=True, help="The journal's hash chain.")
app.add_typer(audit, name="audit")

# Each command imports what it needs: `audit verify` must not wait for Slack's SDK, nor `serve` for the rehearsal.


@app.command()
def serve() -> None:
    """Run the bot until SIGTERM."""
    from bot.errors import StagedoorError
    from bot.settings import ConfigurationError, Settings

    try:
        settings = Settings.load()
        from bot.serving import run

        raise typer.Exit(run(settings))
    except ConfigurationError as wrong:
        _complain(str(wrong))
        raise typer.Exit(2) from None
    except StagedoorError as trouble:
        _complain(str(trouble))
        raise typer.Exit(1) from None


@app.command()
def rehearse(
    scripted: Annotated[bool, typer.Option(help="Play it to the end by itself, and print the transcript.")] = False,
    port: Annotated[int, typer.Option(help="Where the page is; 0 picks a free port.")] = 8877,
) -> None:
    """The whole product on this machine with nothing else: Postgres, a stand-in for Slack, and the bot."""
    from rehearsal.play import by_hand, by_script

    raise typer.Exit(by_script() if scripted else by_hand(port))


@audit.command()
def verify(
    against: Annotated[str, typer.Option(help="A head hash noted earlier; it must be part of the chain.")] = "",
) -> None:
    """Recompute the chain; exit status 1 names the first bad entry."""
    from bot.adapters.sqlite_journal import SqliteJournal
    from bot.adapters.system_clock import SystemClock
    from bot.domain.entry import audit as recompute
    from bot.errors import StagedoorError, Unknown
    from bot.scrub import Scrubber
    from bot.settings import store_path

    try:
        path = store_path()
        if not path.exists():
            raise Unknown(f"There is no store at {path}; STAGEDOOR_STORE_URL says where it is.")
        journal = SqliteJournal(path, SystemClock(), Scrubber(()))
        found = recompute(journal.entries(), against or None)
        journal.close()
    except StagedoorError as trouble:
        _complain(str(trouble))
        raise typer.Exit(1) from None
    if found.broken_at is not None:
        _complain(f"Broken at entry {found.broken_at}: {found.why}.")
        raise typer.Exit(1)
    typer.echo(f"Intact: {found.entries} entries, head {found.head}")


def _complain(text: str) -> None:
    typer.echo(text, err=True)


def main() -> None:
    """The console script."""
    app(prog_name="stagedoor")
