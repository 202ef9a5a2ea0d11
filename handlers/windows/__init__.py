"""Deploy windows and freezes, as people talk of them and see them in Slack."""
