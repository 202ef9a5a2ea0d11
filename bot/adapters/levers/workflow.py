"""A GitHub workflow that takes code back: dispatched once, and its run followed to the end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.adapters.levers.asking import Asking, No, Silent, trouble
from bot.domain.entry import Json
from bot.ports import Clock, Turned

A_WHILE = timedelta(minutes=15)


class Workflow:
    """One workflow file of one repository."""

    def __init__(self, api: str, token: str, repository: str, file: str, branch: str, clock: Clock) -> None:
        self._ask = Asking("GitHub", api, token)
        self._repository, self._file, self._branch, self._clock = repository, file, branch, clock

    def revert(self, attempt: str, *, again: bool) -> Turned:
        """Dispatch it. After a crash its runs of the last minutes are looked at first."""
        begun = self._clock.now()
        try:
            if again and (run := self._newest(begun - A_WHILE)):
                return self._following(run)
            branch = self._branch or str(self._ask.get(f"/repos/{self._repository}")["default_branch"])
            path = f"/repos/{self._repository}/actions/workflows/{self._file}/dispatches"
            answer = self._ask.send("POST", path, {"ref": branch, "return_run_details": True}).body
        except (Silent, No) as exc:
            return trouble(exc, acted=True)
        run = answer.get("workflow_run_id") if isinstance(answer, dict) else None
        follows: dict[str, Json] = {"run": str(run)} if run else {"since": begun.isoformat()}
        return Turned(state="following", answer=f"{self._file} was started", follows=follows, way_back=self._way_back())

    def follow(self, follows: Mapping[str, Json]) -> Turned:
        try:
            number = str(follows.get("run") or "")
            run = self._run(number) if number else self._newest(datetime.fromisoformat(str(follows["since"])))
        except (Silent, No) as exc:
            return Turned(state="following", answer=str(exc), follows=follows)
        if run is None:
            return Turned(state="following", answer=f"{self._file} was started", follows=follows)
        return self._following(run)

    def _following(self, run: Mapping[str, Any]) -> Turned:
        called = f"run {run['id']} of {self._file}"
        follows: dict[str, Json] = {"run": str(run["id"])}
        if run.get("status") != "completed":
            return Turned(state="following", answer=f"{called} is {run.get('status')}", follows=follows,
                          way_back=self._way_back())
        if run.get("conclusion") == "success":
            at = datetime.fromisoformat(str(run.get("updated_at") or self._clock.now().isoformat()))
            return Turned(state="in_force", answer=f"{called} succeeded", in_force_at=at, way_back=self._way_back())
        ended = f"The {called} ended as {run.get('conclusion')}: look at {run.get('html_url')}"
        return Turned(state="failed", answer=ended)

    def _run(self, number: str) -> Mapping[str, Any]:
        run: Mapping[str, Any] = self._ask.get(f"/repos/{self._repository}/actions/runs/{number}")
        return run

    def _newest(self, since: datetime) -> Mapping[str, Any] | None:
        told = self._ask.get(
            f"/repos/{self._repository}/actions/workflows/{self._file}/runs", event="workflow_dispatch",
            created=f">={since:%Y-%m-%dT%H:%M:%SZ}", per_page=5,
        )
        runs: list[Mapping[str, Any]] = told.get("workflow_runs") or []
        return runs[0] if runs else None

    def _way_back(self) -> str:
        return "deploy the newer version again, in the way that you always deploy"
