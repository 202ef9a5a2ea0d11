"""The levers that a policy names, as one: which kind does what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.adapters.levers.netlify import Netlify
from bot.adapters.levers.vercel import Vercel
from bot.adapters.levers.webhook import Webhook
from bot.adapters.levers.workflow import Workflow
from bot.domain.entry import Json
from bot.policy import Policy
from bot.policy.tables import Flag, Revert
from bot.ports import Clock, Turned

BY_HAND = {
    "flag": (
        "Set {flag} to {to} where production gets it from.",
        "If it is read at build time, deploy production again.",
    ),
    "revert": ("Put the code deployment before this one back in place.",),
}
"""The seed's own steps, where the policy names none."""


@dataclass(frozen=True, kw_only=True)
class Api:
    """Where hosts are asked, with the repository of the project. Addresses are bases without a path."""

    vercel: str
    netlify: str
    github: str
    repository: str = ""
    branch: str = ""
    github_token: str = ""


class PolicyLevers:
    """`bot.ports.Levers` for one project. `named` holds the secrets by the variable that the policy names."""

    def __init__(self, policy: Policy, named: Mapping[str, str], api: Api, clock: Clock) -> None:
        self._policy, self._named, self._api, self._clock = policy, named, api, clock

    def turn(self, flag: str, to: str, attempt: str, *, again: bool) -> Turned:
        """A flag that the policy no longer names is nobody's to turn."""
        rule = self._policy.flags.get(flag)
        if rule is None:
            return Turned(state="failed", answer=f"The policy does not name {flag} any more. Nothing was switched.")
        variable = rule.variable or flag
        if rule.kind == "manual":
            steps = rule.steps or tuple(step.format(flag=variable, to=to) for step in BY_HAND["flag"])
            return Turned(state="manual", answer="Nobody can do this but you.", steps=steps, before=rule.on,
                          way_back=f"set {variable} back to {rule.on or 'its value'} the same way")
        turned = self._of(rule).turn(variable, to, attempt, again=again)
        return self._marked(turned, flag)

    def revert(self, attempt: str, *, again: bool) -> Turned:
        rule = self._policy.revert
        if rule.kind == "manual":
            steps = rule.steps or BY_HAND["revert"]
            return Turned(state="manual", answer="Nobody can do this but you.", steps=steps)
        if rule.kind == "github-workflow":
            if not self._api.repository:
                return Turned(state="failed", answer="GITHUB_REPOSITORY is not set. Nothing was switched.")
            return self._marked(self._workflow().revert(attempt, again=again), "")
        return self._marked(self._of(rule).revert(attempt, again=again), "")

    def follow(self, follows: Mapping[str, Json]) -> Turned:
        flag = str(follows.get("of", ""))
        rule: Flag | Revert | None = self._policy.flags.get(flag) if flag else self._policy.revert
        if rule is None or rule.kind == "manual":
            return Turned(state="unknown", answer="The policy does not name it any more, so it is not followed.")
        other = self._workflow() if rule.kind == "github-workflow" else self._of(rule)
        return self._marked(other.follow(follows), flag)

    def _marked(self, turned: Turned, flag: str) -> Turned:
        """What is followed remembers whose it is."""
        if turned.state != "following":
            return turned
        return Turned(
            state="following", answer=turned.answer, before=turned.before, way_back=turned.way_back, steps=turned.steps,
            follows={**turned.follows, "of": flag},
        )

    def _of(self, rule: Flag | Revert) -> Webhook | Vercel | Netlify:
        token = self._named.get(rule.token_env, "")
        if rule.kind == "vercel":
            return Vercel(self._api.vercel, token, rule.project, rule.team, self._clock)
        if rule.kind == "netlify":
            return Netlify(self._api.netlify, token, rule.project, self._clock)
        return Webhook(self._named.get(rule.url_env, ""), self._clock)

    def _workflow(self) -> Workflow:
        api = self._api
        return Workflow(
            api.github, api.github_token, api.repository, self._policy.revert.workflow, api.branch, self._clock,
        )
