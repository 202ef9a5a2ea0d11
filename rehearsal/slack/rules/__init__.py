"""Block Kit as strict as Slack: what is wrong with blocks, messages and views, each with a pointer to the place."""

from rehearsal.slack.rules.blocks import problems_in_blocks
from rehearsal.slack.rules.checks import Problem
from rehearsal.slack.rules.views import problems_in_view

__all__ = ["Problem", "problems_in_blocks", "problems_in_view"]
