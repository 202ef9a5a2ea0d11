"""`stagedoor serve`: opens everything outside, wires the wings together, serves, and ends in good order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot import logs
from bot.adapters.health import HttpHealth
from bot.adapters.heartbeat import EVERY_SECONDS, Heartbeat
from bot.adapters.loop import Loop
from bot.adapters.pager import HttpPager
from bot.adapters.pages import PageVisitor
from bot.adapters.pictures import DrawnPictures
from bot.adapters.system_clock import SystemClock
from bot.adapters.threads import Threads
from bot.backups.verbs import BackupRequests
from bot.clock import Job, Timetable
from bot.listening import Listening
from bot.metrics import Metrics
from bot.opening import open_projects
from bot.policy import Policy
from bot.promotions.verbs import Promotions
from bot.reporting.names import Remembering
from bot.runbooks.every import RUNBOOKS
from bot.runbooks.walker import Walker
from bot.scrub import Scrubber
from bot.settings import Settings
from bot.signing import Links
from bot.stores import Store, store_at
from bot.telling.comments import Comments
from bot.telling.digest import morning
from bot.telling.mirror import Mirror
from bot.telling.notices import tell_policy_changes, tell_unknown_names
from bot.watch.watcher import Watcher
from bot.windows.activity import EVERY, measure
from bot.world import Ports, Project
from handlers.announcing.announcer import Announcer
from handlers.announcing.showing import untold
from handlers.conversation import together
from handlers.desk.answers import Answers
from handlers.desk.inbox import InboxPool
from handlers.doctor import unknown_names
from handlers.door.drain import DrainDoor, Mouth
from handlers.door.http import Part, SlackDoor, build, listening
from handlers.door.http import serve as serve_http
from handlers.door.listeners import build_app
from handlers.door.pages import Pages
from handlers.door.socket_mode import SocketMode
from handlers.door.standby import standing_by
from handlers.incidents.canvas import Canvases
from handlers.incidents.report_desk import ReportDesk
from handlers.incidents.thread_reader import ThreadReader
from handlers.migrations.promotion_view import PromotionView
from handlers.migrations.written import drawn
from handlers.slack.introduction import learn_identity, prove_app_token
from handlers.slack.people import SlackPeople
from handlers.slack.slack_in import SlackIn
from handlers.slack.slack_out import SlackOut
from handlers.subjects import subjects
from handlers.views import every_view
from handlers.which import Which
from handlers.windows.signpost import Signpost
from templates.comment import comment

log = structlog.get_logger(__name__)

PRUNE_AFTER = timedelta(days=30)
UNSURE_FOR = timedelta(seconds=1)


def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT, then end in good order; returns the exit status."""
    scrub = Scrubber(settings.secrets())
    logs.configure(scrub, form=settings.log_format, level=settings.log_level)
    logs.catch_uncaught()
    stop = threading.Event()
    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, lambda *_: stop.set())
    place, ousted = store_at(settings.store_address), threading.Event()

    def oust() -> None:
        log.error("stopping", why="the lock on the store went to another process, which serves now")
        ousted.set()
        stop.set()

    with place.lock() as lock:
        if not lock.try_acquire():
            log.warning("standing by", why="another process serves this store", holder=lock.holder())
            with standing_by(settings.host, settings.port, lock.holder):
                mine = lock.acquire(poll=1.0, stop=stop)
            if not mine:
                return 0
        journal = place.open(SystemClock(), scrub)
        try:
            lock.watch(oust)
            House(settings, journal, scrub, stop, lock.sure).serve()
        finally:
            journal.close()
    return 1 if ousted.is_set() else 0


class House:
    """Everything that serves, wired together. Beginning and end are in the order in which parts lean on each other."""

    def __init__(
        self, settings: Settings, journal: Store, scrub: Scrubber, stop: threading.Event, sure: Callable[[], bool],
    ) -> None:
        self._settings, self._journal, self._stop, self._sure = settings, journal, stop, sure
        self._clock = clock = SystemClock()
        self._client = WebClient(
            token=settings.slack_bot_token.get_secret_value(), base_url=settings.slack_api_url, timeout=10,
        )
        self._identity = learn_identity(self._client, journal)
        projects = open_projects(settings, clock)
        groups = {listed for p in projects.values() for listed in _listed(p.policy) if listed.startswith("S")}
        self._ports = ports = Ports(
            journal=journal, shelves=journal, clock=clock,
            people=Remembering(SlackPeople(self._client, self._identity.team_id, sorted(groups)), journal),
            health=HttpHealth(), projects=projects, wake=self._wake, tell=self._tell, stopping=stop.is_set,
            pages=PageVisitor(), tallies=journal, pager=_pager(settings), pictures=DrawnPictures(), serving=sure,
        )
        links = Links(address=settings.stagedoor_url, secret=settings.link_key)
        self._pages = Pages(journal, links, clock, scrub, drawn(ports))
        view = PromotionView(ports, scrub)
        out = SlackOut(self._client, clock, scrub, serving=sure)
        views = every_view(ports, view, scrub, lambda action: action in self._speaks)
        fits = Which(Promotions(ports), lambda name: name).shown
        self._announcer = Loop("announcer", Announcer(journal, journal, out, clock, views, fits).announce, clock)
        self._private = Answers(journal, out, clock, api_url=settings.slack_api_url)
        self._answers = self._loop("answers", self._private.send)
        self._mirror = self._loop("mirror", Mirror(ports, links, Comments(ports, comment, scrub)).reflect)
        self._signpost = Loop("signpost", Signpost(ports, out).show, clock)
        self._watcher = Watcher(ports)
        self._vitals = Loop("vitals", self._watcher.databases, clock)
        self._judging = Loop("judging", self._watcher.logs, clock)
        self._listening = Listening(settings, journal, clock, lambda folded: self._judging.nudge())
        self._polling = Loop("polling", self._listening.rounds.step, clock)
        self._threads = Threads(Walker(ports, RUNBOOKS).walk, self._tell)
        self._metrics = Metrics()
        self._unknown: list[str] = []
        reading = SlackIn(self._client, journal, self._identity.home)
        canvases = Canvases(ports, out, f"{self._identity.home.rstrip('/')}/docs/{self._identity.team_id}")
        self._canvases = Loop("canvases", canvases.tend, clock)
        reports = ReportDesk(ports, scrub, links, canvases)
        reader = ThreadReader(ports, reading, self._identity.bot_user_id)
        self._reader = Loop("threads", reader.read, clock)
        speaking = subjects(ports, view, out.channel_id, reading, reports)
        self._speaks = together(speaking).actions
        self._inbox = InboxPool(journal, journal, self._threads, speaking, self._client, clock, metrics=self._metrics)
        self._app = build_app(
            self._identity, journal, speaking, clock, self._inbox.nudge, self._client, self._metrics,
        )
        self._sockets = self._open_sockets()
        self._timetable = Timetable(
            journal, self._threads, clock, (
                Job(every=24 * 3600, do=self._prune),
                Job(every=60, do=BackupRequests(ports).nightly),
                Job(every=20, do=lambda: morning(ports, self._wake)),
                Job(every=EVERY_SECONDS, do=Heartbeat(_heartbeats(settings), self._unwell).beat),
                Job(every=15, do=self._listening.alive),
                Job(every=EVERY.total_seconds(), do=lambda: measure(ports)),
            ),
        )

    def _loop(self, name: str, step: Callable[[], datetime | None]) -> Loop:
        """One that speaks to the outside, which it leaves to whoever serves."""
        return Loop(name, lambda: step() if self._sure() else self._clock.now() + UNSURE_FOR, self._clock)

    def serve(self) -> None:
        """Start, serve HTTP until told to stop, and let go in the opposite order."""
        at = listening(self._settings.host, self._settings.port)
        first = next(iter(self._ports.projects.values()))
        tell_policy_changes(self._journal, self._journal, self._settings.policy, first)
        threading.Thread(target=self._look_up_names, args=(first,), name="names", daemon=True).start()
        for loop in (
            self._announcer, self._answers, self._mirror, self._signpost, self._vitals, self._judging, self._reader,
            self._canvases,
        ):
            loop.start()
        self._inbox.start()
        self._listening.begin()
        self._polling.start()
        self._timetable.start()
        web = build(
            slack=self._slack_door(), alive={"process": lambda: None}, ready=self._parts(), metrics=self._metrics,
            routes=[*self._pages.routes(), *self._drain_door().routes()],
            notes=lambda: [*self._unknown, *self._listening.notes(), *untold(self._journal)],
        )
        if self._sockets:
            self._sockets.start()
        serve_http(web, self._settings.host, self._settings.port, self._stop, _ready, at)
        self._stop.set()
        log.info("stopping")
        if self._sockets:
            self._sockets.stop()
        self._inbox.drain(5.0)
        self._polling.stop(1.0)
        self._listening.stop()
        self._timetable.stop()
        self._threads.stop()
        self._announcer.stop(3.0)
        self._answers.stop(3.0)
        self._mirror.stop(1.0)
        self._reader.stop(1.0)
        self._canvases.stop(1.0)
        self._vitals.stop(1.0)
        self._judging.stop(1.0)
        self._signpost.stop(1.0)
        self._private.close()

    def _drain_door(self) -> DrainDoor:
        mouths = {where: Mouth(drain, secret) for where, (drain, secret) in self._listening.drains.items()}
        return DrainDoor(mouths, self._listening.sole, self._metrics.registry)

    def _prune(self) -> None:
        self._journal.prune(self._clock.now() - PRUNE_AFTER)
        self._listening.prune()

    def _look_up_names(self, where: Project) -> None:
        """Say which names of the policy Slack does not know; no reason not to start, so it does not hold that up."""
        self._unknown = unknown_names(self._settings, self._client, self._identity.team_id)
        tell_unknown_names(self._journal, self._journal, self._unknown, where)
        self._tell()

    def _slack_door(self) -> SlackDoor | None:
        if self._sockets:
            return None
        secret = self._settings.slack_signing_secret.get_secret_value()
        return SlackDoor(self._app, secret, self._clock, self._metrics)

    def _open_sockets(self) -> SocketMode | None:
        token = self._settings.slack_app_token
        if token is None:
            return None
        sockets = SocketMode(self._app, self._client, token.get_secret_value(), self._metrics)
        prove_app_token(sockets)
        return sockets

    def _wake(self, record: str) -> None:
        self._threads.wake(record)

    def _tell(self) -> None:
        for loop in (self._announcer, self._answers, self._mirror, self._signpost, self._canvases):
            loop.nudge()

    def _parts(self) -> Mapping[str, Part]:
        parts: dict[str, Part] = {"store": self._store, "scheduler": self._scheduler, "slack": self._slack}
        return parts | ({"sockets": self._sockets.state} if self._sockets else {})

    def _unwell(self) -> list[str]:
        """What of us does not work now, for the heartbeat."""
        return [f"{name}: {wrong}" for name, part in self._parts().items() if (wrong := part())]

    def _store(self) -> str | None:
        self._journal.load("P-0")
        return None

    def _scheduler(self) -> str | None:
        well = self._timetable.running() and self._announcer.alive() and self._answers.alive()
        return None if well else "a thread of the clock ended"

    def _slack(self) -> str | None:
        try:
            self._client.auth_test()
        except SlackApiError as trouble:
            return f"answers {trouble.response.get('error', trouble.response)}"
        except (SlackClientError, OSError) as trouble:
            return f"does not answer ({type(trouble).__name__})"
        return None


def _listed(policy: Policy) -> tuple[str, ...]:
    return (
        *policy.roles.members, *policy.roles.operators, *policy.approvals.approvers, *policy.incidents.on_call,
    )


def _pager(settings: Settings) -> HttpPager | None:
    if settings.pager_url is None:
        return None
    key = settings.pager_key.get_secret_value() if settings.pager_key else ""
    return HttpPager(settings.pager_url.get_secret_value(), key)


def _heartbeats(settings: Settings) -> list[str]:
    """The addresses that the policies name by their variables."""
    named = [each.policy.watch.heartbeat_env for each in settings.projects.values()]
    return [settings.named[name].get_secret_value() for name in named if name in settings.named]


def _ready(port: int) -> None:
    log.info("ready", port=port)
