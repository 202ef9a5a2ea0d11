"""An incident in Slack: its card, its thread, its modals, its report."""
