"""Somebody in front of the rehearsal's page, by mouse or by keyboard."""

from __future__ import annotations

from typing import Any

from rehearsal.world import World

PATIENCE = 45_000
IDS = {"ana": "U0ANA0001", "bo": "U0BO00001"}
FOCUSED = """() => {
  const one = document.activeElement;
  return { words: one.textContent.trim(), id: one.id, ring: getComputedStyle(one).outlineStyle !== 'none' };
}"""


class Person:
    """One person with a browser window of their own."""

    def __init__(self, chromium: Any, world: World, name: str) -> None:
        self.complaints: list[str] = []
        self._window = chromium.new_context(viewport={"width": 1180, "height": 900}, device_scale_factor=1.5)
        self.page = self._window.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{name}: {error}"))
        self.page.goto(f"{world.slack.page_url}?as={IDS[name]}")
        self.page.get_by_role("heading", name="#deploys").wait_for()

    def leaves(self) -> None:
        self._window.close()

    # By mouse

    def types(self, words: str) -> None:
        box = self.page.get_by_label("Message #deploys as")
        box.fill(words)
        box.press("Enter")

    def presses(self, button: str, near: str = "", card: str = "P-1") -> None:
        place = self.card(card)
        if near:
            place = place.locator(".section").filter(has_text=near)
        place.get_by_role("button", name=button, exact=True).click()

    def agrees(self, button: str) -> None:
        """The answer to the question that Slack asks before a button counts."""
        self.page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()

    # By keyboard

    def goes_to(self, words: str, *, back: bool = False) -> None:
        """Tab by tab to a button or a link, seeing at every stop where the focus is."""
        stops: list[str] = []
        for _ in range(80):
            self.key("Shift+Tab" if back else "Tab")
            focus = self.page.evaluate(FOCUSED)
            stops.append(focus["words"][:30])
            if focus["words"] == words or focus["words"].startswith(words + "\n"):
                assert focus["ring"], f"{words} has the focus and nobody can see it"
                return
        raise AssertionError(f"no way by keyboard to {words}: {stops}")

    def key(self, name: str) -> None:
        self.page.keyboard.press(name)

    def writes(self, words: str) -> None:
        assert self.page.evaluate(FOCUSED)["id"] == "composer-text"
        self.page.keyboard.type(words)
        self.page.keyboard.press("Enter")

    # What is seen

    def card(self, record: str = "P-1") -> Any:
        return self.page.get_by_role("log", name="Messages").locator("li.message").filter(has_text=f"{record} · plan")

    def reads(self, words: str, card: str = "P-1") -> None:
        self.card(card).get_by_text(words).first.wait_for()

    def sees_no(self, button: str, card: str = "P-1") -> None:
        assert self.card(card).get_by_role("button", name=button, exact=True).count() == 0

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)
