"""Slack's Web API: read, written at its pace, each call with an outcome."""
