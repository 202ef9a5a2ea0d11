"""Backups in Slack."""
