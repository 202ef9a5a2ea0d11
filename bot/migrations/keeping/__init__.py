"""Rows that a migration destroys are kept inside production, in its own transaction, and can be put back."""
