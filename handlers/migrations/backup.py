"""What people can say about backups: `/migrate backup` and `/migrate backup now`."""

from __future__ import annotations

from bot.backups.restores import Restores
from bot.backups.verbs import BackupRequests
from bot.domain.backup import rows_words
from bot.errors import StagedoorError, Unknown
from bot.world import Project
from handlers.conversation import Ask, Reply, Subject
from templates.backup.listing import backup_list
from templates.blocks import line, notice
from templates.promotion.restore_button import RESTORE_DATA
from templates.words import place


class BackupVerb:
    """The sub-command."""

    def __init__(self, backups: BackupRequests, restores: Restores) -> None:
        self._backups = backups
        self._restores = restores

    def subject(self) -> Subject:
        return Subject(actions={RESTORE_DATA: self._pressed})

    def _pressed(self, ask: Ask) -> Reply:
        return self._asked(ask, self._restores.project_of(ask.value), ask.value)

    def _asked(self, ask: Ask, project: Project, promotion: str) -> Reply:
        record = self._restores.restore(ask.user, project, promotion, ask.key)
        said = f"{record} asks for the rows that {promotion} destroyed. Its card is in "
        return Reply(message=notice(line(said, place(project.policy.channels.deploys), ".")), wake=(record,))

    def verb(self, ask: Ask, project: Project, words: tuple[str, ...]) -> Reply:
        if words == ("now",):
            record = self._backups.now(ask.user, project, ask.key)
            told = notice(line(
                f"{record} is on its way. Its card is in ", place(project.policy.channels.deploys),
                "; /migrate backup lists what there is.",
            ))
            return Reply(message=told, wake=(record,))
        if len(words) == 2 and words[0] == "restore":
            return self._asked(ask, project, words[1].upper())
        if words == ("restore",):
            raise Unknown("Say whose rows: /migrate backup restore P-31. /migrate backup lists what is kept.")
        if words:
            raise Unknown(
                f"There is no /migrate backup {' '.join(words)}. There is: /migrate backup, /migrate backup now, "
                "and /migrate backup restore P-31 for rows that are kept inside production."
            )
        found = self._backups.listing(ask.user, project)
        return Reply(message=backup_list(found, self._rows(ask, project)))

    def _rows(self, ask: Ask, project: Project) -> tuple[str, ...]:
        try:
            kept = self._restores.kept(ask.user, project)
        except StagedoorError as trouble:
            return (f"Which rows are kept inside production could not be looked up: {trouble}",)
        return tuple(
            f"{one.record}: {rows_words(one.rows)} of {', '.join(one.tables)}, since {one.since:%d %b %Y %H:%M} UTC"
            + (", put back" if one.restored else "") for one in kept
        )
