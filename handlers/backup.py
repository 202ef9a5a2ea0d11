"""What people can say about backups: `/migrate backup` and `/migrate backup now`."""

from __future__ import annotations

from bot.backups import BackupRequests
from bot.errors import Unknown
from bot.world import Project
from handlers.conversation import Ask, Reply
from templates.backup_list import Listed, backup_list
from templates.blocks import line, notice


class BackupVerb:
    """The sub-command."""

    def __init__(self, backups: BackupRequests) -> None:
        self._backups = backups

    def verb(self, ask: Ask, project: Project, words: tuple[str, ...]) -> Reply:
        if words == ("now",):
            record = self._backups.now(ask.user, project, ask.key)
            said = f"{record} is on its way. Its card is in {project.policy.channels.deploys}; "
            return Reply(message=notice(line(f"{said}/migrate backup lists what there is.")), wake=(record,))
        if words:
            raise Unknown(f"There is no /migrate backup {' '.join(words)}. There is: /migrate backup, and … now.")
        found = self._backups.listing(ask.user, project)
        return Reply(message=backup_list(Listed(
            project=found.project, good=found.good, running=found.running, failed=found.failed, going=found.going,
            schedule=found.schedule, when=found.when,
        )))
