"""`stagedoor rehearse`: opens the stand-in world for people, or plays the script in it."""

from __future__ import annotations

import errno
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import psycopg
from rich.console import Console

from rehearsal import shop
from rehearsal.script import CY, GOOD, steps
from rehearsal.script_incident import report
from rehearsal.step import Step
from rehearsal.world import World

HINT = """
[bold]Stagedoor rehearses at {page}[/bold]

  1. Open the page. You are Ana. Type [bold]/migrate promote[/bold] in #deploys; nothing reaches production yet.
  2. The card says what is missing. Type [bold]/migrate stage[/bold]; then press [bold]Confirm[/bold] on each line
     that needs a person.
  3. Switch to Bo (on the left) and press [bold]Approve[/bold]: the migrations go into production, a real Postgres,
     are watched for 20 seconds, and the card says [bold]Done[/bold].

  Then a pull request is merged whose migration staging likes and production does not: try that one too.

  staging     {staging}
  production  {production}

Ctrl-C ends it and leaves nothing behind.
"""
COMMANDS = {
    "/migrate": "status, check, stage, restage, promote, rollback, baseline, checklist, backup, history, help",
    "/incident": "open, list, note, resolve, report, help",
    "/deploy": "window, windows, freeze, unfreeze, cancel, help",
}
"""What the page suggests when somebody types a slash: what this release understands."""

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# The sentry outlives this process by a moment. It waits for the end of its input, which only this process can write
# to: where that comes without a word, this process was killed, and the bot and its folder have to go all the same.
SENTRY = """
read -r word
[ "$word" = over ] && exit
kill -TERM "$1" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$1" 2>/dev/null || break; sleep 1; done
kill -KILL "$1" 2>/dev/null
rm -rf "$2"
"""


def by_hand(port: int) -> int:
    """Open the page and keep everything running until somebody ends it; returns the exit status."""
    console = Console(soft_wrap=True, highlight=False)
    try:
        with _endings():
            console.print("Starting Postgres, Slack's stand-in and the bot …", style="dim")
            with World(page_port=port, supabase=True, slack={"commands": COMMANDS}) as world, _bot_of(world):
                addresses = {"page": world.slack.page_url, "staging": world.staging, "production": world.production}
                console.print(HINT.format(**addresses))
                threading.Thread(target=_merge_later, args=(world,), daemon=True).start()
                _wait(world, console)
                console.print("The bot ended. The end of its log:", world.bot_log()[-3000:], markup=False)
            return 1
    except KeyboardInterrupt:
        console.print("Ended. Nothing is left behind.")
        return 0
    except (OSError, RuntimeError) as trouble:
        taken = isinstance(trouble, OSError) and trouble.errno == errno.EADDRINUSE
        why = f"port {port} is taken; --port 0 picks a free one" if taken else str(trouble)
        console.print(f"The rehearsal could not start: {why}", markup=False)
        return 1


def by_script() -> int:
    """Play every step, then print the transcript; 0 when all of them held, 1 otherwise."""
    console = Console(soft_wrap=True, markup=False, highlight=False)
    try:
        with _endings(), World(supabase=True) as world, _bot_of(world):
            held = all(_played(step, world, console) for step in steps(world))
            console.rule("Transcript")
            console.print(world.slack.transcript())
            console.rule("The report of the incident")
            console.print(report(world) or "There is none: a step before it did not hold.")
    except KeyboardInterrupt:
        console.print("Ended before the last step. Nothing is left behind.")
        return 1
    console.rule("Every step held" if held else "A step did not hold")
    return 0 if held else 1


def _played(step: Step, world: World, console: Console) -> bool:
    """Do one step and say how it went; where it did not hold, with the end of the bot's log."""
    began, trouble = time.monotonic(), "did not hold"
    try:
        held = bool(step.act())
    except Exception as error:  # a failed step is reported, with the transcript and the log
        held, trouble = False, f"{type(error).__name__}: {error}"
    console.print(f"{'✓' if held else '✗'} {step.says}  ({time.monotonic() - began:.1f} s)")
    if not held:
        console.print(f"  {trouble}\n\nThe bot's log:\n{world.bot_log()[-4000:]}")
    return held


@contextmanager
def _endings() -> Iterator[None]:
    """Ctrl-C, SIGTERM and a closed terminal end it in the same way; a second one does not hurry the cleaning."""
    def end(number: int, frame: FrameType | None) -> None:
        for each in ENDINGS:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for each in ENDINGS:
        signal.signal(each, end)
    yield


@contextmanager
def _bot_of(world: World) -> Iterator[None]:
    """The bot, with a sentry that ends it and removes the world's folder should this process be killed."""
    world.start_bot(wait=False)
    assert world.bot is not None
    sentry = subprocess.Popen(
        ["/bin/sh", "-c", SENTRY, "sentry", str(world.bot.pid), str(world.directory)],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )
    try:
        world.wait_ready()
        yield
    finally:
        world.end_bot()
        sentry.communicate(b"over\n")


def _wait(world: World, console: Console) -> None:
    """Stay until the bot ends by itself, which it should not, or somebody ends everything."""
    try:
        while world.bot is not None and world.bot.poll() is None:
            time.sleep(0.2)
    except KeyboardInterrupt:
        console.print("\nEnding …", style="dim")
        raise


def _merge_later(world: World) -> None:
    """Once the first migration is in production, a pull request with a bad one is merged."""
    while not _in_production(world):
        time.sleep(1)
    name = shop.merge_the_bad_one(world.migrations)
    world.slack.say(CY, "#deploys", f"I merged #49: {name} is in the folder. Ana, can you bring it in? /migrate stage")


def _in_production(world: World) -> bool:
    try:
        with psycopg.connect(world.production, connect_timeout=2) as connection:
            query = "select count(*) from supabase_migrations.schema_migrations where version = %s"
            return connection.execute(query, (GOOD,)).fetchone() == (1,)
    except psycopg.Error:
        return False
