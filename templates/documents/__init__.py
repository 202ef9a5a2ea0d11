"""Documents: Markdown, HTML and pages from Jinja. What is put into one is escaped, in whichever form it is."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

from bot.domain.document import Checklist
from bot.domain.report import IncidentReport, as_json
from templates.documents import words

_FILTERS = {"when": words.moment, "second": words.second, "span": words.span,
            "linked": words.linked, "address": words.address}


_PICTURES = ((b"\x89PNG", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF8", "gif"), (b"RIFF", "webp"))


@cache
def _environment(form: str) -> Environment:
    """HTML escapes by Jinja itself; in Markdown every value goes through `words.markdown`."""
    html = form == "html"
    made = Environment(
        loader=PackageLoader("templates", "documents"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        autoescape=html, keep_trailing_newline=True,  # noqa: S701  (what is no HTML is escaped as Markdown)
        finalize=None if html else words.markdown,
    )
    said = words.spoken if html else words.speech
    made.filters.update(_FILTERS | {"said": said, "paragraphs": words.spoken if html else words.paragraphs})
    return made


def rendered(template: str, names: Mapping[str, str], **values: object) -> str:
    """A template of this folder (`report.md.j2`) with these values and people's names."""
    environment = _environment(template.split(".")[-2])
    made = environment.get_template(template)
    return made.render(
        **values, named=lambda text: words.named(words.unslacked(str(text)), names),
        who=lambda actor: words.who(str(actor), names),
    )


def checklist_markdown(checklist: Checklist, names: Mapping[str, str]) -> str:
    """The runbook's checklist, for a pull request."""
    return rendered("checklist.md.j2", names, checklist=checklist)


def promotion_page(
    checklist: Checklist, facts: tuple[tuple[str, str], ...], timeline: tuple[tuple[datetime, str, str], ...],
    names: Mapping[str, str], until: str,
) -> str:
    """The read-only page of a promotion: what it is, its checklist, and its steps in order."""
    return rendered(
        "promotion.html.j2", names, checklist=checklist, facts=facts, timeline=timeline, until=until,
        title=checklist.record,
    )


def report_in(
    form: str, report: IncidentReport, names: Mapping[str, str], chart: bytes = b"", note: str = "",
    images: Mapping[str, bytes] | None = None,
) -> str:
    """An incident's report as `md`, `html` or `json`.

    For the page: `chart` is a PNG, `note` a last sentence, `images` are pictures of messages by their SHA-256.
    """
    if form == "json":
        return as_json(report)
    shown = {sha256: address for sha256, content in (images or {}).items() if (address := _picture(content))}
    return rendered(
        f"report.{form}.j2", names, report=report, title=report.id, chart=_picture(chart), note=note, images=shown,
    )


def _picture(content: bytes) -> str:
    """A picture as an address of its own; nothing for what is no picture that a browser only draws."""
    kind = next((kind for start, kind in _PICTURES if content.startswith(start)), "")
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}" if kind else ""


def sorry_page(title: str, said: str) -> str:
    """A page that cannot be shown, and what to do."""
    return rendered("sorry.html.j2", {}, title=title, said=said)


__all__ = ["checklist_markdown", "promotion_page", "rendered", "report_in", "sorry_page"]


def workflow(*, by_cli: bool) -> str:
    """A workflow for GitHub Actions, as it is: what looks like a blank in it is GitHub's own."""
    name = "migrations-by-cli.yml" if by_cli else "migrations.yml"
    return files(__name__).joinpath(name).read_text(encoding="utf-8")
