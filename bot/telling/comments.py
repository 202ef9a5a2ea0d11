"""Keeps one comment on each open pull request that brings migrations: written once, then edited in its place.

The comment's number is kept in the store. Before the first try its mark is kept too, so that after a crash between
posting and noting it is found by that and not posted again; nobody else can know the mark beforehand.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog

from bot.domain.commentary import Commentary, Shown
from bot.domain.description import missing
from bot.domain.entry import Json
from bot.domain.finding import Report
from bot.domain.migration import Folder, Migration
from bot.domain.pending import Pending
from bot.domain.review import CommitStatus, Pull
from bot.domain.way_back import Proof, Schema
from bot.errors import Unknown
from bot.evidence.linting import pending
from bot.evidence.proofs import SHELF as PROOFS
from bot.evidence.safekeeping import holds
from bot.migrations.files import folder
from bot.ports import CodeHost, Put
from bot.world import Ports, Project

log = structlog.get_logger(__name__)

SHELF = "comments"
LONGEST = 60_000
"""GitHub takes 65,536 characters."""

Write = Callable[[Commentary], str]
Doc = Mapping[str, Json]


class Comments:
    """Compares what each comment says with what it should say."""

    def __init__(self, ports: Ports, write: Write, scrub: Callable[[str], str]) -> None:
        self._ports = ports
        self._write = write
        self._scrub = scrub
        self._known: dict[tuple[str, int], tuple[str, str]] = {}
        self._heads: dict[tuple[str, int], tuple[str, Folder]] = {}

    def tell(self, project: Project, host: CodeHost, pull: Pull, status: CommitStatus) -> None:
        """Bring the comment up to date. Raises `Unreachable`, and `Refused` where the right to comment lacks."""
        text = self._text(project, host, pull, status)
        key = f"{project.name}:{pull.number}"
        doc = dict(self._ports.shelves.get(SHELF, key) or {})
        if not doc:
            doc = {"mark": secrets.token_hex(12), "id": 0, "said": ""}
            self._ports.shelves.put([Put(shelf=SHELF, key=key, doc=doc)])
        digest = hashlib.sha256(text.encode()).hexdigest()
        if doc["said"] == digest:
            return
        mark = f"<!-- stagedoor {doc['mark']} -->"
        number = self._say(host, pull, int(str(doc["id"])), mark, f"{text}\n\n{mark}")
        self._ports.shelves.put([Put(shelf=SHELF, key=key, doc={**doc, "id": number, "said": digest})])

    def _say(self, host: CodeHost, pull: Pull, number: int, mark: str, body: str) -> int:
        if not number:
            found = [one for one, text in host.comments(pull.number) if mark in text]
            number = found[0] if found else 0
        if number:
            try:
                host.edit_comment(number, body)
                return number
            except Unknown:
                log.info("comment.gone", number=number)  # somebody deleted it: what it says is still worth saying
        return host.comment(pull.number, body)

    def _text(self, project: Project, host: CodeHost, pull: Pull, status: CommitStatus) -> str:
        """The comment's words, made anew when the commit, its way or its evidence moved on."""
        place = project.name, pull.number
        files = self._files(project, host, pull)
        docs = [self._run(project, file) for file in files.migrations]
        state = repr((pull.head, pull.body, status, docs))
        if self._known.get(place, ("", ""))[0] != state:
            shown = [self._shown(file, *doc) for file, doc in zip(files.migrations, docs, strict=True)]
            text = self._scrub(self._write(self._commentary(project, host, pull, status, files, shown)))
            self._known[place] = (state, text[:LONGEST])
        return self._known[place][1]

    def _commentary(
        self, project: Project, host: CodeHost, pull: Pull, status: CommitStatus, files: Folder, shown: Sequence[Shown],
    ) -> Commentary:
        seen = Pending(files=(), report=Report())
        if files.migrations:
            held, now = holds(project.policy.backups), self._ports.clock.now()
            seen = pending(project, files, files.migrations, self._ports.shelves, now, held)
        return Commentary(
            project=project.name, number=pull.number, commit=pull.head, status=status.description, url=status.url,
            report=seen.report, files=tuple(shown), unread=seen.unread,
            missing=missing(pull.body, host.changed(pull.number)),
        )

    def _files(self, project: Project, host: CodeHost, pull: Pull) -> Folder:
        """The migrations that the pull request brings, as they are at its head, and their rollback files."""
        place = project.name, pull.number
        if self._heads.get(place, ("", Folder(migrations=())))[0] != pull.head:
            there = {path for path, stays in host.changed(pull.number).items() if stays}
            back = f"{project.directory.rpartition('/')[0]}/rollbacks".lstrip("/")
            own, backs = (_read(host, pull.head, folder, there) for folder in (project.directory, back))
            self._heads[place] = (pull.head, Folder(migrations=own, rollbacks=backs))
        return self._heads[place][1]

    def _run(self, project: Project, file: Migration) -> tuple[Doc, Doc]:
        """Stagedoor's own staging run of these very bytes and what its way back is worth; empty where there is none."""
        key = f"{project.name}:{file.version}"
        run, proof = (self._ports.shelves.get(shelf, key) or {} for shelf in ("staged", PROOFS))
        return (run, proof) if run.get("sha256") == file.sha256 else ({}, {})

    def _shown(self, file: Migration, run: Doc, doc: Doc) -> Shown:
        if not run:
            return Shown(label=file.label)
        record = str(run["record"])
        lines: tuple[str, ...] = ()
        for entry in self._ports.journal.entries(about=record):
            if entry.kind == "evidence.seen" and isinstance(told := entry.data["lines"], list):
                lines = tuple(map(str, told))
        proof = Proof.from_json(doc) if doc else None
        return Shown(
            label=file.label, record=f"{record}, {_moment(str(run['at']))}", lines=lines,
            way_back=_way_back(proof) if proof and proof.sha256 == file.sha256 else "",
        )


def _read(host: CodeHost, commit: str, directory: str, there: set[str]) -> tuple[Migration, ...]:
    names = {path.rpartition("/")[2] for path in there if path.rpartition("/")[0] == directory}
    if not names:
        return ()
    blobs = host.listing(commit, directory).blobs
    return folder([(name, host.blob(blobs[name])) for name in sorted(names) if name in blobs]).migrations


def _way_back(proof: Proof) -> str:
    way = proof.way
    lost = f"; no SQL brings back {', '.join(way.lost)}" if way.lost else ""
    how = ", though not as it is written" if way.by_stand_in else ""
    whose = "the rollback file" if way.source == "file" else "a draft"
    verdict = {
        Schema.EXACT: "leads back exactly", Schema.ORDER: "leads back exactly but for column order",
        Schema.DIFFERS: "does not lead back", Schema.UNKNOWN: "could not be tried",
    }[way.schema]
    return f"{whose} {verdict}{how}{lost}"


def _moment(moment: str) -> str:
    return f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M} UTC"


