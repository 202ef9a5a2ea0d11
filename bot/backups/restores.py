"""Asking for the rows back that a promotion destroyed: opens a record that has to be approved."""

from __future__ import annotations

import threading

from bot.domain.entry import Fact, Json, Opening
from bot.domain.plan import Plan
from bot.domain.project import Environment
from bot.domain.promotion import Promotion
from bot.domain.record import Record, Status
from bot.errors import Refused, Unknown
from bot.policy.terms import terms
from bot.ports import KeptRows, Put
from bot.roles import require_member, require_operator
from bot.world import Ports, Project

KIND, SERIES = "restore", "RD"


class Restores:
    """The verbs."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._opening = threading.Lock()

    def kept(self, by: str, project: Project) -> tuple[KeptRows, ...]:
        """What is kept inside production, for a member. Raises `Unreachable`."""
        require_member(self._ports.people.find(by), project.policy)
        return project.databases[Environment.PRODUCTION].kept_rows()

    def restore(self, by: str, project: Project, promotion: str, key: str) -> str:
        """Ask for the rows of a promotion, as an operator; returns the record, which waits for approval."""
        require_operator(self._ports.people.find(by), project.policy)
        if before := self._ports.shelves.get("requests", key):
            return str(before["record"])
        found = project.databases[Environment.PRODUCTION].kept_rows()
        kept = next((one for one in found if one.record == promotion), None)
        if kept is None:
            there = ", ".join(one.record for one in found if not one.restored) or "nothing"
            raise Unknown(f"Nothing is kept in production for {promotion}. Kept: {there}.")
        if kept.restored:
            raise Refused(f"What {promotion} destroyed was put back already.")
        with self._opening:
            asked = self._asked(project, promotion)
            if asked and asked[-1].status is Status.LIVE:
                return asked[-1].id
            plan = Plan(project=project.name, environment=Environment.PRODUCTION, head=None, files=())
            data: dict[str, Json] = {
                "kind": KIND, "plan": plan.to_json(), "terms": terms(project.policy), "restores": promotion,
            }
            begins = Opening(kind=KIND, project=project.name, stage="gates")
            # Whichever process they come from: the restore after the ones that were known is opened once.
            self._ports.journal.open(lambda take: (
                [Fact(about=(record := take(SERIES)), kind="promotion.requested", actor=by, data=data, opens=begins)],
                [Put(shelf="requests", key=key, doc={"record": record})],
            ), key=f"restore:{promotion}:{len(asked)}")
            return self._asked(project, promotion)[-1].id

    def _asked(self, project: Project, promotion: str) -> list[Record]:
        """What was opened for the rows of a promotion, oldest first."""
        found = self._ports.journal.find(kind=KIND, project=project.name, limit=100_000)
        return [
            record for record in found
            if Promotion.of(self._ports.journal.entries(about=record.id)).restores == promotion
        ]

    def project_of(self, promotion: str) -> Project:
        """The project of a promotion. Raises `Unknown`."""
        record = self._ports.journal.load(promotion)
        if record is None or record.project not in self._ports.projects:
            raise Unknown(f"There is no promotion {promotion}.")
        return self._ports.projects[record.project]
