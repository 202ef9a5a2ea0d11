"""Incidents and their reports, as people talk of them and see them in Slack."""
