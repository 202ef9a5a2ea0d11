"""The CLI once a session. Where it cannot be had the tests are left out; on CI that is a failure."""

from __future__ import annotations

import os

import pytest

from tests.compat.cli import NoCli, SupabaseCli


@pytest.fixture(scope="session")
def cli() -> SupabaseCli:
    try:
        return SupabaseCli.installed()
    except NoCli as why:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"The Supabase CLI has to be tested here: {why}.")
        pytest.skip(f"Without the Supabase CLI: {why}.")
