"""How a fault of the logs is spoken of."""

from __future__ import annotations

from bot.domain.noise import ends_one_session
from bot.domain.scene import Account
from bot.domain.sighting import Fault, Severity, Source
from bot.domain.signal import Cause, Level, Signal, Wakes

KINDS = {
    Severity.PANIC: "PANIC", Severity.FATAL: "FATAL", Severity.ERROR: "error", Severity.SLOW: "slow query",
    Severity.HTTP_5XX: "failing requests",
}
SOURCES = {
    Source.POSTGRES: "Postgres", Source.EDGE_FUNCTION: "an edge function", Source.AUTH: "auth",
    Source.STORAGE: "storage", Source.POSTGREST: "PostgREST", Source.EDGE: "the API gateway",
    Source.DATABASE: "the database itself",
}


def kind_of(fault: Fault, *, new: bool = True) -> str:
    """`New error`, or `An error` of one that is known."""
    kind = "refused or ended session (FATAL)" if ends_one_session(fault) else KINDS[fault.severity]
    if new:
        return f"New {kind}"
    return kind[:1].upper() + kind[1:]


def key_of(fault: Fault) -> str:
    return f"log:{fault.fingerprint}"


def signal_of(
    account: Account, rule: str, title: str, level: Level, *, cause: Cause | None = None, wakes: Wakes | None = None,
    foldable: bool = True, also: tuple[str, ...] = (), within: str = "",
) -> Signal:
    """The signal of a fault: its template, which holds no literal, and who met it."""
    fault = account.fault
    code = f" ({fault.sqlstate})" if fault.sqlstate else ""
    return Signal(
        key=key_of(fault), rule=rule, title=title, level=level, said=f"{fault.template}{code}", count=fault.total,
        first=fault.first_seen, last=fault.last_seen, cause=cause, wakes=wakes, evidence=(*also, met_by(fault)),
        foldable=foldable, fingerprint=fault.fingerprint, within=within,
    )


def met_by(fault: Fault) -> str:
    """`From PostgREST as authenticated, 9 sessions`."""
    hits = fault.hits
    parts = [f"From {SOURCES[fault.source]}"]
    if hits.roles:
        parts[0] += f" as {', '.join(sorted(hits.roles)[:5])}{_more('roles', fault)}"
    for name, one in (("sessions", "session"), ("addresses", "address"), ("queries", "statement")):
        if found := getattr(hits, name):
            parts.append(f"{len(found)}{_more(name, fault)} {one}{'' if len(found) == 1 else _plural(one)}")
    if hits.applications:
        parts.append(f"application {', '.join(sorted(hits.applications)[:3])}")
    return ", ".join(parts)


def _more(name: str, fault: Fault) -> str:
    return "+" if name in fault.hits.more else ""


def _plural(word: str) -> str:
    return "es" if word.endswith("s") else "s"
