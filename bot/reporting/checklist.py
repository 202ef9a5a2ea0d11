"""The runbook's checklist, filled from a promotion's entries: who or what ticked each line, when, on what evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.checklist import Check, State
from bot.domain.document import Chapter, Checklist, Line, Tick
from bot.domain.entry import SYSTEM, Entry
from bot.domain.promotion import Promotion
from bot.domain.values import texts
from bot.domain.visit import Visit
from bot.domain.watching import LOGS_UNSEEN, NO_ERRORS, NO_SLOW
from bot.ports import Journal

PULL_REQUEST = "Pull request approved"
"""The label of a line that is the gate's own; it is ticked where no code host is asked."""
UNSAID = "nobody confirmed it"
UNSEEN = "not looked at yet"
ON_CARD = {State.WAITING: "open", State.REFUSED: "refused", State.UNKNOWN: "could not check"}

# The template's lines that only a person or the watch can tick, and what a policy's label holds that means them.
FRONTEND, EDGE, PERFORMANCE = ("frontend",), ("edge",), ("performance", "slow")
LOADS, CRITICAL = ("load", "displays"), ("critical", "sign in", "exports", "crud")
CONSOLE, LOGS = ("console",), ("logs", "errors in the log")


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What the entries say, in the shapes that the lines ask for."""

    promotion: Promotion
    since: Mapping[str, datetime]
    first: Mapping[str, Entry]
    """The first entry of each kind."""
    labels: tuple[str, ...]
    """The policy's manual lines, before and after."""
    look: Entry | None = None
    """The watch's newest look."""
    visits: Mapping[str, tuple[datetime, Visit]] = field(default_factory=dict)
    """Production's pages as they were opened last."""

    def gate(self, title: str, name: str) -> Line:
        """A gate's line, under the template's title."""
        check = next((each for each in self.promotion.checklist if each.gate == name), None)
        return self._line(title, check) if check else Line(title=title, said="its gate was not judged")

    def _line(self, title: str, check: Check) -> Line:
        if check.state is not State.PASSED:
            return Line(title=title, said=f"{ON_CARD[check.state]}: {check.said}" if check.said else "")
        at = check.at or self.since.get(check.title)
        return Line(title=title, tick=Tick.DONE, by=check.by or f"the gate “{check.title}”", at=at, said=check.said)

    def person(self, title: str, words: Sequence[str], otherwise: str = UNSAID) -> Line:
        """A line that people tick under one or several of the policy's labels."""
        meant = [label for label in self.labels if any(word in label.lower() for word in words)]
        given = [(label, self.promotion.ticks[label]) for label in meant if label in self.promotion.ticks]
        if not meant or len(given) < len(meant):
            missing = [label for label in meant if label not in self.promotion.ticks]
            return Line(title=title, said=f"{UNSAID}: {', '.join(missing)}" if missing else otherwise)
        tick = given[-1][1]
        said = ", ".join(label for label, _ in given if label.lower() != title.lower())
        return Line(title=title, tick=Tick.DONE, by=tick.by, at=tick.at, said=said)

    def event(self, title: str, kind: str, said: str) -> Line:
        """A line that is done once an entry of this kind stands in the journal."""
        entry = self.first.get(kind)
        return Line(title=title, tick=Tick.DONE, by=entry.actor, at=entry.at, said=said) if entry else Line(title=title)


def written(journal: Journal, record: str, after: Sequence[str]) -> Checklist:
    """The checklist of a promotion as the journal has it, with the rollback that took it back, if one did."""
    entries = list(journal.entries(about=record))
    taken = Promotion.of(entries).taken_back
    rollback = Promotion.of(journal.entries(about=taken.record)) if taken else None
    return checklist(entries, after, rollback)


def checklist(entries: Sequence[Entry], after: Sequence[str], rollback: Promotion | None = None) -> Checklist:
    """The template as this promotion fills it.

    `after` are the lines that the policy has people tick while watching; `rollback` undid it, if anything did.
    """
    known = _known(entries, after)
    p = known.promotion
    used = [*FRONTEND, *EDGE, *PERFORMANCE, *LOADS, *CRITICAL, *CONSOLE, *LOGS]
    more = [label for label in known.labels if not any(word in label.lower() for word in used)]
    gates = {"on_staging", "sql_check", "rollback_plan", "pull_request", "manual"}
    others = [known._line(check.title, check) for check in p.checklist if check.gate not in gates and not check.manual]
    chapters = [
        Chapter(title="Pre-Deployment", lines=(*_before(known), *others)),
        Chapter(title="Deployment", lines=_deployment(known)),
        Chapter(title="Post-Deployment", lines=(
            *_after(known), *(known.person(label, (label.lower(),)) for label in more),
        )),
        Chapter(title="Rollback (if needed)", lines=_rollback(p, rollback)),
    ]
    return Checklist(
        record=p.id, name=", ".join(file.label for file in p.plan.files), project=p.plan.project,
        created_by=p.requested_by, date=p.requested_at, plan=p.plan.digest, state=_state(p),
        purpose="; ".join(file.purpose for file in p.plan.files if file.purpose), chapters=tuple(chapters),
    )


def _known(entries: Sequence[Entry], after: Sequence[str]) -> _Known:
    since: dict[str, datetime] = {}
    first: dict[str, Entry] = {}
    look, visits = None, dict[str, tuple[datetime, Visit]]()
    for entry in entries:
        first.setdefault(entry.kind, entry)
        if entry.kind == "watch.looked":
            look = entry
        elif entry.kind == "watch.visited" and isinstance(seen := entry.data.get("visit"), dict):
            visit = Visit.from_json(seen)
            visits[visit.url] = (entry.at, visit)
        checks = entry.data.get("checklist") if entry.kind == "gates.judged" else None
        for each in checks if isinstance(checks, list) else ():
            check = Check.from_json(each) if isinstance(each, dict) else None
            if check and check.state is State.PASSED:
                since.setdefault(check.title, entry.at)
            elif check:
                since.pop(check.title, None)
    p = Promotion.of(entries)
    labels = dict.fromkeys((*(check.label for check in p.checklist if check.manual), *after, *p.ticks))
    labels.pop(PULL_REQUEST, None)
    return _Known(promotion=p, since=since, first=first, labels=tuple(labels), look=look, visits=visits)


def _before(known: _Known) -> tuple[Line, ...]:
    p = known.promotion
    staged = known.gate("Applied to staging database", "on_staging")
    seen = replace(staged, title="Verified in staging database")
    if staged.tick is Tick.DONE and "verified" not in staged.said:
        seen = Line(title=seen.title, said=f"not by Stagedoor: {staged.said}")
    files = ", ".join(f"{file.filename} (sha256 {file.sha256[:12]})" for file in p.plan.files)
    return (
        Line(title="Migration file created", tick=Tick.DONE, by=p.requested_by, at=p.requested_at, said=files),
        known.gate("SQL reviewed for safety", "sql_check"),
        staged, seen,
        known.person("Frontend tested with staging", FRONTEND),
        known.person("Performance tested", PERFORMANCE, _took(p, staged)),
        known.person("Edge cases tested", EDGE),
        known.gate("Rollback plan documented", "rollback_plan"),
        known.gate("PR created and approved", "pull_request"),
        known.event("Team notified of deployment", "approval.asked", "its card; approvers were called"),
    )


def _took(p: Promotion, staged: Line) -> str:
    locks = [said for file in p.plan.files for said in p.locks.get(file.version, ())]
    return "; ".join([f"{UNSAID}; on staging: {staged.said}", *locks]) if staged.tick is Tick.DONE else UNSAID


def _deployment(known: _Known) -> tuple[Line, ...]:
    p = known.promotion
    head = known.first.get("apply.attempt")
    voters = list(p.approvals.items())
    reviewed = Line(title="Reviewed SQL one last time")
    if voters:
        others = f"; also {', '.join(by for by, _ in voters[:-1])}" if len(voters) > 1 else ""
        said = f"approved exactly the plan {p.plan.digest[:12]}{others}"
        reviewed = replace(reviewed, tick=Tick.DONE, by=voters[-1][0], at=voters[-1][1], said=said)
    applied = Line(title="Applied migration")
    if p.committed and not p.remaining:
        at = max(file.at for file in p.committed.values())
        took = sum(file.seconds for file in p.committed.values())
        applied = replace(applied, tick=Tick.DONE, by=SYSTEM, at=at, said=f"{len(p.committed)} in {took * 1000:.0f} ms")
    elif p.committed:
        applied = replace(applied, said=f"{len(p.committed)} of {len(p.plan.files)} are in {p.where}")
    elif p.failure:
        applied = replace(applied, said=p.failure.why)
    linked = Line(title="Linked to production")
    if head:
        said = f"its history ended with {p.plan.head or 'nothing'}, as approved"
        linked = replace(linked, tick=Tick.DONE, by=SYSTEM, at=head.at, said=said)
    return linked, reviewed, applied, known.event("Verified in migration list", "verify.seen", p.verified)


def _after(known: _Known) -> tuple[Line, ...]:
    p = known.promotion
    told = Line(title="Team notified of success")
    if p.ending and p.ending.verdict == "done":
        told = replace(told, tick=Tick.DONE, by=SYSTEM, at=p.ending.at, said="its card and thread")
    return (
        _loads(known.person("App loads correctly", LOADS), known),
        known.person("Critical features work", CRITICAL),
        _visited(known.person("No console errors", CONSOLE, UNSAID), known, console=True),
        _watched(known.person("Logs checked (no errors)", LOGS, UNSAID), known, NO_ERRORS, LOGS_UNSEEN),
        _watched(known.person("Performance acceptable", PERFORMANCE, UNSAID), known, NO_SLOW, "whether statements"),
        told,
    )


def _watched(line: Line, known: _Known, well: str, unseen: str) -> Line:
    """A line that the watch's last look ticks, where it saw this to be well and all of it."""
    look = known.look
    if line.tick is Tick.DONE:
        return line
    if look is None:
        return replace(line, said=f"{line.said}; {UNSEEN}")
    wrong, missed = texts(look.data.get("wrong")), [
        each for each in texts(look.data.get("unseen")) if each.startswith((unseen, "the database"))
    ]
    if wrong:
        return replace(line, said=f"{line.said}; the watch saw: {wrong[0]}")
    if missed or well not in texts(look.data.get("seen")):
        return replace(line, said=f"{line.said}; the watch did not see {missed[0] if missed else 'it'}")
    if not look.data.get("last"):
        return replace(line, said=f"{line.said}; {well} so far")
    return replace(line, tick=Tick.DONE, by=SYSTEM, at=look.at, said=well)


def _loads(line: Line, known: _Known) -> Line:
    """Its pages tick it, or, where the policy names none, its health addresses."""
    seen = texts(known.look.data.get("seen")) if known.look else ()
    answered = next((each for each in seen if "health address" in each), "")
    if known.visits or not answered:
        return _visited(line, known, console=False)
    return _watched(line, known, answered, "health addresses")


def _visited(line: Line, known: _Known, *, console: bool) -> Line:
    """A line that production's pages tick, as they were opened last; the console only a browser sees."""
    visits = list(known.visits.values())
    if line.tick is Tick.DONE:
        return line
    if not visits:
        return replace(line, said=f"{line.said}; no page was looked at")
    bad = [visit.said for _, visit in visits if not visit.well or (console and not visit.browser)]
    if bad:
        return replace(line, said=f"{line.said}; {bad[0]}")
    said = f"{len(visits)} page{'' if len(visits) == 1 else 's'} opened{' in a browser' if console else ''}, all well"
    return replace(line, tick=Tick.DONE, by=SYSTEM, at=max(at for at, _ in visits), said=said)


def _rollback(p: Promotion, rollback: Promotion | None) -> tuple[Line, ...]:
    titles = ("Rollback migration created", "Applied to production", "App verified working", "Incident documented")
    if rollback is None:
        return tuple(Line(title=title, tick=Tick.LEFT_OUT) for title in titles)
    done = max((file.at for file in rollback.committed.values()), default=None)
    verified = f"{UNSAID}; {rollback.id}: {rollback.verified}" if rollback.verified else UNSAID
    return (
        Line(title=titles[0], tick=Tick.DONE, by=rollback.requested_by, at=rollback.requested_at, said=rollback.id),
        Line(title=titles[1], tick=Tick.DONE, by=SYSTEM, at=done) if done else Line(title=titles[1]),
        Line(title=titles[2], said=verified),
        Line(title=titles[3], said="its report is with the incident"),
    )


def _state(p: Promotion) -> str:
    if p.ending:
        return f"{p.ending.verdict}: {p.ending.why}" if p.ending.why else p.ending.verdict
    return "in production, being watched" if p.committed and not p.remaining else "on its way"
