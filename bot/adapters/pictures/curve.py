"""Draws events per minute: reads JSON from its input, writes a PNG to its output, and ends."""

from __future__ import annotations

import io
import json
import sys
from datetime import UTC, datetime
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

INK, FAULT, MARK = "#1d1c1d", "#b3261e", "#1264a3"


def draw(drawing: dict[str, Any]) -> bytes:
    """Bars a minute, and a line with a name for each mark; sized for a phone as well."""
    begin, end = _minute(drawing["begin"]), _minute(drawing["end"])
    counts = {_minute(minute): int(count) for minute, count in drawing["minutes"]}
    highest = max([1, *counts.values()]) * 1.25
    figure = Figure(figsize=(8, 3), dpi=120)
    axes = figure.add_subplot()
    axes.bar(list(counts), list(counts.values()), width=0.9, color=FAULT, align="edge")
    axes.set_xlim(begin, end + 1)
    axes.set_ylim(0, highest)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda minute, _: f"{_time(minute):%H:%M}"))
    for moment, name in drawing.get("marks", []):
        at = _minute(moment)
        if begin <= at <= end:
            axes.axvline(at, color=MARK, linewidth=1.5)
            axes.annotate(
                name, (at, highest), xytext=(4, -12), textcoords="offset points", color=MARK, fontsize=9,
            )
    axes.set_title(str(drawing["title"]).replace("$", r"\$"), fontsize=10, loc="left", color=INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    written = io.BytesIO()
    figure.savefig(written, format="png")
    return written.getvalue()


def _minute(moment: str) -> float:
    """Minutes since the epoch, with their fraction: a scale that needs no conversion of dates."""
    return datetime.fromisoformat(moment).timestamp() / 60


def _time(minute: float) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


if __name__ == "__main__":
    sys.stdout.buffer.write(draw(json.load(sys.stdin)))
