"""Deploy windows and freezes in Slack."""
