"""The incident of the scripted rehearsal: opened, led, decided, resolved, and its report published."""

from __future__ import annotations

from collections.abc import Iterator

from rehearsal.slack import Message
from rehearsal.step import PATIENCE, Step, private
from rehearsal.world import World

BO, CY, SAM = "U0BO00001", "U0CY00001", "U0SAM0001"
TITLE = "The bestseller lists are empty"
PLACE = "#incidents"
REPORT = "INC-1-report.md"
NO_SUBTITLE = """\
select not exists (
  select from information_schema.columns where table_name = 'books' and column_name = 'subtitle'
)"""


def incident(world: World) -> Iterator[Step]:
    """Every step, in order."""
    slack = world.slack
    opening = f"/incident open {TITLE}"
    yield Step("readers complain; sam opens an incident", lambda: slack.command(SAM, opening, PLACE).ok)
    told = {
        "broken": "Every list is empty", "impact": "Nobody finds a book", "people": "300", "actions": "P-1 rolled back",
    }
    yield Step("  what is broken, for how many: about 300", lambda: _filled(world, SAM, "Open an incident", told))
    yield Step("  its card stands in #incidents", lambda: card(world, "Nobody leads yet"))
    yield Step("  its thread opens with what changed", lambda: _thread(world, "What changed in the last 24 h"))
    yield Step("bo takes command", lambda: slack.press(BO, card(world), "Take command").ok)
    yield Step("  the card names him", lambda: card(world, "commander <@U0BO00001>"))
    yield Step("sam writes in the thread", lambda: slack.say(SAM, PLACE, "The lists are back for me", card(world).ts))
    yield Step("bo resolves it", lambda: slack.press(BO, card(world), "Resolve").ok)
    fixed = {"text": "R-1 took P-1 back"}
    yield Step("  what fixed it: the rollback", lambda: _filled(world, BO, "Resolve INC-1", fixed))
    yield Step("  its report is due tomorrow, bo owns it", lambda: card(world, "Report due"))
    yield Step("bo asks for it: /incident report INC-1", lambda: slack.command(BO, "/incident report INC-1", PLACE).ok)
    yield Step("  what is missing is listed", lambda: private(world, BO, "Still missing: Root cause"))
    yield Step("bo fills in what only people know", lambda: _press(world, "Fill in") and _filled(
        world, BO, "Report of INC-1", {
            "summary": "A new column emptied the bestseller lists. It was rolled back. No data was lost.",
            "root_cause": "The lists select every column, and the app refuses one that it does not know.",
            "went_well": "The way back was proven before the promotion.",
            "went_badly": "Staging has no lists that are read as in production.",
            "lessons": "Name the columns that a list reads.",
        }))
    yield Step("  kept", lambda: private(world, BO, "Kept."))
    measure = {"what": "No subtitle in books until the lists name their columns", "who": CY, "test": NO_SUBTITLE}
    yield Step("bo adds a measure for cy, with a test", lambda: _press(world, "Add a measure") and _filled(
        world, BO, "A measure of INC-1", measure))
    yield Step("  it is followed from now on", lambda: private(world, BO, "is added; it is reminded of"))
    yield Step("cy accepts the test: every later promotion runs it", lambda: slack.press(
        CY, _followed(world), "Accept the test").ok)
    yield Step("bo publishes the report", lambda: _press(world, "Publish"))
    yield Step("  it is in the thread", lambda: slack.wait_for(
        lambda: report(world), timeout=PATIENCE, why="the report"))
    yield Step("  the card says so", lambda: card(world, "Report published"))


def report(world: World) -> str:
    """The published report, as Markdown; nothing before it stands in Slack."""
    found = [file for file in world.slack.files() if file.name == REPORT and file.content]
    return (found[0].content or b"").decode() if found else ""


def card(world: World, says: str = "") -> Message:
    """The incident's card, once it says so."""
    def found() -> Message | None:
        for message in world.slack.messages(PLACE):
            text = world.slack.text_of(message)
            if not message.in_thread and "INC-1 ·" in text and (says in text or says in message.text):
                return message
        return None

    return world.slack.wait_for(found, timeout=PATIENCE, why=f"a card that says “{says}”")


def _followed(world: World) -> Message:
    def found() -> Message | None:
        texts = ((message, world.slack.text_of(message)) for message in world.slack.messages(PLACE))
        return next((message for message, text in texts if "M-1 · of INC-1" in text), None)

    return world.slack.wait_for(found, timeout=PATIENCE, why="the card of what follows")


def _thread(world: World, says: str) -> bool:
    def found() -> bool:
        return any(says in world.slack.text_of(message) for message in world.slack.thread(card(world)))

    return world.slack.wait_for(found, timeout=PATIENCE, why=f"a line that says “{says}”")


def _press(world: World, words: str) -> bool:
    """A button of the private answer about the report."""
    return world.slack.press(BO, private(world, BO, "Still missing: Root cause"), words).ok


def _filled(world: World, user: str, title: str, values: dict[str, str]) -> bool:
    """Fill in the modal with this title."""
    world.slack.wait_for(
        lambda: (m := world.slack.modal(user)) and title in m.title, timeout=PATIENCE, why=f"the modal “{title}”",
    )
    return world.slack.submit(user, values=values).ok
