"""Whatever a body holds: it is read, or refused with a reason; every element is an event or is named."""

from __future__ import annotations

import json
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.project import Environment
from bot.sightings.recognising import Recogniser
from bot.sightings.shapes import Wire, micros_of
from bot.sightings.wire import Malformed, opened
from tests.sightings.events import NOON, postgres

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from([
        "id", "timestamp", "event_message", "metadata", "parsed", "error_severity", "sql_state_code", "level", "status",
        "request", "response", "status_code", "log_attributes", "source", "parsed.error_severity", "a.b.c",
    ]), inner, max_size=6), max_leaves=20,
)
RECOGNISER = Recogniser(project="shop", environment=Environment.PRODUCTION, slow_ms=1000, key=b"k")


@settings(max_examples=100, deadline=None)
@given(st.lists(ANY, max_size=5))
def test_every_element_is_an_event_or_is_named(elements: list[object]) -> None:
    found = opened(json.dumps([*elements, postgres("division by zero")]).encode())
    assert len(found.events) + len(found.bad) == len(elements) + 1
    assert sorted(bad.index for bad in found.bad) == [bad.index for bad in found.bad]
    seen = RECOGNISER.seen(found.events, NOON)
    assert "division by zero" in [sighting.template for sighting in seen.sightings]
    for sighting in seen.sightings:
        sighting.sample.encode()
        sighting.template.encode()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for each in (body, b"[" + body, b"[" + body + b"]"):
        with suppress(Malformed):
            assert all(isinstance(event, Wire) for event in opened(each).events)


def test_times_in_any_unit() -> None:
    at = 1_790_000_001_234_567
    for stamp in (at, str(at), at / 1e6, at // 1000, at * 1000, "2026-09-21T14:13:21.234567Z"):
        found = micros_of(stamp)
        assert found is not None
        assert abs(found - at) < 1001
    for wrong in (
        None, "", "soon", 5, -1, float("nan"), float("inf"), 10**30, 10**400, "9" * 400, "0001-01-01T00:00:00+23:59",
        "9999-12-31",
    ):
        assert micros_of(wrong) is None
