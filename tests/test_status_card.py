"""The table of `/migrate status` in a long history: nothing that needs somebody is hidden by what needs nobody."""

from __future__ import annotations

from bot.domain.overview import Cell, Line, Overview
from templates.migrate import MOST_LINES, status_card


def shown(*remarked: int, of: int = 100) -> list[int]:
    rows = tuple(
        Line(
            version=f"{n:014}", name="m", local=Cell.YES, staging=Cell.YES, production=Cell.YES,
            remark="edited" if n in remarked else "",
        ) for n in range(of)
    )
    text = status_card(Overview(project="shop", lines=rows)).text.splitlines()[1:]
    return [int(row[:14]) for row in text]


def test_a_short_history_is_shown_whole() -> None:
    assert shown(of=MOST_LINES) == list(range(MOST_LINES))


def test_what_needs_somebody_is_shown_however_old_it_is() -> None:
    assert shown() == list(range(60, 100))
    assert shown(3, 7) == [3, 7, *range(62, 100)]
    assert shown(*range(100)) == [*range(20), *range(80, 100)]
