"""What runs but cannot be read: what staging showed of it, on a promotion's card and before an approval."""

from __future__ import annotations

from bot.domain.plan import PlannedFile
from bot.domain.promotion import Promotion
from bot.domain.risks import Unread
from templates.blocks import Mark, line, lines

_FEW = 5


def unread_lines(p: Promotion) -> Mark:
    """A line for each place, those that count as destructive first; nothing where all of it can be read."""
    open_ = {(file.version, place.line) for file, place in p.unshown}
    places = [(file, place) for file in p.plan.files for place in file.unread]
    places.sort(key=lambda each: (each[0].version, each[1].line) not in open_)
    rest = f"And {len(places) - _FEW} more places that cannot be read." if len(places) > _FEW else ""
    return lines(*(line(_said(p, file, place)) for file, place in places[:_FEW]), line(rest))


def unread_costs(p: Promotion) -> str:
    """What the question before an approval says of it."""
    count = len(p.unshown)
    return f"{count} place{'s' if count > 1 else ''} of it cannot be read and may destroy data." if count else ""


def _said(p: Promotion, file: PlannedFile, place: Unread) -> str:
    ran = next((ran for ran in p.ran.get(file.version, ()) if ran.line == place.line), None)
    where = f"{file.version} {place}"
    if ran is None:
        return f"Cannot be read: {where}. It counts as destructive until a staging run shows what it does."
    if ran.harmless:
        return f"Cannot be read, but staging showed it: {where} {ran.did}."
    return f"Cannot be read: {where}. On staging it {ran.did}. It counts as destructive."
