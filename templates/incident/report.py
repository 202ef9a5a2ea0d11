"""An incident's report in Slack: how it stands, its modals, its lines in the thread, and the card of what follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from bot.domain.draft import FIELDS, Draft, Measure
from bot.domain.entry import Entry, Json
from bot.domain.follow import Follow
from bot.domain.incident import Incident
from bot.domain.report import IncidentReport
from templates.blocks import (
    Block,
    Mark,
    Message,
    actions,
    bold,
    button,
    code,
    confirm,
    context,
    line,
    lines,
    link,
    mention,
    modal,
    moment_input,
    notice,
    person_input,
    preformatted,
    section,
    text_input,
    when,
)

REPORT = "report.show"
FILL, ADD, HAND_OVER, PUBLISH = "report.fill", "report.add", "report.hand_over", "report.publish"
DONE, ACCEPT, WITHDRAW = "measure.done", "measure.accept", "measure.withdraw"
FILLED, ADDED, HANDED, WITHDRAWN = "report.filled", "report.added", "report.handed", "measure.withdrawn"
WHAT, WHO, UNTIL, TEST, REASON = "what", "who", "until", "test", "reason"


def standing(incident: Incident) -> Mark:
    """The report's clock, for the incident's card; nothing while it goes on."""
    draft = incident.draft
    if incident.open or draft.begun is None or draft.due is None:
        return Mark("")
    if draft.published and incident.resolved_at and draft.published.at >= incident.resolved_at:
        return line("Report published ", when(draft.published.at), " by ", _who(draft.published.by))
    word = "Report overdue: it was due " if draft.overdue_told else "Report due "
    return line(word, when(draft.due), " (", _who(draft.owner) if draft.owner else "nobody owns it", ")")


def report_card(report: IncidentReport, url: str, canvas: str) -> Message:
    """How the report stands, in private: what is missing, and what can be done; `canvas` is where it is written."""
    title = f"Report of {report.id} · {report.title}"
    due = line("due ", when(report.due)) if report.due else Mark("its clock starts when it is resolved")
    owner = line("written by ", _who(report.owner)) if report.owner else Mark("nobody owns it")
    rows = [line(owner, ", ", due)]
    if report.published:
        rows.append(line(f"Version {report.published.number} was published ", when(report.published.at)))
    rows.append(line("Still missing: ", "; ".join(report.missing)) if report.missing else line("Nothing is missing."))
    if canvas and not report.published:
        rows.append(line(link(canvas, "Write it in its canvas"), ", or press Fill in; what stands in either counts"))
    if url:
        rows.append(line(link(url, "Read it as it stands"), " (whoever has this link can, for a day)"))
    buttons = [
        button("Fill in", FILL, report.id, style="primary"), button("Add a measure", ADD, report.id),
        button("Hand over", HAND_OVER, report.id),
    ]
    if report.resolved_at:
        missing = f"Still missing: {'; '.join(report.missing)}. " if report.missing else ""
        ask = confirm("Publish this report?", f"{missing}This version is frozen; a later one is a new version.",
                      "Publish", "Not yet")
        buttons.append(button("Publish", PUBLISH, report.id, confirm=ask))
    return Message(lines(title, *rows), (section(bold(title)), section(lines(*rows)), actions(*buttons)))


def fill_modal(report: IncidentReport, draft: Draft, seq: int, channel: str) -> Block:
    """What people fill in; what the journal knows stands there as a beginning."""
    fields = [
        text_input(
            title, key, key, multiline=True, optional=True, hint=question,
            initial=draft.filled[key].text if key in draft.filled else report.section(key).text,
        ) for key, (title, question) in FIELDS.items()
    ]
    return modal(f"Report of {report.id}", fields, FILLED, submit="Keep", metadata=f"{report.id}:{seq}@{channel}")


def measure_modal(incident: Incident, due: datetime, by: str, channel: str) -> Block:
    """A preventive measure, with a test where one can be written; `by` is who stands there as its owner at first."""
    return modal(f"A measure of {incident.id}", [
        text_input("What is to be done", WHAT, WHAT, longest=500),
        person_input("Who does it", WHO, WHO, by, optional=False),
        moment_input("Until when", UNTIL, UNTIL, due),
        text_input(
            "A test for what broke", TEST, TEST, multiline=True, optional=True,
            hint="SQL that answers true while all is well: select count(*) = 0 from orders where total < 0. Once an "
                 "approver accepts it, every later promotion asks it on staging and in production, read-only.",
        ),
    ], ADDED, submit="Add", metadata=f"{incident.id}@{channel}")


def hand_over_modal(incident: Incident, channel: str) -> Block:
    """Who writes the report from now on."""
    return modal(f"Report of {incident.id}", [
        person_input("Who writes it from now on", WHO, WHO, optional=False),
    ], HANDED, submit="Hand over", metadata=f"{incident.id}@{channel}")


def withdraw_modal(incident: Incident, measure: Measure, channel: str) -> Block:
    """Why a test is not run any more."""
    return modal(f"The test of {measure.id}", [
        preformatted(measure.assertion), text_input("Why it is withdrawn", REASON, REASON, longest=500),
    ], WITHDRAWN, submit="Withdraw", metadata=f"{incident.id}:{measure.id}@{channel}")


def report_line(incident: Incident, e: Entry, on_call: Sequence[str]) -> Message | None:
    """What the incident's thread says of its report and its measures; `incident` is as of this entry."""
    named = str(e.data.get("owner", incident.draft.owner) or "")
    owner = _who(named) if named else _all(on_call)
    write = _LINES.get(e.kind)
    return notice(write(incident, e, owner)) if write else None


def _begun(i: Incident, e: Entry, owner: Mark) -> Mark:
    due = when(i.draft.due) if i.draft.due else Mark("")
    where = code(f"/incident report {i.id}")
    return line(owner, f": the report of {i.id} is due ", due, ". Press Report on the card, or ", where)


def _canvas(i: Incident, e: Entry, owner: Mark) -> Mark:
    where = link(str(e.data["url"]), "The canvas of this report")
    return line(where, " takes what only people know. What stands there when it is published is in it.")


def _canvas_none(i: Incident, e: Entry, owner: Mark) -> Mark:
    why = str(e.data.get("why", ""))
    if why.startswith("free_team") or why in ("canvas_disabled_user_team", "team_tier_cannot_create_channel_canvases"):
        said = "Slack's plan has no canvases here"
    elif why == "missing_scope":
        said = "Stagedoor has no right to canvases here (the scopes canvases:read and canvases:write)"
    else:
        said = f"Slack makes no canvas here ({why})"
    return line(f"{said}: reports are filled in through Report, Fill in.")


def _canvas_gone(i: Incident, e: Entry, owner: Mark) -> Mark:
    return line("The canvas of this report is gone. What was written there is kept; go on through Report, Fill in.")


def _canvas_late(i: Incident, e: Entry, owner: Mark) -> Mark:
    said = f"Words came into the canvas while version {e.data.get('version')} was published. They are kept: "
    return line(owner, ": ", said, "Publish again makes a version with them.")


def _reminded(i: Incident, e: Entry, owner: Mark) -> Mark:
    due = when(datetime.fromisoformat(str(e.data["due"])))
    said = "is overdue. It was due " if e.data.get("overdue") else "is due "
    return line(owner, f": the report of {i.id} {said}", due, ". ", code(f"/incident report {i.id}"),
                " shows what is missing.")


def _handed(i: Incident, e: Entry, owner: Mark) -> Mark:
    return line(_who(str(e.data["person"])), f": the report of {i.id} is yours now, from ", _who(e.actor))


def _published(i: Incident, e: Entry, owner: Mark) -> Mark:
    version = e.data.get("version", "")
    return line("Report published by ", _who(e.actor), f", version {version}. HTML and JSON follow.")


def _attached(i: Incident, e: Entry, owner: Mark) -> Mark:
    form = str(e.data["form"])
    return line("Errors per minute around it" if form == "png" else f"The report as {form.upper()}")


def _exported(i: Incident, e: Entry, owner: Mark) -> Mark:
    return line(str(e.data.get("said", "")))


def _measure_added(i: Incident, e: Entry, owner: Mark) -> Mark:
    whose = line(", ", _who(str(e.data["owner"]))) if e.data.get("owner") else Mark("")
    return line(f"{e.data['id']}: ", str(e.data["text"]), whose, _test(e.data.get("assertion")))


def _measure_done(i: Incident, e: Entry, owner: Mark) -> Mark:
    return line(f"✓ {e.data['id']} is done, says ", _who(e.actor))


def _accepted(i: Incident, e: Entry, owner: Mark) -> Mark:
    return line(f"The test of {e.data['id']} runs at every promotion from now on, accepted by ", _who(e.actor))


def _test_withdrawn(i: Incident, e: Entry, owner: Mark) -> Mark:
    return line(f"The test of {e.data['id']} was withdrawn by ", _who(e.actor), f": {e.data['why']}")


_LINES: Mapping[str, Callable[[Incident, Entry, Mark], Mark]] = {
    "report.begun": _begun,
    "report.canvas": _canvas,
    "report.canvas_none": _canvas_none,
    "report.canvas_gone": _canvas_gone,
    "report.canvas_late": _canvas_late,
    "report.reminded": _reminded,
    "report.owner": _handed,
    "report.published": _published,
    "report.attached": _attached,
    "report.exported": _exported,
    "action.added": _measure_added,
    "action.done": _measure_done,
    "action.accepted": _accepted,
    "action.withdrawn": _test_withdrawn,
}


def alone(entry: Entry) -> bool:
    """Whether somebody has to see this line by itself."""
    return entry.kind in ("report.begun", "report.reminded", "report.owner", "report.published", "action.reminded")


def follow_card(follow: Follow, incident: Incident) -> Message:
    """The measures of an incident, each with what can be done about it."""
    measures = incident.draft.measures
    open_ = sum(1 for measure in measures if measure.done_at is None)
    title = f"What follows from {incident.id}: {incident.title}"
    state = f"{open_} of {len(measures)} measures open" if open_ else "Every measure is done"
    blocks: list[Block] = [section(bold(title)), section(line(state))]
    rows: list[str] = [title, line(state)]
    for measure in measures[:20]:
        drawn = _measure(measure)
        rows.append(drawn)
        blocks.append(section(drawn))
        if measure.assertion and not measure.withdrawn and not measure.accepted_by:
            blocks.append(preformatted(measure.assertion))
        if buttons := _buttons(incident, measure):
            blocks.append(actions(*buttons))
    blocks.append(context(line(f"{follow.id} · of {incident.id}")))
    return Message(lines(*rows), tuple(blocks))


def _measure(measure: Measure) -> Mark:
    mark = "✓" if measure.done_at else "◻"
    owner = line(", ", _who(measure.owner)) if measure.owner else ", nobody owns it"
    due = line(", due ", when(measure.due)) if measure.due and not measure.done_at else ""
    done = line(", done ", when(measure.done_at)) if measure.done_at else ""
    return line(f"{mark} {measure.id}: ", measure.text, owner, due, done, _state(measure))


def _state(measure: Measure) -> str:
    if not measure.assertion:
        return ""
    if measure.withdrawn:
        return f". Its test was withdrawn: {measure.withdrawn}"
    if measure.accepted_by:
        return line(". Its test runs at every promotion, accepted by ", _who(measure.accepted_by))
    return ". Its test waits for an approver to accept it"


def _buttons(incident: Incident, measure: Measure) -> list[Block]:
    value = f"{incident.id}:{measure.id}"
    buttons = [] if measure.done_at else [button(f"Done: {measure.id}", DONE, value)]
    if measure.assertion and not measure.withdrawn:
        if measure.accepted_by:
            buttons.append(button("Withdraw the test", WITHDRAW, value))
        else:
            said = "Every promotion asks it, read-only, on staging and in production, and waits while it is not true."
            ask = confirm("Run this test?", said, "Accept", "Not yet")
            buttons.append(button("Accept the test", ACCEPT, value, confirm=ask))
    return buttons


def follow_line(e: Entry) -> Message | None:
    """A reminder, in the thread of what follows."""
    if e.kind != "action.reminded":
        return None
    due = when(datetime.fromisoformat(str(e.data["due"])))
    owner = _who(str(e.data["owner"])) if e.data.get("owner") else Mark("Nobody owns it")
    word = "is overdue; it was due " if e.data.get("overdue") else "is due "
    return notice(line(owner, f": {e.data['id']} {word}", due, f": {e.data['text']}"))


def _test(value: Json) -> str:
    return ". Its test waits for an approver to accept it" if value else ""


def _who(person: str) -> Mark:
    known = person[:1] in ("U", "W") and person.isalnum() and person.isupper()
    return mention(person) if known else line("Stagedoor" if person == "stagedoor" else person)


def _all(people: Sequence[str]) -> Mark:
    parts: list[str] = []
    for person in people:
        parts += [" " if parts else "", mention(person)]
    return line(*parts) if parts else Mark("Everybody")
