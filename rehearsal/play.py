"""`stagedoor rehearse`: opens the stand-in world for people, or plays the script in it."""

from __future__ import annotations

import threading
import time

import psycopg
from rich.console import Console

from rehearsal import shop
from rehearsal.script import ANA, GOOD, steps
from rehearsal.world import World

HINT = """
[bold]Stagedoor rehearses at {page}[/bold]

  1. Open the page. You are ana; type [bold]/migrate promote[/bold] in #deploys.
  2. The card asks for staging first: type [bold]/migrate stage[/bold], then press [bold]Confirm[/bold] on its lines.
  3. Switch to bo (top right) and press [bold]Approve[/bold]: the migration goes into a real Postgres.

  Afterwards a second migration is merged that staging likes and production does not.
  production: psql {production}

Ctrl-C ends it and leaves nothing behind.
"""


def by_hand(port: int) -> int:
    """Open the page and keep everything running until Ctrl-C; returns the exit status."""
    console = Console()
    with console.status("Starting Postgres, Slack's stand-in and the bot …"):
        world = World(page_port=port)
        world.__enter__()
    try:
        world.start_bot()
        console.print(HINT.format(page=world.slack.page_url, production=world.production), highlight=False)
        threading.Thread(target=_merge_later, args=(world,), daemon=True).start()
        while world.bot is not None and world.bot.poll() is None:
            time.sleep(0.5)
        console.print("The bot ended. The end of its log:", world.bot_log()[-3000:])
        return 1
    except KeyboardInterrupt:
        console.print("\nEnding.")
        return 0
    finally:
        world.__exit__(None, None, None)


def by_script() -> int:
    """Play every step, then print the transcript; 0 when all of them held, 1 otherwise."""
    console = Console(soft_wrap=True)
    held = True
    with World() as world:
        world.start_bot()
        for step in steps(world):
            began = time.monotonic()
            try:
                held = bool(step.act())
                trouble = "" if held else "did not hold"
            except Exception as error:  # a failed step is reported below, with the transcript and the log
                held, trouble = False, f"{type(error).__name__}: {error}"
            took = time.monotonic() - began
            console.print(f"{'✓' if held else '✗'} {step.says}  ({took:.1f} s)", markup=False, highlight=False)
            if not held:
                report = f"  {trouble}\n\nThe bot's log:\n{world.bot_log()[-4000:]}"
                console.print(report, markup=False, highlight=False)
                break
        console.rule("Transcript")
        console.print(world.slack.transcript(), markup=False, highlight=False)
    console.rule("Every step held" if held else "A step did not hold")
    return 0 if held else 1


def _merge_later(world: World) -> None:
    """Once the first migration is in production, a pull request with the second one is merged."""
    while not _in_production(world):
        time.sleep(1)
    name = shop.merge_the_bad_one(world.migrations)
    world.slack.say(ANA, "#deploys", f"Merged #49: {name} is in the folder now. Next: /migrate stage")


def _in_production(world: World) -> bool:
    try:
        with psycopg.connect(world.production, connect_timeout=2) as connection:
            query = "select count(*) from supabase_migrations.schema_migrations where version = %s"
            return connection.execute(query, (GOOD,)).fetchone() == (1,)
    except psycopg.Error:
        return False
