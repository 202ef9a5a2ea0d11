"""Flags and code deployments over real HTTP: turned once, followed until in force, and never guessed about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.adapters.levers import Api, PolicyLevers
from bot.domain.entry import Json
from bot.policy import parse_policy
from bot.ports import Turned
from tests.clocks import SetClock
from tests.levers.other_sides import ActionsSide, Asked, NetlifySide, OtherSide, Said, VercelSide

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
POLICY = """
[flags.REGION]
kind = "{kind}"
{where}
variable = "VITE_REGION"
[revert]
kind = "{kind}"
{where}
"""
HOST = 'token_env = "TOKEN"\nproject = "{project}"'


def levers(kind: str, where: str, url: str, token: str = "") -> PolicyLevers:
    text = POLICY.format(kind=kind, where=where) if kind != "github-workflow" else f'[revert]\nkind="{kind}"\n{where}'
    api = Api(vercel=url, netlify=url, github=url, repository="books/shop")
    now = SetClock(datetime.now(UTC) if kind == "vercel" else NOON)
    return PolicyLevers(parse_policy(text), {"TOKEN": token, "HOOK": f"{url}/hook"}, api, now)


def hook(url: str) -> PolicyLevers:
    return levers("webhook", 'url_env = "HOOK"', url)


def followed(lever: PolicyLevers, turned: Turned) -> Turned:
    follows: Mapping[str, Json] = turned.follows
    return lever.follow(follows)


@pytest.mark.parametrize(("said", "state", "words"), [
    ((200, {"before": "true", "message": "off for all"}), "in_force", "off for all"),
    ((204, None), "in_force", "the webhook answered 204"),
    ((202, None), "accepted", "the webhook answered 202"),
    ((202, {"status_url": "https://elsewhere.example/1"}), "accepted", "202"),
    ((500, {"error": "broken pipe"}), "failed", "The webhook answered 500 (broken pipe). Nothing was switched."),
    ((0, None), "unknown", "It may have acted: look there before you press again."),
])
def test_a_webhook_says_how_it_went(said: Said, state: str, words: str) -> None:
    with OtherSide(lambda asked: said) as side:
        turned = hook(side.url).turn("REGION", "false", "att1", again=False)
        assert (turned.state, side.asked[0].body) == (state, {"flag": "VITE_REGION", "to": "false", "attempt": "att1"})
        assert side.asked[0].headers["idempotency-key"] == "att1"
        assert words in turned.answer
        assert side.url not in turned.answer
        if state == "in_force":
            assert turned.in_force_at == NOON


def test_a_webhook_that_works_on_it_is_followed_at_its_own_host() -> None:
    done = False

    def answer(asked: Asked) -> Said:
        if asked.method == "POST":
            return 202, {"status_url": f"{side.url}/status"}
        return (200, {"in_force_at": "2026-11-20T12:03:00+00:00"}) if done else (202, {"message": "building"})

    with OtherSide(answer) as side:
        lever = hook(side.url)
        turned = lever.revert("att1", again=False)
        assert turned.state == "following"
        assert followed(lever, turned).answer == "building"
        done = True
        last = followed(lever, turned)
        assert (last.state, last.in_force_at) == ("in_force", datetime(2026, 11, 20, 12, 3, tzinfo=UTC))


def test_a_webhook_that_nobody_answers_did_nothing_and_a_revert_is_never_called_twice() -> None:
    with OtherSide(lambda asked: (200, None)) as side:
        lever = hook(side.url)
        assert lever.revert("att1", again=True).state == "unknown"
        assert side.asked == []
    gone = lever.turn("REGION", "false", "att1", again=False)
    assert (gone.state, "cannot be reached" in gone.answer) == ("failed", True)


def test_vercel_acts_from_its_deployment_on() -> None:
    vercel = VercelSide()
    with OtherSide(vercel) as side:
        lever = levers("vercel", HOST.format(project="prj_shop"), side.url, "vercel-token-1")
        turned = lever.turn("REGION", "false", "att1", again=False)
        assert (vercel.value, turned.state, turned.before) == ("false", "following", "true")
        assert "has to be built before it acts" in turned.answer
        assert next(each.body for each in side.asked if each.path == "/v13/deployments")["deploymentId"] == "dpl_3"
        assert followed(lever, turned).state == "following"
        after_a_crash = lever.turn("REGION", "false", "att1", again=True)
        assert (after_a_crash.follows["deployment"], side.times("POST", "/v13/deployments")) == ("dpl_new0", 1)
        vercel.built = "READY"
        last = followed(lever, turned)
        assert (last.state, last.in_force_at) == ("in_force", datetime.fromtimestamp(1_790_000_000, UTC))
        vercel.built = "ERROR"
        assert "the variable is set, but what served before still serves" in followed(lever, turned).answer


def test_vercel_puts_the_deployment_before_back_and_not_the_one_before_that() -> None:
    vercel = VercelSide()
    with OtherSide(vercel) as side:
        lever = levers("vercel", HOST.format(project="prj_shop"), side.url, "vercel-token-1")
        turned = lever.revert("att1", again=False)
        assert (turned.state, turned.before) == ("following", "dpl_3")
        assert "vercel promote dpl_3" in turned.way_back
        again = lever.revert("att1", again=True)
        assert again.follows["rollback"] == "dpl_2"
        assert side.times("POST", "/rollback/dpl_2") == 1
        assert vercel.asked_back
        vercel.asked_back["jobStatus"], vercel.serving = "succeeded", "dpl_2"
        assert followed(lever, turned).state == "in_force"


def test_what_vercel_refuses_is_said_and_what_it_leaves_open_too() -> None:
    vercel = VercelSide()
    with OtherSide(vercel) as side:
        wrong = levers("vercel", HOST.format(project="prj_shop"), side.url, "another")
        assert wrong.turn("REGION", "false", "a", again=False).answer == (
            "Vercel answered 403 (Not authorized). Nothing was switched."
        )
        vercel.silent_at = "rollback"
        lever = levers("vercel", HOST.format(project="prj_shop"), side.url, "vercel-token-1")
        assert lever.revert("a", again=False).state == "unknown"
        vercel.silent_at = "deployments"
        assert "The variable is false now, but it acts from a deployment on." in (
            lever.turn("REGION", "false", "b", again=False).answer
        )


def test_netlify_acts_from_its_build_on_and_publishes_an_earlier_deploy() -> None:
    netlify = NetlifySide()
    with OtherSide(netlify) as side:
        lever = levers("netlify", HOST.format(project="site1"), side.url, "netlify-token-1")
        turned = lever.turn("REGION", "false", "att1", again=False)
        assert (turned.state, turned.before) == ("following", "true")
        assert netlify.values[-1] == {"context": "production", "value": "false"}
        assert lever.turn("REGION", "false", "att1", again=True).follows["deploy"] == "new1"
        assert netlify.built == ["Stagedoor att1"]
        netlify.state = "ready"
        assert followed(lever, turned).in_force_at == datetime(2026, 11, 20, 10, tzinfo=UTC)
        back = lever.revert("att2", again=False)
        assert (netlify.published, back.before) == ("d2", "d3")
        assert followed(lever, back).state == "in_force"
        assert lever.revert("att2", again=True).state == "unknown"
        assert netlify.published == "d2"


@pytest.mark.parametrize("tells_run", [True, False])
def test_a_workflow_is_dispatched_once_and_followed(tells_run: bool) -> None:
    actions = ActionsSide(tells_run=tells_run)
    with OtherSide(actions) as side:
        lever = levers("github-workflow", 'workflow = "rollback.yml"', side.url)
        turned = lever.revert("att1", again=False)
        assert turned.state == "following"
        assert followed(lever, turned).answer == "run 70 of rollback.yml is in_progress"
        assert lever.revert("att1", again=True).follows["run"] == "70"
        assert side.times("POST", "/dispatches") == 1
        actions.status = ("completed", "success")
        assert followed(lever, turned).in_force_at == datetime(2026, 11, 20, 10, 5, tzinfo=UTC)
        actions.status = ("completed", "failure")
        assert "ended as failure" in followed(lever, turned).answer


def test_by_hand_there_are_steps() -> None:
    lever = levers("manual", "", "http://127.0.0.1:9")
    turned: Any = lever.turn("REGION", "false", "a", again=False)
    assert (turned.state, turned.steps[0]) == ("manual", "Set VITE_REGION to false where production gets it from.")
    assert lever.revert("a", again=False).state == "manual"
