"""Vercel: a variable of production, which acts from the next deployment on, and Instant Rollback."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.adapters.levers.asking import Asking, No, Silent, trouble
from bot.domain.entry import Json
from bot.ports import Clock, Turned

MARK = "stagedoor"
"""Under this name a deployment's metadata holds the attempt that triggered it, by which it is found again."""

RECENT = timedelta(minutes=15)
BUILT_BADLY = frozenset({"ERROR", "CANCELED"})


class Vercel:
    """One project. Its token is a secret."""

    def __init__(self, api: str, token: str, project: str, team: str, clock: Clock) -> None:
        self._ask = Asking("Vercel", api, token)
        self._project, self._clock = project, clock
        self._team: dict[str, str | int] = {"teamId": team} if team else {}

    def turn(self, variable: str, to: str, attempt: str, *, again: bool) -> Turned:
        """Set the variable, then deploy the newest production deployment anew, and say which deployment to follow."""
        set_already = ""
        try:
            project = self._get(f"/v9/projects/{self._project}")
            if again and (found := self._deployment_of(project, attempt)):
                return self._begun(variable, "", found)
            before = self._set(variable, to)
            set_already = f"The variable is {to} now, but it acts from a deployment on. "
            newest = self._newest(project)
            if newest is None:
                none = f"{set_already}There is none yet to deploy again."
                return Turned(state="accepted", before=before, answer=none)
            made = self._send("POST", "/v13/deployments", {
                "name": project["name"], "deploymentId": newest["uid"], "target": "production", "meta": {MARK: attempt},
            }, forceNew=1)
        except (Silent, No) as exc:
            came = trouble(exc, acted=True)
            if not set_already:
                return came
            return Turned(state="failed", answer=f"{set_already}{exc} Deploy production again in Vercel.")
        return self._begun(variable, before, str(made["id"]))

    def revert(self, attempt: str, *, again: bool) -> Turned:
        """Point production at the deployment before the one that serves now."""
        try:
            project = self._get(f"/v9/projects/{self._project}")
            asked = project.get("lastAliasRequest") or {}
            if again and asked.get("type") == "rollback" and self._recent(asked.get("requestedAt")):
                return self._reverting(str(asked.get("fromDeploymentId", "")), str(asked["toDeploymentId"]))
            now, before = self._serving(project)
            if before is None:
                none = "Vercel has no earlier production deployment. Nothing was switched."
                return Turned(state="failed", answer=none)
            self._send("POST", f"/v1/projects/{project['id']}/rollback/{before['uid']}", None, description=MARK)
        except (Silent, No) as exc:
            return trouble(exc, acted=True)
        return self._reverting(now, str(before["uid"]))

    def follow(self, follows: Mapping[str, Json]) -> Turned:
        try:
            return self._rolled(follows) if "rollback" in follows else self._deployed(follows)
        except (Silent, No) as exc:
            return Turned(state="following", answer=str(exc), follows=follows)

    def _deployed(self, follows: Mapping[str, Json]) -> Turned:
        made = self._get(f"/v13/deployments/{follows['deployment']}")
        state = str(made.get("readyState") or made.get("status"))
        if state == "READY":
            return Turned(state="in_force", answer=f"the deployment {made['id']} serves", in_force_at=_moment(
                made.get("ready"), self._clock.now()))
        if state in BUILT_BADLY:
            return Turned(
                state="failed", answer=f"The deployment {made['id']} ended as {state}: the variable is set, but what "
                "served before still serves. Deploy production again in Vercel.",
            )
        return Turned(state="following", answer=f"the deployment {made['id']} is {state}", follows=follows)

    def _rolled(self, follows: Mapping[str, Json]) -> Turned:
        project, to = self._get(f"/v9/projects/{self._project}"), str(follows["rollback"])
        asked = project.get("lastAliasRequest") or {}
        state = str(asked.get("jobStatus", "")) if asked.get("toDeploymentId") == to else ""
        if state == "succeeded" or (not state and _id(project) == to):
            return Turned(state="in_force", answer=f"production serves {to} again", in_force_at=self._clock.now())
        if state in ("failed", "skipped"):
            return Turned(state="failed", answer=f"Vercel's rollback to {to} {state}. Look there.")
        return Turned(state="following", answer=f"Vercel's rollback to {to} is {state or 'asked for'}", follows=follows)

    def _set(self, variable: str, to: str) -> str:
        """Set it for production; returns what it was, where Vercel tells."""
        listed = self._get(f"/v10/projects/{self._project}/env").get("envs") or []
        mine = next((e for e in listed if e["key"] == variable and "production" in _targets(e)), None)
        if mine is None:
            self._send("POST", f"/v10/projects/{self._project}/env", {
                "key": variable, "value": to, "type": "plain", "target": ["production"],
            })
            return ""
        before = str(self._get(f"/v1/projects/{self._project}/env/{mine['id']}").get("value") or "")
        self._send("PATCH", f"/v9/projects/{self._project}/env/{mine['id']}", {"value": to})
        return before

    def _newest(self, project: Mapping[str, Any]) -> dict[str, Any] | None:
        ready = self._production(project)
        serving = _id(project)
        return next((each for each in ready if each["uid"] == serving), None) or (ready[0] if ready else None)

    def _serving(self, project: Mapping[str, Any]) -> tuple[str, dict[str, Any] | None]:
        """What serves now, and the production deployment before it."""
        ready = self._production(project)
        now = _id(project) or (ready[0]["uid"] if ready else "")
        at = next((number for number, each in enumerate(ready) if each["uid"] == now), None)
        return now, None if at is None or at + 1 >= len(ready) else ready[at + 1]

    def _production(self, project: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Production deployments that were built, the newest first."""
        told = self._get("/v6/deployments", projectId=project["id"], target="production", state="READY", limit=20)
        found: list[dict[str, Any]] = told.get("deployments") or []
        return sorted(found, key=lambda each: -int(each.get("created") or 0))

    def _deployment_of(self, project: Mapping[str, Any], attempt: str) -> str:
        told = self._get("/v6/deployments", projectId=project["id"], target="production", limit=20)
        for each in told.get("deployments") or []:
            if (each.get("meta") or {}).get(MARK) == attempt:
                return str(each["uid"])
        return ""

    def _begun(self, variable: str, before: str, deployment: str) -> Turned:
        return Turned(
            state="following", before=before, follows={"deployment": deployment},
            answer=f"the variable is set; the deployment {deployment} has to be built before it acts",
            way_back=f"set {variable} back to {before or 'its value'} and deploy again, here or in Vercel",
        )

    def _reverting(self, now: str, to: str) -> Turned:
        return Turned(
            state="following", answer=f"production goes back to {to}", before=now, follows={"rollback": to},
            way_back=f"vercel promote {now}; until then Vercel puts no newer deployment into production",
        )

    def _recent(self, at: Any) -> bool:
        return self._clock.now() - _moment(at, datetime.min.replace(tzinfo=UTC)) < RECENT

    def _get(self, path: str, **query: str | int) -> Any:
        return self._ask.get(path, **query, **self._team)

    def _send(self, method: str, path: str, body: Any, **query: str | int) -> Any:
        return self._ask.send(method, path, body, query={**query, **self._team}).body


def _id(project: Mapping[str, Any]) -> str:
    """The deployment that serves production."""
    return str(((project.get("targets") or {}).get("production") or {}).get("id") or "")


def _targets(variable: Mapping[str, Any]) -> list[str]:
    target = variable.get("target")
    return [target] if isinstance(target, str) else list(target or [])


def _moment(milliseconds: Any, otherwise: datetime) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if isinstance(milliseconds, int | float) else otherwise
