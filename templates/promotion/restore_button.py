"""The button `Restore data`, for cards of what was rolled back."""

from __future__ import annotations

from templates.blocks import Block, button, confirm

RESTORE_DATA = "promotion.restore_data"


def restore_button(promotion: str) -> Block:
    """For the card of a promotion that was rolled back; its value is the promotion that destroyed the rows."""
    sure = confirm(
        "Ask for its rows back?", f"Somebody else has to approve that what {promotion} destroyed is put back.",
        "Ask for it", "Back",
    )
    return button("Restore data", RESTORE_DATA, promotion, confirm=sure)
