"""Read-only pages: only a link of ours opens one, only that one, and only until its time; nothing on it runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from bot.scrub import Scrubber
from bot.signing import Expired, Links
from handlers.door.http import serve
from handlers.door.pages import Pages
from handlers.migrations.written import drawn
from tests.clocks import SetClock
from tests.reporting_side import Desk

LINKS = Links(address="https://stagedoor.example/", secret=b"of this test")


class Site:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        pages = Pages(desk.journal, LINKS, desk.clock, Scrubber(("a-secret-of-the-settings",)), drawn(desk.ports))
        self._stop, ready, port = threading.Event(), threading.Event(), list[int]()

        def on_ready(bound: int) -> None:
            port.append(bound)
            ready.set()

        web = Starlette(routes=pages.routes())
        self._thread = threading.Thread(target=serve, args=(web, "127.0.0.1", 0, self._stop, on_ready))
        self._thread.start()
        ready.wait(10)
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{port[0]}")

    def close(self) -> None:
        self.http.close()
        self._stop.set()
        self._thread.join()
        self.desk.journal.close()

    def link(self, path: str, **life: float) -> str:
        split = urlsplit(LINKS.to(path, self.desk.clock.now() + timedelta(**(life or {"days": 1}))))
        return f"{split.path}?{split.query}"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(Desk(tmp_path))
    yield made
    made.close()


def test_a_promotion_can_be_read_by_its_link(site: Site) -> None:
    site.desk.promoted()
    answer = site.http.get(site.link("/promotions/P-1"))
    assert answer.status_code == 200
    assert "P-1 · 20261101121500 add_subtitle" in answer.text
    assert "Approved by Bo Lindqvist, plan" in answer.text
    assert "✓ Frontend tested with staging: Ana Petrov" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "private, no-store"


def test_a_link_opens_its_own_page_alone_and_not_for_ever(site: Site) -> None:
    site.desk.promoted()
    site.desk.promoted("P-2")
    good = site.link("/promotions/P-1", hours=1)
    for bad in (
        "/promotions/P-1", good.replace("P-1", "P-2"), good.replace("until=1", "until=2"), good[:-1] + "x", good + "0",
        good.replace("/promotions/", "/promotions/%2e%2e/promotions/"), "/promotions/P-1?until=9e99&proof=ü",
    ):
        answer = site.http.get(bad)
        assert answer.status_code == 404, bad
        assert "add_subtitle" not in answer.text
    assert site.http.get(site.link("/promotions/P-3")).status_code == 404
    site.desk.clock.forward(hours=1)
    late = site.http.get(good)
    assert late.status_code == 410
    assert "expired" in late.text


@given(st.text(max_size=40), st.text(max_size=20), st.text(max_size=50))
def test_nothing_that_we_did_not_sign_is_proven(path: str, until: str, proof: str) -> None:
    try:
        assert not LINKS.prove(path, until, proof, SetClock().now())
    except Expired:
        pytest.fail("a link of a stranger was taken for one of ours")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        assert not [name for name, _ in attrs if name.startswith("on") or name in ("src", "href", "style")]


def test_hostile_words_stay_words_and_secrets_stay_away(site: Site) -> None:
    purpose = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    site.desk.promoted(purpose=purpose, ended=False)
    why = "</table><svg/onload=alert(3)> a-secret-of-the-settings"
    site.desk.note("P-1", "apply.failed", version="20261101121500", why=why)
    text = site.http.get(site.link("/promotions/P-1")).text
    tags = Tags()
    tags.feed(text)
    assert not tags.seen & {"script", "img", "svg", "iframe", "a", "form"}
    assert "&lt;svg/onload=alert(3)&gt; [secret]" in text
    assert "a-secret" not in text


def test_an_incident_can_be_read_while_slack_is_away(site: Site) -> None:
    site.desk.promoted()
    site.desk.incident(title="<b>Checkout</b>")
    text = site.http.get(site.link("/incidents/INC-1")).text
    assert "INC-1 · &lt;b&gt;Checkout&lt;/b&gt;" in text
    assert "The checkout answers 500" in text
    assert site.http.get(site.link("/incidents/P-1")).status_code == 404
    assert site.http.get(site.link("/promotions/INC-1")).status_code == 404
