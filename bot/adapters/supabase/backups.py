"""The platform's own backups over the Management API: the dailies, or the window of point-in-time recovery."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import httpx

from bot.adapters.trust import authorities
from bot.domain.backup import OfPlatform
from bot.domain.entry import Json
from bot.errors import Unreachable

TIMEOUT: Final = 10.0
_REFUSALS: Final = {
    401: "it does not take SUPABASE_ACCESS_TOKEN: put a valid one there",
    403: "SUPABASE_ACCESS_TOKEN lacks the right backups_read",
    404: "it knows no project of this ref: see PRODUCTION_PROJECT_REF",
    429: "its limit is used up for this minute",
}


class ManagementBackups:
    """What Supabase keeps of one project, by its ref. Its errors never hold the token."""

    def __init__(self, api_url: str, token: str, ref: str) -> None:
        self._url = f"{api_url.rstrip('/')}/v1/projects/{ref}/database/backups"
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def read(self) -> OfPlatform:
        """Ask. Raises `Unreachable` with why it could not be learned."""
        try:
            answer = httpx.get(self._url, headers=self._headers, timeout=TIMEOUT, verify=authorities())
        except httpx.TimeoutException:
            raise Unreachable(f"The Management API did not answer within {TIMEOUT:g} s.") from None
        except httpx.HTTPError as trouble:
            raise Unreachable(f"The Management API does not answer ({type(trouble).__name__}).") from None
        if answer.status_code != 200:
            why = _REFUSALS.get(answer.status_code, f"it answered {answer.status_code}")
            raise Unreachable(f"The Management API did not tell: {why}.")
        try:
            return _read(answer.json())
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            raise Unreachable("The Management API answered something else than backups.") from None


def _read(told: Mapping[str, Json]) -> OfPlatform:
    physical = told.get("physical_backup_data")
    window = physical if isinstance(physical, dict) else {}
    earliest, latest = (window.get(f"{edge}_physical_backup_date_unix") for edge in ("earliest", "latest"))
    backups = told.get("backups")
    found = [one for one in backups if isinstance(one, dict)] if isinstance(backups, list) else []
    completed = [_moment(str(one["inserted_at"])) for one in found if one.get("status") == "COMPLETED"]
    failed = [_moment(str(one["inserted_at"])) for one in found if one.get("status") == "FAILED"]
    return OfPlatform(
        point_in_time=bool(told.get("pitr_enabled")),
        earliest=datetime.fromtimestamp(earliest, UTC) if isinstance(earliest, int) and earliest else None,
        latest=datetime.fromtimestamp(latest, UTC) if isinstance(latest, int) and latest else None,
        completed=tuple(sorted(completed)), failed=tuple(sorted(failed)),
    )


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
