"""Several projects: each with its own databases, folder, channel and rules; a channel says which one is meant."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from rehearsal import shop
from rehearsal.postgres import Postgres
from tests.stories.house import ANA, BO, ERIN, POLICY, House

TWO = POLICY + """
[projects.shop]
[projects.blog]
channels = { deploys = "#blog-deploys" }
approvals = { approvers = ["U0ERIN001", "U0BO00001"] }
"""


class Two(House):
    """Two projects, `shop` in #deploys and `blog` in #blog-deploys."""

    def __enter__(self) -> Two:
        super().__enter__()
        self.blog = self.directory / "blog"
        (self.blog).mkdir()
        blog_migrations = shop.lay_out(self.blog)
        staging = self.postgres.project(f"blog_staging_{id(self)}")
        production = self.postgres.project(f"blog_production_{id(self)}")
        shop.furnish(staging, production, blog_migrations)
        self.slack.add_channel("#blog-deploys")
        self._given = {
            "SHOP_STAGING_DATABASE_URL": self.staging, "SHOP_PRODUCTION_DATABASE_URL": self.production,
            "SHOP_MIGRATIONS_DIR": str(self.migrations), "BLOG_STAGING_DATABASE_URL": staging,
            "BLOG_PRODUCTION_DATABASE_URL": production, "BLOG_MIGRATIONS_DIR": str(blog_migrations),
            "STAGING_DATABASE_URL": "", "PRODUCTION_DATABASE_URL": "",
        }
        self.blog_production = production
        self.write_policy(TWO)
        self.start_bot()
        return self


@pytest.fixture
def two(server: Postgres, tmp_path: Path) -> Iterator[Two]:
    with Two(postgres=server, limits="off") as house:
        yield house


def test_each_project_goes_its_own_way(two: Two) -> None:
    two.slack.command(ANA, "/migrate status", "#general")
    two.told(ANA, "Say which project: project:shop, project:blog.")
    two.slack.command(ANA, "/migrate status", "#blog-deploys")
    two.told(ANA, "Migrations · blog")
    # What a reply says to type is complete where it stands: in the project's channel as it is, elsewhere with its name.
    two.told(ANA, "stage it first: /migrate stage 2026")
    two.slack.command(ANA, "/migrate status project:blog", "#general")
    two.told(ANA, "stage it first: /migrate stage project:blog 2026")
    two.slack.command(ANA, "/deploy freeze project:blog", "#general")
    two.told(ANA, "A freeze needs a reason: /deploy freeze project:blog the audit is running")
    two.says(ANA, "/migrate stage")
    assert "· shop" in two.reads("S-1", "Done · in staging")
    two.slack.command(ANA, "/migrate stage project:blog", "#general")

    def blog_card() -> str | None:
        texts = [two.slack.text_of(message) for message in two.slack.messages("#blog-deploys")]
        return next((text for text in texts if "S-2 ·" in text and "Done · in staging" in text), None)

    assert "· blog" in two.until(blog_card, "blog's card in its own channel")
    two.says(ANA, "/migrate promote")
    two.reads("P-1", "Waiting for approval")
    two.confirmed("P-1")
    two.presses(ERIN, "P-1", "Approve")
    two.told(ERIN, "not a listed approver")
    two.presses(BO, "P-1", "Approve")
    two.reads("P-1", "Done · in production")
    assert two.history(two.blog_production) == ["20261020090000"]
    # What a card says to type works wherever it is typed: the id says which project is meant.
    two.slack.command(ANA, "/deploy freeze the audit", "#blog-deploys")
    two.told(ANA, "F-1 counts")
    two.slack.command(ERIN, "/deploy unfreeze F-1 it is over", "#general")
    two.told(ERIN, "F-1 is lifted")
    # A freeze of everything is seen wherever somebody waits for it, and so is its end.
    two.slack.command(ANA, "/deploy freeze inventory project:all", "#general")
    two.told(ANA, "F-2 counts")
    for channel in ("#deploys", "#blog-deploys"):
        two.until(partial(shown, two, channel, "F-2 ·", "Promotions are frozen · everything"), channel)
    two.slack.command(BO, "/deploy unfreeze F-2 counted", "#blog-deploys")
    for channel in ("#deploys", "#blog-deploys"):
        two.until(partial(shown, two, channel, "F-2 ·", "A freeze is over · everything"), channel)
        two.until(partial(told_in_thread, two, channel), f"the thread in {channel}")


def shown(two: Two, channel: str, *words: str) -> bool:
    """Whether one message there says all of it."""
    texts = [two.slack.text_of(message) for message in two.slack.messages(channel)]
    return sum(all(word in text for word in words) for text in texts) == 1


def told_in_thread(two: Two, channel: str) -> bool:
    """Whether the thread under the freeze's card there tells of its end."""
    newest = [message for message in two.slack.messages(channel) if "F-2 ·" in two.slack.text_of(message)]
    return bool(newest) and any(
        "What waited goes on." in two.slack.text_of(message) for message in two.slack.thread(newest[-1])
    )
