"""The way back in Slack: its plan, the card and thread of a rollback, and rows put back."""
