"""What Supabase keeps by itself, over the Management API's stand-in, as `/migrate backup` tells it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from bot.adapters.supabase import ManagementBackups
from bot.errors import Unreachable
from rehearsal.supabase import PRODUCTION_REF, TOKEN, Supabase
from templates.backup.listing import of_platform
from templates.text import unmarked

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def supabase() -> Iterator[Supabase]:
    supabase = Supabase()
    supabase.start()
    yield supabase
    supabase.stop()


def told(supabase: Supabase, token: str = TOKEN, ref: str = PRODUCTION_REF) -> str:
    try:
        return unmarked(of_platform(ManagementBackups(supabase.api_url, token, ref).read(), ""))
    except Unreachable as silence:
        return unmarked(of_platform(None, str(silence)))


def test_dailies_point_in_time_and_none(supabase: Supabase) -> None:
    assert told(supabase).endswith(": none.")
    rows = [{"id": n, "is_physical_backup": False, "status": status, "inserted_at": f"2026-11-2{n}T02:00:00.000Z"}
            for n, status in ((1, "COMPLETED"), (2, "COMPLETED"), (3, "FAILED"))]
    supabase.api.backups[PRODUCTION_REF] = {"backups": rows}
    assert "2 daily ones, the newest of" in told(supabase)
    assert "failed" in told(supabase)
    window = {"earliest_physical_backup_date_unix": int(NOON.timestamp()) - 604_800,
              "latest_physical_backup_date_unix": int(NOON.timestamp())}
    supabase.api.backups[PRODUCTION_REF] = {"pitr_enabled": True, "physical_backup_data": window}
    found = ManagementBackups(supabase.api_url, TOKEN, PRODUCTION_REF).read()
    assert found.latest == NOON
    assert "any moment from" in told(supabase)


def test_what_cannot_be_learned_is_said(supabase: Supabase) -> None:
    assert "does not take SUPABASE_ACCESS_TOKEN" in told(supabase, token="wrong")
    assert "knows no project" in told(supabase, ref="nobody")
    supabase.api.down = 500
    assert "it answered 500" in told(supabase)
    supabase.stop()
    assert "does not answer" in told(supabase)
    assert "not looked up" in unmarked(of_platform(None, ""))
