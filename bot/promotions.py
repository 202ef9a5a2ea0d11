"""What people can ask of promotions and staging runs; every answer is facts for the journal, or a refusal."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from difflib import get_close_matches

from bot.asking import Wanted, read, wanted
from bot.baseline import accepted, differences
from bot.domain.baseline import Kind
from bot.domain.checklist import Check, State
from bot.domain.entry import Fact, Json, Opening
from bot.domain.migration import Folder, Migration
from bot.domain.pending import Pending
from bot.domain.plan import Plan, PlannedFile
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.record import Record, Status
from bot.errors import Refused, Unknown
from bot.evidence import manual_labels
from bot.linting import pending, risks
from bot.migrations.files import purpose
from bot.migrations.transaction import obstacle, statement_count
from bot.policy import Policy
from bot.policy.terms import terms
from bot.ports import Put
from bot.restaging import restageable
from bot.roles import requesters, require_approver, require_member, require_operator, required_approvals
from bot.world import Ports, Project

KINDS = {Environment.PRODUCTION: "promotion", Environment.STAGING: "staging"}
SERIES = {"promotion": "P", "staging": "S", "baseline": "B"}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What came of a request: its record; `again` when somebody had asked for the very same before."""

    record: str
    plan: Plan
    again: bool


class Promotions:
    """The verbs. Who may is judged here, at the click; the runbooks judge it again at the moment of use."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._requests = threading.Lock()

    def project(self, name: str = "") -> Project:
        """The project of that name, or the only one. Raises `Unknown`."""
        projects = self._ports.projects
        if not name and len(projects) == 1:
            return next(iter(projects.values()))
        if name in projects:
            return projects[name]
        raise Unknown(f"Say which project: {', '.join(f'project:{known}' for known in projects)}.")

    def projects(self) -> tuple[Project, ...]:
        """Every project that is known."""
        return tuple(self._ports.projects.values())

    def require_member(self, by: str, project: Project) -> None:
        """Raises `Refused` unless this person may use the bot."""
        require_member(self._ports.people.find(by), project.policy)

    def promote(self, by: str, project: Project, versions: tuple[str, ...], key: str) -> Asked:
        """Ask for all pending migrations, or these, to go to production; the same `key` again asks nothing new."""
        self.require_member(by, project)
        asked = wanted(versions)
        if asked.fork:
            require_operator(self._ports.people.find(by), project.policy)
        return self._request(by, project, Environment.PRODUCTION, asked, key)

    def stage(self, by: str, project: Project, versions: tuple[str, ...], key: str) -> Asked:
        """Ask for all pending migrations, or these, to go to staging; the same `key` again asks nothing new."""
        require_operator(self._ports.people.find(by), project.policy)
        return self._request(by, project, Environment.STAGING, wanted(versions), key)

    def restage(self, by: str, project: Project, versions: tuple[str, ...], key: str) -> Asked:
        """Ask for an edited file to take the place of what staging ran of it; the same `key` asks nothing new."""
        require_operator(self._ports.people.find(by), project.policy)
        if len(versions) != 1:
            raise Unknown("Say which one: /migrate restage VERSION.")
        with self._requests:
            if before := self._ports.shelves.get("requests", key):
                record_id = str(before["record"])
                return Asked(record=record_id, plan=self._fold(record_id).plan, again=False)
            asked = wanted(versions)
            plan, files = self._plan(project, Environment.STAGING, asked, anew=True)
            back = restageable(project, self._ports.shelves, plan)
            if live := self._live("staging", plan):
                return Asked(record=live, plan=plan, again=True)
            for file in files:
                self._ports.shelves.keep(file.content)
            return self._open(by, project, "staging", plan, key, back)

    def baseline(self, by: str, project: Project, key: str) -> Asked:
        """Ask for today's differences between files and histories to be accepted for good."""
        require_operator(self._ports.people.find(by), project.policy)
        with self._requests:
            if before := self._ports.shelves.get("requests", key):
                record_id = str(before["record"])
                return Asked(record=record_id, plan=self._fold(record_id).plan, again=False)
            known = accepted(self._ports.shelves, project.name)
            new = tuple(difference for difference in differences(project) if difference not in known)
            if not new:
                raise Refused("Nothing to accept: files and histories agree, but for what was accepted before.")
            head = max((row.version for row in project.databases[Environment.PRODUCTION].history()), default=None)
            plan = Plan(project=project.name, environment=Environment.PRODUCTION, head=head, files=(), accepts=new)
            live = self._live("baseline", plan)
            return Asked(record=live, plan=plan, again=True) if live else self._open(by, project, "baseline", plan, key)

    def approve(self, by: str, record_id: str) -> tuple[Fact, ...]:
        """Give this person's approval to exactly the plan that the card shows."""
        record, promotion, policy = self._known(record_id)
        person = self._ports.people.find(by)
        require_member(person, policy)
        if not policy.approvals.requester_may_approve:
            self._require_other(by, promotion, policy, "approve it")
        require_approver(person, policy)
        self._require_open(record, promotion)
        if record.stage == "gates":
            raise Refused(f"{record_id} cannot be approved yet: {record.waits_for or 'its gates are being checked'}.")
        required = required_approvals(promotion.plan, policy, promotion.lost)
        if by in promotion.approvals:
            raise Refused(
                f"You have approved {record_id} already: {len(promotion.approvals)} of {required}."
            )
        if record.stage != "approval":
            raise Refused(f"{record_id} has the approvals it needs. It is at “{record.stage}”.")
        return (Fact(about=record_id, kind="promotion.approved", actor=by, data={"plan": promotion.plan.digest}),)

    def waivable(self, by: str, record_id: str, gate: str) -> Check:
        """The open line of a gate that this person may waive. Raises `Refused` or `Unknown`."""
        record, promotion, policy = self._known(record_id)
        person = self._ports.people.find(by)
        require_member(person, policy)
        self._require_other(by, promotion, policy, "waive it")
        require_approver(person, policy)
        self._require_open(record, promotion)
        line = next((check for check in promotion.checklist if check.gate == gate), None)
        if line is None:
            raise Unknown(f"{record_id} has no line “{gate}”.")
        if line.state is State.PASSED:
            raise Refused(f"“{line.title}” passes already; there is nothing to waive.")
        if not line.waivable:
            raise Refused(f"“{line.title}” cannot be waived: {line.said}")
        return line

    def waive(self, by: str, record_id: str, gate: str, reason: str) -> tuple[Fact, ...]:
        """Put this person's word, with a reason, in place of what a gate could not or did not find."""
        line = self.waivable(by, record_id, gate)
        reason = " ".join(reason.split())
        if not reason:
            raise Refused("A waiver needs a reason: it stays on the card and in the journal.")
        data: dict[str, Json] = {"gate": gate, "reason": reason, "state": str(line.state), "said": line.said}
        return (Fact(about=record_id, kind="gate.waived", actor=by, data=data),)

    def attend(self, by: str, record_id: str) -> tuple[Fact, ...]:
        """Say that somebody is there when the promotion starts: its requester, or an approver."""
        record, promotion, policy = self._known(record_id)
        person = self._ports.people.find(by)
        require_member(person, policy)
        if by != promotion.requested_by:
            require_approver(person, policy)
        self._require_open(record, promotion)
        if promotion.window_opens is None:
            raise Refused(f"{record_id} does not wait for anybody to be there.")
        return (Fact(about=record_id, kind="promotion.attended", actor=by),)

    def reject(self, by: str, record_id: str, reason: str) -> tuple[Fact, ...]:
        """End a promotion that has not begun, as an approver."""
        record, promotion, policy = self._known(record_id)
        require_approver(self._ports.people.find(by), policy)
        self._require_open(record, promotion)
        return (Fact(about=record_id, kind="promotion.rejected", actor=by, data={"reason": reason}),)

    def cancel(self, by: str, record_id: str) -> tuple[Fact, ...]:
        """End a promotion that has not begun, as the one who asked or an operator."""
        record, promotion, policy = self._known(record_id)
        person = self._ports.people.find(by)
        require_member(person, policy)
        if by != promotion.requested_by:
            require_operator(person, policy)
        self._require_open(record, promotion)
        return (Fact(about=record_id, kind="promotion.cancelled", actor=by),)

    def confirm(self, by: str, record_id: str, label: str) -> tuple[Fact, ...]:
        """Tick a manual line. Ticks before the apply are gates; those of `gates.after` are given while watching."""
        record, promotion, policy = self._known(record_id)
        require_operator(self._ports.people.find(by), policy)
        before = manual_labels(self._ports.project_of(record.project, promotion.terms))
        after = tuple(policy.gates.after)
        if label not in (*before, *after):
            raise Unknown(f"{record_id} has no line “{label}” to confirm.")
        if label in promotion.ticks:
            raise Refused(f"“{label}” was confirmed already.")
        if record.status is Status.ENDED:
            raise Refused(self._ended(record_id, promotion))
        return (Fact(about=record_id, kind="promotion.ticked", actor=by, data={"label": label}),)

    def read(self, by: str, record_id: str) -> tuple[Record, Promotion]:
        """A promotion for reading, by anybody who may use the bot."""
        record, promotion, policy = self._known(record_id)
        require_member(self._ports.people.find(by), policy)
        return record, promotion

    def check(self, by: str, project: Project, versions: tuple[str, ...]) -> Pending:
        """What the checks say of the files that are not in production yet, or of these."""
        self.require_member(by, project)
        folder = project.migrations.read()
        chosen = [_in_folder(version, folder) for version in versions]
        return pending(project, folder, chosen, self._ports.shelves, self._ports.clock.now())

    def recent(self, project: Project, limit: int = 15) -> list[tuple[Record, Promotion]]:
        """The newest promotions and staging runs of a project, newest first."""
        found = self._ports.journal.find(project=project.name, limit=100_000)
        records = [record for record in found if record.kind in SERIES][-limit:]
        return [(record, self._fold(record.id)) for record in reversed(records)]

    def _known(self, record_id: str) -> tuple[Record, Promotion, Policy]:
        record = self._ports.journal.load(record_id)
        if record is None or record.project not in self._ports.projects:
            raise Unknown(f"There is no promotion {record_id}.")
        promotion = self._fold(record_id)
        return record, promotion, self._ports.project_of(record.project, promotion.terms).policy

    def _fold(self, record_id: str) -> Promotion:
        return Promotion.of(self._ports.journal.entries(about=record_id))

    @staticmethod
    def _require_other(by: str, promotion: Promotion, policy: Policy, what: str) -> None:
        """Raises `Refused` for the one who asked, and for those who wrote it."""
        asking = requesters(promotion, policy)
        if by in asking:
            others = tuple(listed for listed in policy.approvals.approvers if listed not in asking)
            did = "asked for" if by == promotion.requested_by else "wrote or pushed a part of"
            raise Refused(f"You {did} this promotion, so someone else has to {what}.", can=others)

    def _require_open(self, record: Record, promotion: Promotion) -> None:
        if record.status is Status.ENDED:
            raise Refused(self._ended(record.id, promotion))
        if promotion.cancelled_by:
            raise Refused(f"{record.id} was cancelled.")
        if promotion.rejected:
            raise Refused(f"{record.id} was rejected.")
        if promotion.began:
            raise Refused(f"Too late: {record.id} has begun to change {promotion.where}. Its card says how it goes on.")

    @staticmethod
    def _ended(record_id: str, promotion: Promotion) -> str:
        ending = promotion.ending
        return f"{record_id} has ended: {ending.verdict if ending else 'over'}. Nothing changed by this."

    def _request(
        self, by: str, project: Project, environment: Environment, asked: Wanted, key: str
    ) -> Asked:
        kind = KINDS[environment]
        if before := self._before(key):
            return before
        # Outside the lock: GitHub may be slow, and nobody else's request has to wait for that.
        plan, files = self._plan(project, environment, asked)
        with self._requests:
            if before := self._before(key):
                return before
            if live := self._live(kind, plan):
                return Asked(record=live, plan=plan, again=True)
            for file in files:
                self._ports.shelves.keep(file.content)
            return self._open(by, project, kind, plan, key)

    def _before(self, key: str) -> Asked | None:
        """What this very delivery opened when it was worked on before."""
        if doc := self._ports.shelves.get("requests", key):
            record_id = str(doc["record"])
            return Asked(record=record_id, plan=self._fold(record_id).plan, again=False)
        return None

    def _open(
        self, by: str, project: Project, kind: str, plan: Plan, key: str, back: dict[str, Json] | None = None,
    ) -> Asked:
        record_id = f"{SERIES[kind]}-{self._ports.journal.number(SERIES[kind])}"
        fact = Fact(
            about=record_id,
            kind="promotion.requested",
            actor=by,
            data={
                "kind": kind, "plan": plan.to_json(), "terms": terms(project.policy),
                **({"takes_back": back} if back else {}),
            },
            opens=Opening(kind=kind, project=project.name, stage="take_back" if back else "gates"),
        )
        # The note of which record a delivery opened goes in with the opening, so that the same
        # delivery worked again after a crash finds it.
        self._ports.journal.append([fact], puts=[Put(shelf="requests", key=key, doc={"record": record_id})])
        return Asked(record=record_id, plan=plan, again=False)

    def _live(self, kind: str, plan: Plan) -> str:
        """The live record of the same plan. Raises `Refused` for one that shares files with it."""
        for record in self._ports.journal.find(kind=kind, project=plan.project, status=Status.LIVE):
            live = self._fold(record.id)
            if live.plan.digest == plan.digest:
                return record.id
            if shared := {f.version for f in live.plan.files} & {f.version for f in plan.files}:
                raise Refused(
                    f"{record.id} is already about {', '.join(sorted(shared))}. Cancel it first, or let it end."
                )
        return ""

    def _plan(
        self, project: Project, environment: Environment, asked: Wanted, anew: bool = False,
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
        chosen = named or pending
        if not chosen:
            count = len(meant.migrations)
            raise Refused(f"Nothing to do: {environment} has every migration of {asked.where} ({count}).")
        chosen.sort(key=lambda file: file.version)
        opened = risks(chosen, self._ports.shelves, self._ports.clock.now())
        files = tuple(
            PlannedFile(
                version=file.version,
                name=file.name,
                filename=file.filename,
                sha256=file.sha256,
                statements=0 if obstacle(file.content) else statement_count(file.content),
                purpose=purpose(file.content), risks=opened[file.version],
            )
            for file in chosen
        )
        head = max(applied, default=None)
        source = folder.source
        return Plan(project=project.name, environment=environment, head=head, files=files, source=source), chosen


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
