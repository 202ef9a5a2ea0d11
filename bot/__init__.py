"""The machine room of Stagedoor: journal, runbooks, gates and migrations; knows no Slack payload and no Block Kit."""
