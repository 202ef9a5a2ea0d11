"""A promotion in Slack: its card, its thread, its modals."""
