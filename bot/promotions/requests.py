"""What people can ask for: staging runs, promotions, baselines; each opens a record, once a delivery."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from difflib import get_close_matches

from bot.domain.baseline import Kind
from bot.domain.entry import Fact, Json, Opening
from bot.domain.migration import Folder, Match, Migration
from bot.domain.pending import Pending
from bot.domain.plan import Plan, PlannedFile
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.record import Status
from bot.domain.resumable import why_not
from bot.errors import Refused, Unknown
from bot.evidence.baseline import accepted, differences
from bot.evidence.linting import pending, risks
from bot.evidence.safekeeping import holds
from bot.incidents.records import Beginning
from bot.migrations.files import purpose
from bot.migrations.history import match
from bot.migrations.transaction import obstacle, statement_count
from bot.policy.terms import terms
from bot.ports import Put, Take
from bot.promotions import resuming
from bot.promotions.asking import Wanted, read, wanted
from bot.promotions.following import beyond, ground, newest
from bot.promotions.restaging import restageable
from bot.promotions.resuming import require_resumer
from bot.roles import require_member, require_operator, require_rescuer
from bot.world import Ports, Project

KINDS = {Environment.PRODUCTION: "promotion", Environment.STAGING: "staging"}
SERIES = {"promotion": "P", "staging": "S", "baseline": "B", "rollback": "R"}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What came of a request: its record; `again` when somebody had asked for the very same before."""

    record: str
    plan: Plan
    again: bool


class Requests:
    """The verbs that open a record. Who may is judged here, at the request."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._requests = threading.Lock()

    def promote(
        self, by: str, project: Project, versions: tuple[str, ...], key: str, emergency: str | None = None,
    ) -> Asked:
        """Ask for all pending migrations, or these, to go to production; the same `key` again asks nothing new.

        With a reason for an `emergency` it passes windows and what only people tick, and opens an incident.
        """
        require_member(self._ports.people.find(by), project.policy)
        if emergency is not None:
            require_rescuer(self._ports.people.find(by), project.policy)
            if not (emergency := " ".join(emergency.split())):
                raise Refused("An emergency needs a reason: /migrate promote --emergency the checkout is down")
        asked = wanted(versions)
        if asked.fork:
            require_operator(self._ports.people.find(by), project.policy)
        return self._request(by, project, Environment.PRODUCTION, asked, key, emergency or "")

    def stage(self, by: str, project: Project, versions: tuple[str, ...], key: str) -> Asked:
        """Ask for all pending migrations, or these, to go to staging; the same `key` again asks nothing new."""
        require_operator(self._ports.people.find(by), project.policy)
        asked = wanted(versions)
        there = {row.version for row in project.databases[Environment.STAGING].history()} if asked.versions else set()
        if asked.versions and there >= set(asked.versions):
            return self._verify(by, project, asked, key)
        return self._request(by, project, Environment.STAGING, asked, key)

    def _verify(self, by: str, project: Project, asked: Wanted, key: str) -> Asked:
        """What is on staging already is verified after the fact: nothing runs, the evidence is made anew."""
        with self._requests:
            if before := self._before(key):
                return before
            plan, files = self._plan(project, Environment.STAGING, asked, anew=True)
            rows = {row.version: row for row in project.databases[Environment.STAGING].history()}
            if edited := [file.label for file in files if match(file, rows[file.version]) is Match.EDITED]:
                raise Refused(
                    f"Staging ran other statements as {', '.join(edited)} than the file holds now. "
                    f"/migrate restage VERSION applies the edited file there."
                )
            if live := self._live("staging", plan):
                return Asked(record=live, plan=plan, again=True)
            for file in files:
                self._ports.shelves.keep(file.content)
            return self._open(by, project, "staging", plan, key, stage="again")

    def restage(self, by: str, project: Project, versions: tuple[str, ...], key: str) -> Asked:
        """Ask for an edited file to take the place of what staging ran of it; the same `key` asks nothing new."""
        require_operator(self._ports.people.find(by), project.policy)
        if len(versions) != 1:
            raise Unknown("Say which one: /migrate restage VERSION.")
        with self._requests:
            if before := self._before(key):
                return before
            asked = wanted(versions)
            plan, files = self._plan(project, Environment.STAGING, asked, anew=True)
            back = restageable(project, self._ports.shelves, plan)
            if live := self._live("staging", plan):
                return Asked(record=live, plan=plan, again=True)
            for file in files:
                self._ports.shelves.keep(file.content)
            return self._open(by, project, "staging", plan, key, back)

    def resume(self, by: str, record_id: str, key: str) -> Asked:
        """Ask for what a promotion or staging run that stopped did not bring; the same `key` asks nothing new.

        What was approved holds while the bytes that are left and the head are as they were approved; otherwise it is
        a request of its own, which says what changed.
        """
        record = self._ports.journal.load(record_id)
        if record is None or record.project not in self._ports.projects or record.kind not in KINDS.values():
            raise Unknown(f"There is no promotion {record_id}.")
        with self._requests:
            if before := self._before(key):
                return before
            stopped = self._fold(record_id)
            project = self._ports.project_of(record.project, stopped.terms)
            require_resumer(by, self._ports.people, project.policy)
            if stopped.plan.source and stopped.plan.source.fork:
                require_operator(self._ports.people.find(by), project.policy)
            if why := why_not(stopped):
                raise Refused(f"{record_id} {why}.")
            source = stopped.plan.source
            asked = Wanted(
                versions=tuple(file.version for file in stopped.remaining), pull=source.pull if source else 0,
                fork=bool(source and source.fork),
            )
            plan, files = self._plan(project, stopped.plan.environment, asked)
            if live := self._live(record.kind, plan):
                return Asked(record=live, plan=plan, again=True)
            for file in files:
                self._ports.shelves.keep(file.content)
            return self._open(by, project, record.kind, plan, key, resumes=stopped)

    def baseline(self, by: str, project: Project, key: str) -> Asked:
        """Ask for today's differences between files and histories to be accepted for good."""
        require_operator(self._ports.people.find(by), project.policy)
        with self._requests:
            if before := self._before(key):
                return before
            shelves = self._ports.shelves
            known = accepted(shelves, project.name)
            new = tuple(difference for difference in differences(project, shelves) if difference not in known)
            if not new:
                agree = "files, histories and catalogs agree, but for what was accepted before"
                raise Refused(f"Nothing to accept: {agree}.")
            head = max((row.version for row in project.databases[Environment.PRODUCTION].history()), default=None)
            plan = Plan(project=project.name, environment=Environment.PRODUCTION, head=head, files=(), accepts=new)
            live = self._live("baseline", plan)
            return Asked(record=live, plan=plan, again=True) if live else self._open(by, project, "baseline", plan, key)

    def check(self, by: str, project: Project, versions: tuple[str, ...]) -> Pending:
        """What the checks say of the files that are not in production yet, or of these."""
        require_member(self._ports.people.find(by), project.policy)
        folder = project.migrations.read()
        chosen = [_in_folder(version, folder) for version in versions]
        held = holds(project.policy.backups)
        return pending(project, folder, chosen, self._ports.shelves, self._ports.clock.now(), held)

    def _request(
        self, by: str, project: Project, environment: Environment, asked: Wanted, key: str, emergency: str = "",
    ) -> Asked:
        kind = KINDS[environment]
        if before := self._before(key):
            return before
        # Outside the lock: GitHub may be slow, and nobody else's request has to wait for that.
        plan, files = self._plan(project, environment, asked, alone=bool(emergency))
        with self._requests:
            if before := self._before(key):
                return before
            if live := self._live(kind, plan):
                if emergency and self._fold(live).emergency is None:
                    raise Refused(f"{live} is about exactly this already. Cancel it, then ask again as an emergency.")
                return Asked(record=live, plan=plan, again=True)
            for file in files:
                self._ports.shelves.keep(file.content)
            return self._open(by, project, kind, plan, key, emergency=emergency)

    def _before(self, key: str) -> Asked | None:
        """What this very delivery opened when it was worked on before."""
        if doc := self._ports.shelves.get("requests", key):
            record_id = str(doc["record"])
            return Asked(record=record_id, plan=self._fold(record_id).plan, again=False)
        return None

    def _open(
        self, by: str, project: Project, kind: str, plan: Plan, key: str, back: dict[str, Json] | None = None,
        resumes: Promotion | None = None, emergency: str = "", stage: str = "",
    ) -> Asked:
        now = self._ports.clock.now()
        data: dict[str, Json] = {
            "kind": kind, "plan": plan.to_json(), "terms": terms(project.policy),
            **({"takes_back": back} if back else {}),
            **({"resumes": resuming.request(resumes, plan, by, now, project.policy)} if resumes else {}),
            **({"emergency": emergency} if emergency else {}),
        }
        begins = Opening(kind=kind, project=project.name, stage=stage or ("take_back" if back else "gates"))

        def opens(take: Take) -> tuple[list[Fact], list[Put]]:
            record = take(SERIES[kind])
            facts = [Fact(about=record, kind="promotion.requested", actor=by, data=data, opens=begins)]
            if resumes:
                facts.append(Fact(about=resumes.id, kind="promotion.resumed", actor=by, data={"as": record}))
            # The note of which record a delivery opened goes in with the opening, so that the same
            # delivery worked again after a crash finds it.
            puts = [Put(shelf="requests", key=key, doc={"record": record})]
            if emergency:
                also, kept = _incident(by, project, record, plan, emergency).opens(take, now)
                return [*facts, *also], [*puts, *kept]
            return facts, puts

        opened = self._ports.journal.open(opens)
        assert opened  # no key was given
        first, *others = dict.fromkeys(entry.about for entry in opened)
        for each in others:
            self._ports.wake(each)
        return Asked(record=first, plan=plan, again=False)

    def _live(self, kind: str, plan: Plan) -> str:
        """The live record of the same plan. Raises `Refused` for one that shares files with it."""
        for record in self._ports.journal.find(kind=kind, project=plan.project, status=Status.LIVE):
            live = self._fold(record.id)
            if live.course.stopped:  # it goes no further, and is watched for what it brought
                continue
            if live.plan.digest == plan.digest:
                return record.id
            if shared := {f.version for f in live.plan.files} & {f.version for f in plan.files}:
                raise Refused(
                    f"{record.id} is already about {', '.join(sorted(shared))}. Cancel it first, or let it end."
                )
        return ""

    def _plan(
        self, project: Project, environment: Environment, asked: Wanted, anew: bool = False, alone: bool = False,
    ) -> tuple[Plan, list[Migration]]:
        folder, meant = read(project, asked, environment)
        history = project.databases[environment].history()
        if anew:  # planned as if it had been taken back already
            history = tuple(row for row in history if row.version not in asked.versions)
        applied = {row.version for row in history}
        left_out = {
            (difference.version, difference.sha256)
            for difference in accepted(self._ports.shelves, project.name)
            if difference.kind is Kind.NEVER and difference.environment is environment
        }
        pending = [
            file
            for file in meant.migrations
            if file.version not in applied and (file.version, file.sha256) not in left_out
        ]
        named = [_named(version, meant, applied, str(environment)) for version in asked.versions]
        before = newest(project.name, self._ports) if environment is Environment.PRODUCTION and not alone else None
        chosen = named or (beyond(before, pending) if before else pending)
        if not chosen:
            count = len(meant.migrations)
            raise Refused(f"Nothing to do: {environment} has every migration of {asked.where} ({count}).")
        chosen.sort(key=lambda file: file.version)
        target = project.databases[Environment.PRODUCTION].moment
        opened = risks(chosen, self._ports.shelves, self._ports.clock.now(), target)
        files = tuple(
            PlannedFile(
                version=file.version,
                name=file.name,
                filename=file.filename,
                sha256=file.sha256,
                statements=0 if obstacle(file.content) else statement_count(file.content),
                purpose=purpose(file.content), risks=opened[file.version].known, unread=opened[file.version].unread,
            )
            for file in chosen
        )
        head, after = ground(before, chosen[0].version) if before else (None, "")
        plan = Plan(
            project=project.name, environment=environment, head=head or max(applied, default=None), files=files,
            source=folder.source, after=after,
        )
        return plan, chosen

    def _fold(self, record_id: str) -> Promotion:
        return Promotion.of(self._ports.journal.entries(about=record_id))


def _incident(by: str, project: Project, record: str, plan: Plan, reason: str) -> Beginning:
    """An emergency is one of an incident, whose freeze lets it pass."""
    return Beginning(
        project=project.name, title=f"Emergency promotion {record}: {reason}", severity="SEV2", by=by,
        promotion=record, broken=reason, actions=f"{record} promotes {', '.join(file.label for file in plan.files)}",
        ends_it=True,
    )


def _named(version: str, folder: Folder, applied: set[str], where: str) -> Migration:
    found = _in_folder(version, folder)
    if found.version in applied:
        raise Refused(f"{found.label} is already in {where}.")
    return found


def _in_folder(version: str, folder: Folder) -> Migration:
    found = [
        file for file in folder.migrations if version in (file.version, file.filename, f"{file.version}_{file.name}")
    ]
    if not found:
        near = get_close_matches(version, [file.version for file in folder.migrations], n=1)
        hint = f" Did you mean {near[0]}?" if near else " `/migrate status` lists them."
        raise Unknown(f"There is no migration {version} in the folder.{hint}")
    return found[0]
