"""Makes Slack show what the journal says, each thing once."""
