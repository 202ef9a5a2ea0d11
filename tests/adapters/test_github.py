"""GitHub over real sockets: what is read, what is asked again for nothing, and what every refusal says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.adapters.github import GitHub
from bot.domain.review import CommitStatus, blob_hash
from bot.errors import Refused, StagedoorError, Unknown, Unreachable
from bot.migrations.remote import RemoteMigrations, proposed
from rehearsal.github import LINK, TOKEN
from rehearsal.github import GitHub as StandIn
from rehearsal.github.server import NotHere
from tests.clocks import SetClock

FOLDER = "supabase/migrations"
A, B = f"{FOLDER}/20261101120000_a.sql", f"{FOLDER}/20261101121500_b.sql"


@pytest.fixture
def hub() -> Iterator[StandIn]:
    hub = StandIn(prefix="/api/v3")
    hub.commit({A: "select 1;\n", "README.md": "hello\n", "supabase/config.toml": ""})
    hub.permit(ana_dev="write", bo_dev="write", cy_dev="read", dee_dev="maintain", eve_dev="triage")
    hub.start()
    yield hub
    hub.stop()


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


Opens = Callable[..., GitHub]


@pytest.fixture
def opens(hub: StandIn, clock: SetClock) -> Iterator[Opens]:
    """Opens the adapter, and closes it afterwards."""
    opened: list[GitHub] = []

    def opening(repository: str = "acme/shop", token: str = TOKEN, branch: str = "") -> GitHub:
        opened.append(GitHub(hub.api_url, token, repository, clock, branch=branch))
        return opened[-1]

    yield opening
    for github in opened:
        github.close()


@pytest.fixture
def github(opens: Opens) -> GitHub:
    return opens()


def test_the_folder_at_the_head_of_the_default_branch(hub: StandIn, github: GitHub) -> None:
    folder = RemoteMigrations(github, FOLDER).read()
    assert [(file.version, file.content) for file in folder.migrations] == [("20261101120000", b"select 1;\n")]
    assert folder.source is not None
    assert (folder.source.branch, folder.source.commit) == ("main", hub.head())
    assert sum("/git/blobs/" in path for _, path, _ in hub.asked()) == 1, "it read more than the folder"


def test_what_did_not_change_is_not_sent_again_nor_counted(hub: StandIn, github: GitHub) -> None:
    migrations = RemoteMigrations(github, FOLDER)
    migrations.read()
    left = hub.api.remaining
    before = len(hub.asked())
    migrations.read()
    assert {status for _, _, status in hub.asked()[before:]} == {304}
    assert hub.api.remaining == left


def test_another_branch_and_one_that_is_not_there(hub: StandIn, opens: Opens) -> None:
    hub.commit({B: "select 2;\n"}, branch="release/1", start="main")
    found = RemoteMigrations(opens(branch="release/1"), FOLDER).read()
    assert [file.version for file in found.migrations] == ["20261101120000", "20261101121500"]
    with pytest.raises(Unknown, match="has no branch nowhere"):
        opens(branch="nowhere").head()


def test_links_are_skipped_and_said(hub: StandIn, github: GitHub) -> None:
    hub.commit({B: "20261101120000_a.sql"}, modes={B: LINK})
    folder = RemoteMigrations(github, FOLDER).read()
    assert [file.version for file in folder.migrations] == ["20261101120000"]
    assert "a link or a submodule" in folder.skipped[0].why


def test_bytes_that_do_not_hash_to_their_name_are_refused(hub: StandIn, github: GitHub) -> None:
    sha = blob_hash(b"select 1;\n")
    github.listing(github.head(), FOLDER)
    hub.git.blobs[sha] = b"drop table books;\n"
    with pytest.raises(Refused, match="other bytes"):
        github.blob(sha)


def test_any_bytes_come_through_as_they_are(hub: StandIn, github: GitHub) -> None:
    content = bytes(range(256)) * 40
    hub.commit({B: content})
    assert RemoteMigrations(github, FOLDER).read().migrations[1].content == content


@pytest.mark.parametrize(("repository", "token", "folder", "error", "said"), [
    ("acme/nothing", TOKEN, FOLDER, Unknown, "no repository acme/nothing, or GITHUB_TOKEN may not read it"),
    ("acme/shop", "github_pat_wrong", FOLDER, Refused, "does not take GITHUB_TOKEN (Bad credentials)"),
    ("acme/shop", "", FOLDER, Unknown, "or GITHUB_TOKEN may not read it"),
    ("acme/shop", TOKEN, "db/migrations", Unknown, "has no folder db/migrations at"),
])
def test_what_is_not_there_is_said(
    opens: Opens, repository: str, token: str, folder: str, error: type[StagedoorError], said: str,
) -> None:
    with pytest.raises(error) as trouble:
        RemoteMigrations(opens(repository, token), folder).read()
    assert said in str(trouble.value)
    assert not token or token not in str(trouble.value)


def test_a_right_that_lacks_is_named(hub: StandIn, github: GitHub) -> None:
    hub.api.rights.remove("contents")
    with pytest.raises(Refused, match=r"lacks a right \(contents=read\).*docs/github.md"):
        github.head()


def test_a_moved_repository_is_said(hub: StandIn, github: GitHub) -> None:
    hub.refuse("/repos/acme/shop", 301, "Moved Permanently", location="https://elsewhere.example/")
    with pytest.raises(Unknown, match="new name into GITHUB_REPOSITORY"):
        github.head()


@pytest.mark.parametrize(("status", "message", "headers", "until"), [
    (403, "API rate limit exceeded", {"x_ratelimit_remaining": "0"}, ""),
    (403, "You have exceeded a secondary rate limit", {}, "12:01:00"),
    (429, "", {"retry_after": "90"}, "12:01:30"),
])
def test_a_limit_is_kept_until_its_time(
    hub: StandIn, github: GitHub, clock: SetClock, status: int, message: str, headers: dict[str, str], until: str,
) -> None:
    if not until:
        hub.api.remaining, hub.api.reset = 0, int(clock.now().timestamp()) + 600
        until = "12:10:00"
    else:
        hub.refuse("/repos", status, message, **headers)
    with pytest.raises(Unreachable, match=f"used up until {until} UTC"):
        github.head()
    count = len(hub.asked())
    with pytest.raises(Unreachable, match=until):
        github.head()
    assert len(hub.asked()) == count, "it asked again before the time"
    hub.clear()
    clock.forward(minutes=11)
    assert github.head() == hub.head()


def test_down_and_silent_are_unreachable_and_soon_asked_again(hub: StandIn, github: GitHub, clock: SetClock) -> None:
    hub.down(502)
    with pytest.raises(Unreachable, match="answered 502"):
        github.head()
    hub.clear()
    clock.forward(seconds=3)
    hub.silent()
    began = time.monotonic()
    with pytest.raises(Unreachable, match="within 5 s"):
        github.head()
    assert time.monotonic() - began < 7
    hub.clear()
    clock.forward(seconds=3)
    assert github.head() == hub.head()


def test_the_token_is_never_taken_to_another_address(hub: StandIn, github: GitHub) -> None:
    hub.open_pull(7, {f"docs/{number:03}.md": "x" for number in range(150)})
    hub.api.elsewhere = "http://127.0.0.1:1/api/v3/repos/acme/shop/pulls/7/files"
    with pytest.raises(Refused, match="the token does not belong"):
        github.changed(7)


def test_lists_are_read_to_their_end(hub: StandIn, github: GitHub) -> None:
    hub.open_pull(7, {f"docs/{number:03}.md": "x" for number in range(250)} | {B: "select 2;\n"})
    assert len(github.changed(7)) == 251


def test_a_pull_request_as_it_would_be_merged(hub: StandIn, github: GitHub) -> None:
    head = hub.open_pull(48, {B: "select 2;\n", "docs/b.md": "x"})
    hub.commit({f"{FOLDER}/20261101110000_meanwhile.sql": "select 3;\n"})
    found = proposed(github, FOLDER, 48)
    assert found.brings == {"20261101121500_b.sql"}
    assert [file.version for file in found.folder.migrations] == ["20261101110000", "20261101120000", "20261101121500"]
    assert found.folder.source is not None
    assert (found.folder.source.pull, found.folder.source.commit) == (48, head)


@pytest.mark.parametrize(("change", "said"), [
    ({"state": "closed"}, "closed without being merged"), ({"base": "develop"}, "goes into develop"),
])
def test_pull_requests_that_cannot_be_taken(hub: StandIn, github: GitHub, change: dict[str, str], said: str) -> None:
    hub.commit({}, branch="develop", start="main")
    hub.open_pull(48, {B: "select 2;\n"})
    hub.change_pull(48, **change)
    with pytest.raises(Refused, match=said):
        proposed(github, FOLDER, 48)


def test_a_pull_request_without_migrations_or_that_is_not_there(hub: StandIn, github: GitHub) -> None:
    hub.open_pull(48, {"docs/x.md": "x"})
    with pytest.raises(Refused, match="brings no migration"):
        proposed(github, FOLDER, 48)
    with pytest.raises(Unknown, match="no pull request #49"):
        proposed(github, FOLDER, 49)


def test_who_wrote_it_counts_authors_committers_and_pushers(hub: StandIn, github: GitHub) -> None:
    hub.open_pull(48, {B: "select 2;\n"}, author="ana-dev")
    hub.push(48, {"docs/x.md": "x"}, author="cy-dev", committer="web-flow")
    hub.push(48, {"docs/x.md": "y"}, author="ana-dev", pusher="eve-dev")
    hub.push(48, {"docs/x.md": "z"}, author="ana-dev", committer="dee-dev", pusher="ana-dev")
    found = github.reviewed(48, FOLDER)
    assert found.authors == ("ana-dev", "cy-dev", "dee-dev", "eve-dev")
    assert not found.pull.fork
    assert found.blobs == {"20261101121500_b.sql": blob_hash(b"select 2;\n")}


def test_of_a_fork_nobody_here_knows_who_pushed(hub: StandIn, github: GitHub) -> None:
    hub.open_pull(50, {B: "select 2;\n"}, author="mallory", fork="mallory/shop")
    hub.push(50, {"docs/x.md": "x"}, author="", pusher="bo-dev")
    found = github.reviewed(50, FOLDER)
    assert found.pull.fork
    assert (found.authors, found.unnamed) == (("mallory",), ("Somebody Else",))


def test_authors_without_an_account_matter_only_where_nobody_says_who_pushed(hub: StandIn, github: GitHub) -> None:
    hub.open_pull(48, {B: "select 2;\n"}, author="ana-dev")
    hub.push(48, {"docs/x.md": "x"}, author="", pusher="bo-dev")
    assert github.reviewed(48, FOLDER).unnamed == ()
    hub.refuse("/activity", 404)
    assert github.reviewed(48, FOLDER).unnamed == ("Somebody Else",)


def test_the_last_verdict_of_each_reviewer(hub: StandIn, github: GitHub) -> None:
    head = hub.open_pull(48, {B: "select 2;\n"})
    for login, state in (
        ("bo-dev", "CHANGES_REQUESTED"), ("bo-dev", "APPROVED"), ("bo-dev", "COMMENTED"), ("cy-dev", "APPROVED"),
        ("dee-dev", "APPROVED"), ("eve-dev", "APPROVED"), ("gil-dev", "APPROVED"), ("robot[bot]", "APPROVED"),
    ):
        hub.review(48, login, state)
    hub.dismiss(48, "gil-dev")
    found = {review.login: review for review in github.reviewed(48, FOLDER).reviews}
    assert {login for login, review in found.items() if review.may_write} == {"bo-dev", "dee-dev"}
    assert found["bo-dev"].approves
    assert found["bo-dev"].commit == head
    assert "gil-dev" not in found
    assert not found["robot[bot]"].person


def test_checks_and_statuses_without_our_own(hub: StandIn, github: GitHub) -> None:
    head = hub.open_pull(48, {B: "select 2;\n"})
    hub.status(head, "stagedoor/production", "pending")
    hub.status(head, "ci/old", "failure")
    hub.status(head, "ci/old", "success")
    hub.status(head, "ci/slow", "pending")
    hub.check(head, "build")
    hub.check(head, "lint", "skipped")
    hub.check(head, "test", "timed_out")
    hub.check(head, "e2e", "")
    found = github.reviewed(48, FOLDER).checks
    assert (found.green, found.red, found.running) == (3, ("test",), ("ci/slow", "e2e"))


def test_a_token_that_may_not_read_checks_reads_those_of_actions(hub: StandIn, github: GitHub) -> None:
    head = hub.open_pull(48, {B: "select 2;\n"})
    hub.check(head, "build", "failure")
    hub.api.rights.remove("checks")
    found = github.reviewed(48, FOLDER).checks
    assert found.red == ("build",)
    assert "may not read other checks" in found.partly


@pytest.mark.parametrize("squash", [True, False])
def test_where_a_file_on_the_branch_came_from(hub: StandIn, github: GitHub, squash: bool) -> None:
    hub.open_pull(48, {B: "select 2;\n"})
    hub.merge(48, squash=squash)
    hub.commit({"README.md": "later\n"})
    found = github.origin(B)
    assert found is not None
    assert found.pull == 48
    by_hand = github.origin(A)
    assert by_hand is not None
    assert by_hand.pull == 0
    assert github.origin(f"{FOLDER}/20990101000000_none.sql") is None


def test_a_status_is_given_and_a_missing_right_is_said(hub: StandIn, github: GitHub) -> None:
    github.say(hub.head(), CommitStatus(state="pending", description="x" * 200, url="https://stagedoor.example/p"))
    assert hub.said(hub.head())[0]["target_url"] == "https://stagedoor.example/p"
    hub.api.rights.remove("statuses")
    with pytest.raises(Refused, match="statuses=write"):
        github.say(hub.head(), CommitStatus(state="success", description="in"))


def test_a_pull_request_is_opened_once_with_exactly_these_bytes(hub: StandIn, github: GitHub) -> None:
    name, content = "20261101120001_rollback_a.sql", b"-- caf\xc3\xa9\ndrop table a;\n"
    folder = RemoteMigrations(github, FOLDER)
    added = folder.add(name, content, "Roll back P-1", "It broke.")
    assert (added.where, added.merged) == (f"#1 brings {name}", False)
    assert added.url.endswith("/pull/1")
    head = hub.git.commits[hub.git.branches["stagedoor/20261101120001_rollback_a"]]
    assert head.files[f"{FOLDER}/{name}"] == content
    assert folder.add(name, content, "Roll back P-1", "It broke.") == added, "asked again it is the same one"
    assert len(hub.pulls.all) == 1
    hub.merge(1)
    assert folder.add(name, content, "Roll back P-1", "It broke.").merged
    with pytest.raises(Refused, match="already, with other bytes"):
        folder.add(name, b"select 2;", "Roll back P-1", "It broke.")


@pytest.mark.parametrize("part", ["/git/refs", "/contents/", "/pulls"])
def test_a_proposal_that_was_interrupted_goes_on_where_it_was(hub: StandIn, github: GitHub, part: str) -> None:
    folder = RemoteMigrations(github, FOLDER)
    told = hub.api._endpoints

    def interrupted() -> list[Any]:
        return [
            (verb, pattern, right, _down if verb != "GET" and pattern.startswith(part) else answer)
            for verb, pattern, right, answer in told()
        ]

    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(hub.api, "_endpoints", interrupted)
        with pytest.raises(Unreachable):
            folder.add("20261101120001_back.sql", b"drop table a;", "t", "s")
    github._wire._silent = None
    assert folder.add("20261101120001_back.sql", b"drop table a;", "t", "s").where.startswith("#1 brings")
    assert len(hub.git.branches) == 2


def _down(*_: Any, **__: Any) -> Any:
    raise NotHere(502, "Bad Gateway")


def test_a_token_that_may_not_write_is_said(hub: StandIn, github: GitHub) -> None:
    hub.api.rights.discard("contents:write")
    with pytest.raises(Refused, match=r"lacks a right \(contents=write\)"):
        RemoteMigrations(github, FOLDER).add("20261101120001_back.sql", b"drop table a;", "t", "s")
