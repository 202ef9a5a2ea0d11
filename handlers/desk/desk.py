"""Works off one delivery: what the person said, the subject that answers, what is kept, and what goes wrong."""

from __future__ import annotations

import difflib
import http.client
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.domain.entry import Fact, Json
from bot.errors import Refused, Unknown, Unreachable
from bot.ports import Clock, Delivery, Inbox, Journal, Put, Work
from handlers import failures
from handlers.conversation import Ask, Handler, Reply, Subject, together
from handlers.door import deliveries
from templates.blocks import notice

log = structlog.get_logger(__name__)

ANSWERS = "answers"
NOBODY = "inbox"                      # what a fact is about that names no record
GIVE_UP = timedelta(minutes=25)       # a response_url lives for 30
LONGEST_PAUSE = 60
SAY_SO = 2                            # the attempt (after some six seconds) whose failing is told: it may take longer
SHORT = 200
GONE = "Slack gave up the window; press it again."
OPENED_BEFORE = "exchanged_trigger_id", "trigger_exchanged"
EXPIRED = "expired_trigger_id", "trigger_expired", "invalid_trigger_id", "invalid_trigger", "ratelimited"


class Desk:
    """Deliveries come one by one, each perhaps more than once; what is kept of them is kept once."""

    def __init__(
        self, inbox: Inbox, journal: Journal, work: Work, subjects: Iterable[Subject], slack: WebClient, clock: Clock,
    ) -> None:
        self._inbox, self._journal, self._work = inbox, journal, work
        self._subject = together(subjects)
        self._slack, self._clock = slack, clock

    def work(self, delivery: Delivery) -> str:
        """Work it off and finish it, or put it off; returns how it went. Raises only when the store fails."""
        ask = self._meant(deliveries.ask(delivery))
        outcome = "done"
        try:
            reply = self._handler(ask)(ask)
            if reply.view is not None:
                reply = self._opened(ask, reply)
            if reply.home is not None:
                self._publish(ask, reply.home)
        except (Refused, Unknown) as exc:
            outcome, reply = "refused", self._refusal(ask, exc)
        except Unreachable as exc:
            if self._put_off(delivery, ask, exc):
                return "postponed"
            outcome, reply = "failed", self._failure(ask, exc)
        except Exception as exc:
            outcome, reply = "failed", self._failure(ask, exc)
        try:
            self._finish(ask, reply)
            return outcome
        except (TypeError, ValueError) as exc:  # something about this very reply, which stays so
            trouble: Exception = exc
        except Exception as exc:
            if self._put_off(delivery, ask, exc):
                return "postponed"
            trouble = exc
        self._finish(ask, self._failure(ask, trouble))
        return "failed"

    def _meant(self, ask: Ask) -> Ask:
        """A mention of the bot says what a command says: slash commands do not work in threads."""
        if ask.kind != "event" or ask.name != "app_mention" or ask.name in self._subject.events:
            return ask
        first, _, rest = ask.text.partition(" ")
        return replace(ask, name="/" + first.strip().lower().lstrip("/"), text=rest.strip())

    def _handler(self, ask: Ask) -> Handler:
        subject = self._subject
        if ask.kind == "command" or ask.name.startswith("/"):
            unknown = _unknown(_other_command(ask.name, sorted(subject.commands)))
            return subject.commands.get(ask.name) or (self._mentioned(unknown) if ask.kind == "event" else unknown)
        if ask.kind == "event":
            return subject.events.get(ask.name, _nothing)
        known = {"action": subject.actions, "view": subject.views, "shortcut": subject.shortcuts}[ask.kind]
        return known.get(ask.name) or _unknown(
            "This release of Stagedoor does not know that button or window. /migrate help says what there is."
        )

    def _mentioned(self, unknown: Handler) -> Handler:
        """A mention without a command may still mean something, such as a word in an incident's thread."""
        def answered(ask: Ask) -> Reply:
            for handler in self._subject.mentions.values():
                reply = handler(ask)
                if reply.facts or reply.message is not None:
                    return reply
            return unknown(ask)

        return answered

    def _opened(self, ask: Ask, reply: Reply) -> Reply:
        """Open the reply's window, before anything slow: its trigger lives three seconds."""
        assert reply.view is not None
        try:
            self._slack.views_open(trigger_id=ask.trigger, view=dict(reply.view))
        except SlackApiError as exc:
            code = failures.code(exc)
            if code in OPENED_BEFORE:  # by us, before a crash or a lost answer
                return reply
            if code not in EXPIRED and exc.response.status_code < 500:
                raise
            log.info("window.not_opened", key=ask.key, name=ask.name, why=code)
            return replace(reply, message=notice(GONE))
        except (SlackClientError, OSError, http.client.HTTPException) as exc:
            log.info("window.not_opened", key=ask.key, name=ask.name, why=type(exc).__name__)
            return replace(reply, message=notice(GONE))
        return reply

    def _publish(self, ask: Ask, view: Mapping[str, Json]) -> None:
        """Show it in the person's App Home; when that fails, it is drawn afresh the next time it is opened."""
        try:
            self._slack.views_publish(user_id=ask.user, view=dict(view))
        except (SlackApiError, SlackClientError, OSError, http.client.HTTPException) as exc:
            log.info("home.not_published", key=ask.key, why=failures.code(exc) if isinstance(exc, SlackApiError)
                     else type(exc).__name__)

    def _refusal(self, ask: Ask, exc: Refused | Unknown) -> Reply:
        asked = f"{ask.name} {ask.text or ask.value}".strip()
        fact = Fact(
            about=self._record(ask), kind="person.refused", actor=ask.user or NOBODY,
            data={"asked": asked if len(asked) <= SHORT else asked[:SHORT - 1] + "…", "why": str(exc)},
        )
        return Reply(facts=(fact,), message=notice(failures.refusal(exc)))

    def _record(self, ask: Ask) -> str:
        """The record that a button names; what it names is looked up, since a value proves nothing."""
        named = ask.value.partition(":")[0]
        return named if named and self._journal.load(named) is not None else NOBODY

    def _put_off(self, delivery: Delivery, ask: Ask, exc: Exception) -> bool:
        """Try again later, unless the person could no longer be answered then."""
        pause = timedelta(seconds=min(2 ** (delivery.attempts + 1), LONGEST_PAUSE))
        until = self._clock.now() + pause
        if until > delivery.received + GIVE_UP:
            return False
        self._inbox.postpone(delivery.key, until)
        why = failures.cause(exc)
        log.warning(
            "delivery.postponed", key=delivery.key, name=ask.name, attempts=delivery.attempts + 1, why=why,
            exc_info=None if isinstance(exc, Unreachable) else exc,
        )
        if delivery.attempts == SAY_SO:
            waiting = Reply(message=notice(f"{why} Stagedoor keeps trying for 25 minutes; nothing was changed so far."))
            self._journal.append((), puts=self._answer(ask, waiting, f"{ask.key}:waiting"))
            self._work.tell()
        return True

    def _failure(self, ask: Ask, exc: Exception) -> Reply:
        message, ref = failures.sentence(exc)
        log.error("delivery.failed", ref=ref, key=ask.key, kind=ask.kind, name=ask.name, user=ask.user, exc_info=exc)
        return Reply(message=message)

    def _finish(self, ask: Ask, reply: Reply) -> None:
        self._journal.append(reply.facts, key=ask.key, puts=(*reply.puts, *self._answer(ask, reply, ask.key)))
        if reply.facts or reply.message is not None:
            self._work.tell()
        # A wake-up too many costs nothing, so they are given even if the facts were known before.
        for record in dict.fromkeys((*reply.wake, *(fact.about for fact in reply.facts if fact.about != NOBODY))):
            self._work.wake(record)

    def _answer(self, ask: Ask, reply: Reply, key: str) -> tuple[Put, ...]:
        """The private answer, for the one who brings answers; in the transaction of its facts, so it is never lost."""
        if reply.message is None:
            return ()
        return (Put(shelf=ANSWERS, key=key, doc={
            "response_url": ask.response_url, "user": ask.user, "channel": ask.channel, "thread": ask.thread,
            "message": reply.message.to_json(), "at": self._clock.now().isoformat(),
        }),)


def _nothing(ask: Ask) -> Reply:
    return Reply()


def _unknown(why: str) -> Handler:
    def answer(ask: Ask) -> Reply:
        raise Unknown(why)

    return answer


def _other_command(name: str, known: list[str]) -> str:
    if not known:
        return f"Stagedoor does not know {name}."
    if name == "/":     # a mention, and nothing else
        return f"Say what to do, for example “migrate status”. {', '.join(known)}: each says more with help."
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    meant = f" Did you mean {near[0]}?" if near else ""
    return f"Stagedoor does not know {name}.{meant} It listens to {', '.join(known)}; each says more with help."
