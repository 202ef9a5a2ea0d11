"""Netlify: a variable of production, which acts from the next build on, and an earlier deploy put back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.adapters.levers.asking import Asking, No, Silent, trouble
from bot.domain.entry import Json
from bot.ports import Clock, Turned


class Netlify:
    """One site. Its token is a secret."""

    def __init__(self, api: str, token: str, site: str, clock: Clock) -> None:
        self._ask = Asking("Netlify", f"{api.rstrip('/')}/api/v1", token)
        self._site, self._clock = site, clock

    def turn(self, variable: str, to: str, attempt: str, *, again: bool) -> Turned:
        """Set the variable, then build the site anew, and say which deploy to follow."""
        set_already = ""
        try:
            site = self._ask.get(f"/sites/{self._site}")
            if again and (found := self._deploy_of(attempt)):
                return self._begun(variable, "", found)
            before = self._set(str(site["account_id"]), variable, to)
            set_already = f"The variable is {to} now, but it acts from a build on. "
            built = self._ask.send("POST", f"/sites/{self._site}/builds", {}, query={"title": _title(attempt)}).body
        except (Silent, No) as exc:
            if not set_already:
                return trouble(exc, acted=True)
            return Turned(state="failed", answer=f"{set_already}{exc} Trigger a deploy in Netlify.")
        return self._begun(variable, before, str(built["deploy_id"]))

    def revert(self, attempt: str, *, again: bool) -> Turned:
        """Publish the deploy before the one that is published now."""
        if again:
            return Turned(
                state="unknown", answer="Stagedoor was stopped while it asked Netlify. It may have acted: look at the "
                "site's deploys before you press again.",
            )
        try:
            site = self._ask.get(f"/sites/{self._site}")
            now = str((site.get("published_deploy") or {}).get("id") or "")
            before = self._before(now)
            if not before:
                return Turned(state="failed", answer="Netlify has no earlier production deploy. Nothing was switched.")
            self._ask.send("POST", f"/sites/{self._site}/deploys/{before}/restore", {})
        except (Silent, No) as exc:
            return trouble(exc, acted=True)
        return Turned(
            state="following", answer=f"Netlify publishes {before}", before=now, follows={"restored": before},
            way_back=f"publish the deploy {now} again under Deploys in Netlify; unlock auto publishing there",
        )

    def follow(self, follows: Mapping[str, Json]) -> Turned:
        try:
            return self._published(follows) if "restored" in follows else self._built(follows)
        except (Silent, No) as exc:
            return Turned(state="following", answer=str(exc), follows=follows)

    def _built(self, follows: Mapping[str, Json]) -> Turned:
        deploy = self._ask.get(f"/deploys/{follows['deploy']}")
        state = str(deploy.get("state"))
        if state == "ready":
            at = _moment(deploy.get("published_at"), self._clock.now())
            return Turned(state="in_force", answer=f"the deploy {deploy['id']} is published", in_force_at=at)
        if state in ("error", "rejected"):
            return Turned(
                state="failed", answer=f"The deploy {deploy['id']} ended as {state}: the variable is set, but what was "
                "published before still serves. Trigger a deploy in Netlify.",
            )
        return Turned(state="following", answer=f"the deploy {deploy['id']} is {state}", follows=follows)

    def _published(self, follows: Mapping[str, Json]) -> Turned:
        site, to = self._ask.get(f"/sites/{self._site}"), str(follows["restored"])
        if str((site.get("published_deploy") or {}).get("id")) == to:
            return Turned(state="in_force", answer=f"Netlify serves {to} again", in_force_at=self._clock.now())
        return Turned(state="following", answer=f"Netlify publishes {to}", follows=follows)

    def _set(self, account: str, variable: str, to: str) -> str:
        """Set it for production; returns what it was, where Netlify tells."""
        place: dict[str, str | int] = {"site_id": self._site}
        try:
            values = self._ask.get(f"/accounts/{account}/env/{variable}", **place).get("values") or []
        except No as exc:
            if exc.status != 404:
                raise
            new = [{"key": variable, "values": [{"context": "production", "value": to}]}]
            self._ask.send("POST", f"/accounts/{account}/env", new, query=place)
            return ""
        by_context = {str(each.get("context")): str(each.get("value") or "") for each in values}
        body = {"context": "production", "value": to}
        self._ask.send("PATCH", f"/accounts/{account}/env/{variable}", body, query=place)
        return by_context.get("production") or by_context.get("all", "")

    def _before(self, now: str) -> str:
        """The production deploy that was published before this one."""
        listed: list[dict[str, Any]] = self._ask.get(f"/sites/{self._site}/deploys", per_page=50)
        ready = [each for each in listed if each.get("state") == "ready" and each.get("context") == "production"]
        ready.sort(key=lambda each: str(each.get("created_at", "")), reverse=True)
        at = next((number for number, each in enumerate(ready) if each["id"] == now), None)
        return "" if at is None or at + 1 >= len(ready) else str(ready[at + 1]["id"])

    def _deploy_of(self, attempt: str) -> str:
        listed: list[dict[str, Any]] = self._ask.get(f"/sites/{self._site}/deploys", per_page=20)
        return next((str(each["id"]) for each in listed if each.get("title") == _title(attempt)), "")

    def _begun(self, variable: str, before: str, deploy: str) -> Turned:
        return Turned(
            state="following", before=before, follows={"deploy": deploy},
            answer=f"the variable is set; the deploy {deploy} has to be built before it acts",
            way_back=f"set {variable} back to {before or 'its value'} and build again, here or in Netlify",
        )


def _title(attempt: str) -> str:
    return f"Stagedoor {attempt}"


def _moment(at: Any, otherwise: datetime) -> datetime:
    try:
        return datetime.fromisoformat(str(at))
    except ValueError:
        return otherwise
