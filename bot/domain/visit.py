"""A visit to a page: whether it loaded, what its console and its requests complained about, and what it looked like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.domain.entry import Json
from bot.domain.values import texts


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What was seen of one page. `trouble` says why it did not load; it is empty where it did.

    `browser` is False where the page was only fetched: nothing of it ran, so there was no console to look at.
    """

    url: str
    trouble: str = ""
    seconds: float = 0.0
    browser: bool = False
    errors: tuple[str, ...] = ()
    """What the console said at level error, and exceptions that nobody caught."""
    failed: tuple[str, ...] = ()
    """Requests of the page that failed or were answered with 400 or more, each with how."""
    picture: bytes = b""
    """A PNG; empty where there is none."""

    @property
    def well(self) -> bool:
        """Whether it loaded and nothing complained."""
        return not (self.trouble or self.errors or self.failed)

    @property
    def said(self) -> str:
        """One sentence for people."""
        if self.trouble:
            return self.complaint
        how = f"{self.url} {'loaded' if self.browser else 'answered'} in {self.seconds:.1f} s"
        if not self.browser:
            return f"{how}; it was only fetched, not opened in a browser"
        return f"{how}, {self._wrong or 'no console errors, no failed requests'}"

    @property
    def complaint(self) -> str:
        """What is wrong, in the same words each time that it is seen; empty for a page that is well."""
        if self.trouble:
            return f"{self.url} did not load: {self.trouble}"
        return f"{self.url} loaded, with {self._wrong}" if self._wrong else ""

    @property
    def _wrong(self) -> str:
        return "; ".join(
            f"{len(found)} {what}{'' if len(found) == 1 else 's'}: {found[0]}"
            for found, what in ((self.errors, "console error"), (self.failed, "failed request")) if found
        )

    def to_json(self) -> dict[str, Json]:
        """All but the picture, which lies beside it."""
        return {
            "url": self.url, "trouble": self.trouble, "seconds": self.seconds, "browser": self.browser,
            "errors": list(self.errors), "failed": list(self.failed),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Json], picture: bytes = b"") -> Visit:
        seconds = data["seconds"]
        return cls(
            url=str(data["url"]), trouble=str(data["trouble"]), browser=bool(data["browser"]),
            seconds=float(seconds) if isinstance(seconds, int | float) else 0.0,
            errors=texts(data["errors"]), failed=texts(data["failed"]), picture=picture,
        )
