"""Jobs of pg_cron that failed, where there is pg_cron."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from bot.domain.scene import Scene
from bot.domain.signal import Level, Signal

RULE = "cron_failed"


def signals(scene: Scene) -> Iterator[Signal]:
    """One signal a job, counting its failures of the last hour."""
    if scene.reading is None:
        return
    failures = Counter(each.job for each in scene.reading.failed_jobs)
    for job, count in failures.items():
        runs = [each for each in scene.reading.failed_jobs if each.job == job]
        last = max(runs, key=lambda each: each.at)
        yield Signal(
            key=f"cron:{job}", rule=RULE, title="A scheduled job fails in production", level=Level.ERROR, count=count,
            first=min(each.at for each in runs), last=last.at, said=f"{job}: {last.said or 'no message'}",
        )
