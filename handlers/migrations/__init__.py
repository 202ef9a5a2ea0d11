"""Promotions, staging runs, rollbacks and backups, as people talk of them and see them in Slack."""
