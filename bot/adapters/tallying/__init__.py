"""The accounts of sightings as both stores keep them: the same few statements over plain tables."""

from __future__ import annotations

from bot.adapters.tallying.accounts import Accounts
from bot.adapters.tallying.transaction import Transaction

__all__ = ["Accounts", "Transaction"]
