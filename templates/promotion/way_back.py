"""The way back in Slack: two lines on a promotion's card, the modal `Rollback plan`, and a staging run's evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.entry import Entry
from bot.domain.promotion import Promotion
from bot.domain.rolling_back import Rolling
from bot.domain.values import texts
from bot.domain.way_back import Schema, WayBack, are
from templates.blocks import (
    Block,
    Mark,
    bold,
    button,
    line,
    lines,
    mention,
    modal,
    preformatted,
    section,
    speech,
    when,
)
from templates.promotion.backup import NOWHERE, kept, kept_by_rollback

ROLLBACK_PLAN, ROLL_BACK = "promotion.way_back", "promotion.roll_back"
_SHOWN = 12_000
_FEW = 3


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One file's way back, with its SQL as text; `way` is None where nothing was tried yet."""

    filename: str
    way: WayBack | None
    sql: str = ""


def rollback_button(promotion: Promotion, id: str) -> list[Block]:
    """`Rollback plan`, once there is one to show."""
    known = promotion.ways or promotion.way_back.get("schema")
    return [button("Rollback plan", ROLLBACK_PLAN, id)] if known else []


def roll_back_button(promotion: Promotion, id: str, live_stage: str) -> list[Block]:
    """`Roll back`, once something of it is in production, nothing more is going in, and nothing takes it back yet."""
    back = promotion.taken_back
    if promotion.kind != "promotion" or not promotion.changed_something or promotion.may_have_changed:
        return []
    if (back and not back.ended) or (promotion.ending is None and live_stage not in ("watch", "done")):
        return []
    return [button("Roll back", ROLL_BACK, id, style="danger")]


def card_lines(promotion: Promotion) -> list[Block]:
    """What the change locks and what the way back is worth, as far as staging showed it; not of what is not in."""
    never = promotion.ending is not None and not promotion.began and not promotion.may_have_changed
    if never or (promotion.taken_back is not None and promotion.taken_back.done):
        return []
    back = promotion.way_back
    held, schema = texts(back.get("locks")), str(back.get("schema", ""))
    said = [f"Locks {_few(_together(held))}: seen on staging." if held else ""]
    if schema:
        data = _data(texts(back.get("lost")), texts(back.get("given_up")), promotion, texts(back.get("stays")))
        said.append(f"Way back: schema {_schema(Schema(schema))}. {data}")
    return [section(lines(*said))] if any(said) else []


def rollback_modal(promotion: Promotion, plans: Sequence[Plan]) -> Block:
    """Each file's way back: whose SQL it is, what came of trying it, what it cannot bring back."""
    blocks, room = list[Block](), _SHOWN
    for plan in reversed(plans):
        blocks.append(section(_verdict(plan, promotion)))
        if plan.way and plan.sql.strip():
            blocks.append(preformatted(plan.sql[: max(room, 200)]))
            if len(plan.sql) > room:
                blocks.append(section(line(f"… {len(plan.sql) - max(room, 200):,} more characters")))
            room -= len(plan.sql)
    head = line(f"{promotion.id} · plan {promotion.plan.digest[:6]} · newest file first, as they would be taken back.")
    return modal("Rollback plan", [section(head), *blocks], "promotion.way_back.read")


def evidence_lines(entry: Entry) -> Mark:
    """The verification checklist of a staging run, each line with what was seen."""
    return lines("Verified on staging:", *(line(f"{_mark(text)} {text}") for text in texts(entry.data.get("lines"))))


def _mark(text: str) -> str:
    """Not everything that was seen is well: what was left half-built or could not be seen says so."""
    if any(word in text for word in ("INVALID", "NOT VALID", "not checked", "not compile")):
        return "✗"
    if "not counted" in text or "could not" in text:
        return "?"
    return "·" if text.startswith("Locks ") or text.endswith("counts as destructive") else "✓"


def proof_lines(promotion: Promotion, entry: Entry) -> Mark:
    """What trying the way back said, one line a file."""
    labels = {file.version: file.label for file in promotion.plan.files}
    said = []
    for way in promotion.ways:
        mark = "✓" if way.proven else "✗" if way.schema is Schema.DIFFERS else "?"
        whose = "the rollback file" if way.source == "file" else "a draft"
        why = "" if way.proven else f" {_few(list(way.said), '; ')}"
        took = f" Tried in {way.seconds * 1000:.0f} ms {way.how or 'and rolled back'}." if way.seconds else ""
        data = _data(way.lost, way.given_up, promotion, way.stays)
        back = f"{mark} Way back from {labels.get(way.version, way.version)}, by {whose}"
        said.append(speech(f"{back}: schema {_schema(way.schema)}.{why}{took} {data}"))
    return lines(*said)


def _verdict(plan: Plan, promotion: Promotion) -> Mark:
    way = plan.way
    if way is None:
        return lines(bold(plan.filename), "Not tried yet.")
    draft = "A draft from staging's catalog; put it into supabase/rollbacks to keep it"
    return lines(
        bold(plan.filename), f"{'The rollback file' if way.source == 'file' else draft}.",
        f"Schema: {_schema(way.schema)}, tried in {way.seconds * 1000:.0f} ms {way.how or 'on staging'}.",
        *(line(f"· {said}") for said in way.said[:8]), _data(way.lost, way.given_up, promotion, way.stays),
    )


def _schema(schema: Schema) -> str:
    return {
        Schema.EXACT: "proven exact", Schema.ORDER: "proven exact but for column order",
        Schema.DIFFERS: "does not come back as it was", Schema.UNKNOWN: "could not be checked",
    }[schema]


def data_line(lost: Sequence[str], given_up: Sequence[str], stays: Sequence[str], promotion: Promotion) -> Mark:
    """What data a way back costs, and what holds it."""
    return line(_data(lost, given_up, promotion, stays))


def rollback_data(rollback: Promotion, own: Rolling) -> Mark:
    """The same on a rollback's own card: what the promotion destroyed lies in that one's backup, not in this one's."""
    destroyed = f"kept in backup {own.kept_in}" if own.kept_in else ""
    return line(_costs(
        own.lost, own.given_up, destroyed, kept(rollback) or NOWHERE, over=bool(rollback.committed), stays=own.stays,
        whose=f"{own.of} left them",
    ))


def approving_costs(promotion: Promotion) -> str:
    """What the question before an approval says of locks and data, in one breath."""
    back = promotion.way_back
    held = [text.partition(" (")[0] for text in _together(texts(back.get("locks")))]
    lost = texts(back.get("lost"))
    said = [f"Locks {_few(held)}." if held else ""]
    said.append(f"Destroys {_few(lost)} ({kept(promotion) or NOWHERE})." if lost else "")
    return " ".join(text for text in said if text)


def rollback_of(p: Promotion) -> Mark:
    """What a promotion's card says of its rollback; nothing where there is none to speak of."""
    back = p.taken_back
    if back is None or back.ended:
        return Mark("")
    if back.done:
        return line(f"Rolled back by {back.record}, ", when(back.at), ", asked for by ", mention(back.by),
                    f": {back.reason}")
    return line(f"{back.record} takes it back, asked for by ", mention(back.by), f": {back.reason}")


def _data(lost: Sequence[str], given_up: Sequence[str], promotion: Promotion, stays: Sequence[str] = ()) -> str:
    return _costs(lost, given_up, kept(promotion), kept_by_rollback(promotion), stays=stays)


def _costs(
    lost: Sequence[str], given_up: Sequence[str], kept_now: str, kept_then: str, *, over: bool = False,
    stays: Sequence[str] = (), whose: str = "it leaves them when it is taken back",
) -> str:
    """`over` says that it was taken back already, `whose` doing the rows are."""
    said = []
    if lost:
        gone = f"{_few(lost)} {are(lost)} lost {'to SQL' if kept_now else 'for good'}"
        said.append(f"{gone} ({kept_now or NOWHERE})")
    if given_up:
        rest = [text.removeprefix("what is written to ") for text in given_up[1:]]
        what = _few([given_up[0], *rest])
        if over:
            said.append(f"{what.replace('what is written', 'what was written', 1)} before that is gone ({kept_then})")
        else:
            said.append(f"{what} until then would be lost ({kept_then})")
    if stays:
        old = f" (the old values: {kept_now or NOWHERE})" if any(one.startswith("overwrites ") for one in stays) else ""
        said.append(f"rows stay as {whose}: it {_few(stays)}{old}")
    return f"Data: {'; '.join(said)}." if said else "Data: nothing is lost."


def _together(held: Sequence[str]) -> list[str]:
    """Locks of one table by several files as one: `books for about 41 ms and again 3 ms (reads and writes wait …)`."""
    spans: dict[tuple[str, str], list[str]] = {}
    for text in held:
        table, _, rest = text.partition(" for about ")
        span, _, why = rest.partition(" (")
        spans.setdefault((table, why), []).append(span)
    return [
        f"{table} for about {' and again '.join(span)}{f' ({why}' if why else ''}" if all(span) else table
        for (table, why), span in spans.items()
    ]


def _few(texts: Sequence[str], between: str = ", ") -> str:
    more = f" and {len(texts) - _FEW} more" if len(texts) > _FEW else ""
    return between.join(texts[:_FEW]) + more
