"""Alerts, as people answer them and see them in Slack."""
