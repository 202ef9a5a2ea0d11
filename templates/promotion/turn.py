"""When a promotion goes in and who is there, as lines of its thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from bot.domain.entry import Entry
from bot.domain.promotion import Promotion
from bot.domain.values import texts
from templates.blocks import line, mention, when
from templates.words import Told, named, sentence


def _planned(p: Promotion, e: Entry) -> Told:
    opens = when(datetime.fromisoformat(str(e.data["opens"])))
    why = f"{sentence(e.data['why'])}. " if e.data["why"] else ""
    return line(why, f"{p.id} waits for the deploy window, ", opens)


def _held(p: Promotion, e: Entry) -> Told:
    return line(f"{p.id} waits for {e.data['why']}")


def _scheduled(p: Promotion, e: Entry) -> Told:
    opens = when(datetime.fromisoformat(str(e.data["opens"])))
    return line("Scheduled by ", mention(e.actor), " for the deploy window, ", opens)


def _run_now_asked(p: Promotion, e: Entry) -> Told:
    approvers = texts(e.data.get("approvers"))
    reason = str(e.data["reason"]).rstrip(".")
    return line(named(approvers), ": " if approvers else "", mention(e.actor),
                f" asks to run {p.id} outside of the deploy windows. Reason: {reason}. "
                "An approver other than the requester has to press Run now on its card as well.")


def _run_now(p: Promotion, e: Entry) -> Told:
    return line("Outside of the deploy windows: let through by ", mention(e.actor), f". Reason: {e.data['reason']}")


def _run_now_void(p: Promotion, e: Entry) -> Told:
    return line("The word of ", mention(str(e.data["by"])), f" to run it now no longer counts: {e.data['why']}.")


def _near(p: Promotion, e: Entry) -> Told:
    people = texts(e.data["people"])
    names = named(people), " " if people else ""
    opens = when(datetime.fromisoformat(str(e.data["opens"])))
    if not e.data["attended"]:
        return line(*names, f"{p.id} goes in when the deploy window opens, ", opens)
    return line(
        *names, f"{p.id} goes in when the deploy window opens, ", opens,
        ", if one of you is there then: press I am here on its card. Otherwise it waits for the next window.",
    )


def _here(p: Promotion, e: Entry) -> Told:
    return line(mention(e.actor), " is there")


TURN: Mapping[str, Callable[[Promotion, Entry], Told]] = {
    "window.planned": _planned,
    "window.held": _held,
    "window.scheduled": _scheduled,
    "run_now.asked": _run_now_asked,
    "run_now.given": _run_now,
    "run_now.void": _run_now_void,
    "window.near": _near,
    "promotion.attended": _here,
}
"""How each of its entries is told."""
