"""What a promotion was after each of its entries, folded once: its thread asks for every one of them."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict

from bot.domain.promotion import Promotion
from bot.world import Ports

MOST = 64
"""Promotions that are remembered; one that is asked for again after that is folded anew."""


class History:
    """Promotions as of any of their entries. Used by the announcer's thread alone."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._states: OrderedDict[str, list[tuple[int, Promotion]]] = OrderedDict()

    def after(self, record: str, seq: int) -> Promotion | None:
        """The promotion as the entry `seq` left it; None before its first one."""
        states = self._states.setdefault(record, [])
        self._states.move_to_end(record)
        if not states or states[-1][0] < seq:
            for entry in self._ports.journal.entries(about=record, since=states[-1][0] if states else 0):
                folded = states[-1][1].after([entry]) if states else Promotion.of([entry])
                states.append((entry.seq, folded))
        while len(self._states) > MOST:
            self._states.popitem(last=False)
        at = bisect_right(states, seq, key=lambda state: state[0])
        return states[at - 1][1] if at else None
