"""What people say to a process that dies while it works on it: worked on again it counts once, and is answered."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import pytest

from bot.domain.entry import Json
from bot.scrub import Scrubber
from handlers.desk.desk import ANSWERS, Desk
from handlers.door import deliveries
from handlers.incidents.report_desk import ReportDesk
from handlers.migrations.promotion_view import PromotionView
from handlers.subjects import subjects
from tests.handlers.test_forged import Reading
from tests.test_who_may import APPROVER, ASKER, MEMBER, OPERATOR, Office

WRITES = ("append", "open", "project", "put", "put_new", "keep")


class Killed(BaseException):
    """The process is gone."""


class Mortal:
    """A journal whose process dies right before, or right after, so many writes."""

    def __init__(self, journal: Any, writes: int, *, before: bool) -> None:
        self._journal, self.left, self._before = journal, writes, before

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._journal, name)
        if name not in WRITES:
            return found

        def write(*args: Any, **kwargs: Any) -> Any:
            self.left -= 1
            if self.left == 0 and self._before:
                raise Killed
            answer = found(*args, **kwargs)
            if self.left == 0:
                raise Killed
            return answer

        return write


class Work:
    """What would walk and tell; here only what was woken."""

    def wake(self, record: str) -> None: ...

    def tell(self) -> None: ...


def command(user: str, word: str, text: str) -> dict[str, Json]:
    return {"command": word, "text": text, "user_id": user, "team_id": "T", "channel_id": "C1", "trigger_id": "1.2"}


def press(user: str, action: str, value: str) -> dict[str, Json]:
    pressed: dict[str, Json] = {"action_id": action, "value": value, "action_ts": "3.4", "type": "button"}
    return {"type": "block_actions", "actions": [pressed], "user": {"id": user}, "channel": {"id": "C1"}}


def submit(user: str, window: str, metadata: str, **fields: str) -> dict[str, Json]:
    values: dict[str, Json] = {
        name: {name: {"type": "plain_text_input", "value": value}} for name, value in fields.items()
    }
    view: dict[str, Json] = {
        "id": "V1", "hash": "h", "type": "modal", "callback_id": window, "private_metadata": metadata,
        "state": {"values": values},
    }
    return {"type": "view_submission", "view": view, "user": {"id": user}}


SAID: dict[str, dict[str, Json]] = {
    "freeze": command(OPERATOR, "/deploy", "freeze an audit"),
    "freeze until": command(OPERATOR, "/deploy", "freeze until tomorrow 08:00 an audit"),
    "unfreeze": command(APPROVER, "/deploy", "unfreeze F-1 it is over"),
    "window": command(OPERATOR, "/deploy", "window tomorrow 22:00 for 2h"),
    "cancel a window": command(OPERATOR, "/deploy", "cancel W-1"),
    "approve": press(APPROVER, "promotion.approve", "P-1"),
    "reject": press(APPROVER, "promotion.reject", "P-1"),
    "confirm": press(OPERATOR, "promotion.confirm", "P-1:Edge cases tested"),
    "mute": press(OPERATOR, "alert.mute", "A-1"),
    "acknowledge": press(MEMBER, "alert.acknowledge", "A-1"),
    "open": submit(
        MEMBER, "incident.opening", '{"project":"shop","alert":"A-1"}@C0DEPLOYS', title="It burns", severity="SEV2",
    ),
    "note": command(MEMBER, "/incident", "note INC-1 I see it too"),
    "resolve": submit(OPERATOR, "incident.resolved", "INC-1", text="the index is back"),
    "measure": submit(MEMBER, "report.added", "INC-1", what="Count orders", who="", test="", until=""),
    "approve a rollback": press(APPROVER, "rollback.approve", "R-1"),
    "refused": press(ASKER, "promotion.approve", "P-1"),
}


def desk(office: Office, journal: Any) -> Desk:
    ports, scrub = office.ports_on(journal), Scrubber(())
    view = PromotionView(ports, scrub)
    spoken = subjects(ports, view, lambda name: name, Reading(), ReportDesk(ports, scrub))
    return Desk(journal, journal, Work(), spoken, cast(Any, None), office.clock)


def told(office: Office) -> tuple[list[tuple[str, str, str]], list[str]]:
    """What was journalled, under which numbers, and answered: no life that ended takes a number with it."""
    entries = [
        (f"{e.about} {e.data.get('id', '')}", e.kind, e.actor) for e in office.journal.entries(since=office.begun)
    ]
    answers = [str(doc["user"]) for doc in office.journal.all(ANSWERS).values()]
    return entries, answers


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an office that was set up once, to be copied."""
    folder = tmp_path_factory.mktemp("office")
    Office(folder).journal.close()
    return folder


@contextmanager
def opened(furnished: Path, folder: Path) -> Iterator[Office]:
    shutil.copytree(furnished, folder)
    office = Office(folder)
    yield office
    office.journal.close()


@pytest.mark.parametrize("what", SAID)
def test_killed_at_any_write_it_counts_once(what: str, furnished: Path, tmp_path: Path) -> None:
    with opened(furnished, tmp_path / "whole") as office:
        delivery = deliveries.delivery(SAID[what], office.clock.now())
        office.journal.receive(delivery)
        counted = Mortal(office.journal, 1000, before=True)
        assert desk(office, counted).work(delivery) in ("done", "refused")
        expected, writes = told(office), 1000 - counted.left
    assert expected[0] or expected[1], "it comes to nothing"
    for write in range(1, writes + 1):
        for before in (True, False):
            with opened(furnished, tmp_path / f"{write} {before}") as office:
                office.journal.receive(delivery)
                with suppress(Killed):
                    desk(office, Mortal(office.journal, write, before=before)).work(delivery)
                for waiting in office.journal.pending(office.clock.now()):
                    desk(office, office.journal).work(waiting)
                assert told(office) == expected, (write, before)
