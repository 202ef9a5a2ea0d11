"""Private answers: a sentence for one person, through the address that Slack gave with their click or command."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import structlog

from bot.adapters.trust import authorities
from bot.domain.entry import Json
from bot.ports import Clock, Put, Shelves
from handlers.announcing.posting import BADLY_SAID, simplest
from handlers.slack.outcomes import Gone, Sent
from handlers.slack.slack_out import SlackOut

SHELF = "answers"

HOSTS = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
URL_LIVES = timedelta(minutes=30)
URL_USES = 5
GIVE_UP = timedelta(minutes=35)

log = structlog.get_logger(__name__)


class Answers:
    """Sends what lies on the shelf `answers`, each on its own, so that a slow one holds up no other.

    Nobody can look up whether a private answer arrived. When the program dies in the middle,
    the answer is sent again: a doubled private sentence is better than silence.
    """

    def __init__(
        self, shelves: Shelves, slack: SlackOut, clock: Clock, api_url: str = "https://slack.com/api/", *,
        timeout: float = 5.0, patience: float = 1.0,
    ) -> None:
        self._shelves = shelves
        self._slack = slack
        self._clock = clock
        self._stand_in = _stand_in(api_url)
        self._http = httpx.Client(verify=authorities(), timeout=timeout, follow_redirects=False)
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="answers")
        self._patience = patience
        self._running: dict[str, Future[None]] = {}
        self._rests: dict[str, datetime] = {}

    def send(self) -> datetime | None:
        """Start sending what waits; says when it wants to be called again (None: nothing is left)."""
        now = self._clock.now()
        self._running = {key: job for key, job in self._running.items() if not job.done()}
        waiting = self._shelves.all(SHELF)
        for key in [key for key in self._rests if key not in waiting]:
            self._rests.pop(key, None)
        for key, doc in waiting.items():
            if key not in self._running and self._rests.get(key, now) <= now:
                self._running[key] = self._pool.submit(self._deliver, key, doc)
        wait(self._running.values(), timeout=self._patience)
        left = [self._rests.get(key, now + timedelta(seconds=1)) for key in self._shelves.all(SHELF)]
        return min(left, default=None)

    def close(self) -> None:
        """Let what is under way come to its end, which is near: every call has its time-out."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._http.close()

    def _deliver(self, key: str, doc: Mapping[str, Json]) -> None:
        try:
            again = self._try(key, dict(doc))
        except Exception:
            log.exception("a private answer could not be sent", answer=key)
            again = self._clock.now() + timedelta(seconds=10)
        if again is None:
            self._shelves.put([Put(shelf=SHELF, key=key, doc=None)])
        else:
            self._rests[key] = again

    def _try(self, key: str, doc: dict[str, Any]) -> datetime | None:
        """One try; None when the answer is off our hands, otherwise when to try again."""
        now = self._clock.now()
        age = now - _moment(doc.get("at"), now)
        if age > GIVE_UP:
            log.error("a private answer was given up", answer=key, minutes=int(age.total_seconds() // 60))
            return None
        tries = int(doc.get("tries") or 0)
        doc |= {"tries": tries + 1, "sending": now.isoformat(), "at": doc.get("at") or now.isoformat()}
        self._shelves.put([Put(shelf=SHELF, key=key, doc=doc)])
        backoff = now + timedelta(seconds=min(60, 2 ** min(tries, 6)))
        url = str(doc.get("response_url") or "")
        if url and not self._allowed(url):
            log.error("an answer was to go to a foreign address", answer=key)
            url = ""
        if url and age < URL_LIVES and tries < URL_USES:
            again = self._respond(url, doc["message"], backoff)
            if not isinstance(again, int):
                return again
            log.info("a response_url takes no answer", answer=key, status=again)
        return self._whisper(key, doc, backoff)

    def _respond(self, url: str, message: Mapping[str, Json], backoff: datetime) -> datetime | int | None:
        """Answer where the click came from: None when done, a time to try again, or the status that refused it."""
        body = self._slack.scrubbed(message) | {"response_type": "ephemeral", "replace_original": False}
        try:
            response = self._http.post(url, json=body)
        except httpx.HTTPError:
            return backoff
        if response.is_success:
            return None
        if response.status_code == 429:
            return max(backoff, self._clock.now() + timedelta(seconds=_seconds(response.headers.get("Retry-After"))))
        return backoff if response.status_code >= 500 else response.status_code

    def _whisper(self, key: str, doc: Mapping[str, Any], backoff: datetime) -> datetime | None:
        """Show the answer in the channel, to that person alone."""
        channel, user, thread = (str(doc.get(name) or "") for name in ("channel", "user", "thread"))
        if not (channel and user):
            log.error("a private answer has nowhere to go", answer=key)
            return None
        outcome = self._slack.ephemeral(channel, user, doc["message"], thread=thread)
        if isinstance(outcome, Gone) and outcome.error in BADLY_SAID:
            outcome = self._slack.ephemeral(channel, user, simplest(doc["message"]), thread=thread)
        if isinstance(outcome, Sent):
            return None
        if isinstance(outcome, Gone):
            log.error("Slack does not take a private answer", answer=key, error=outcome.error)
            return None
        return max(outcome.until, backoff)

    def _allowed(self, url: str) -> bool:
        """Only Slack's own host, or the stand-in's: an address from outside must not make us call anybody else."""
        try:
            target = httpx.URL(url)
        except httpx.InvalidURL:
            return False
        if target.userinfo:
            return False
        origin = (target.scheme, target.host, target.port)
        return origin == self._stand_in or (origin[0] == "https" and origin[1] in HOSTS and origin[2] is None)


def _stand_in(api_url: str) -> tuple[str, str, int | None] | None:
    """The origin of a Slack that is not Slack: answers may go there too."""
    api = httpx.URL(api_url)
    real = api.host in ("slack.com", "slack-gov.com") or api.host.endswith((".slack.com", ".slack-gov.com"))
    return None if real else (api.scheme, api.host, api.port)


def _moment(at: object, otherwise: datetime) -> datetime:
    if isinstance(at, int | float):
        return datetime.fromtimestamp(at, UTC)
    try:
        moment = datetime.fromisoformat(str(at))
    except ValueError:
        return otherwise
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _seconds(header: str | None) -> float:
    try:
        return max(1.0, float(header or 30))
    except ValueError:
        return 30.0
