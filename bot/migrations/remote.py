"""Migration files from the code host: as they stand on the branch, or as a pull request would leave them there."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from bot.domain.migration import Folder, Migration, Skipped
from bot.domain.review import Pull, blob_hash
from bot.domain.source import Source
from bot.errors import Refused, Unknown
from bot.migrations.files import ROLLBACKS, folder, skip_reason
from bot.ports import Added, CodeHost, Listing

AT_ONCE = 8
"""Files that are fetched side by side; a repository's first reading asks for each of them."""


class RemoteMigrations:
    """The port `Migrations` without a checkout: the head of the branch that is promoted."""

    def __init__(self, host: CodeHost, directory: str) -> None:
        self._host = host
        self._directory = directory

    def read(self) -> Folder:
        """The folder at the branch's last commit. Raises `Unreachable`, `Unknown` or `Refused`."""
        commit = self._host.head()
        listing = self._host.listing(commit, self._directory)
        source = Source(repository=self._host.repository, commit=commit, branch=self._host.branch())
        back = _rollbacks(self._host, commit, self._directory)
        return replace(_read(self._host, listing.blobs, listing.odd, source), rollbacks=back)

    def add(self, filename: str, content: bytes, title: str, said: str) -> Added:
        """Open a pull request that brings the file, unless the branch has it."""
        blobs = self._host.listing(self._host.head(), self._directory).blobs
        if filename in blobs:
            if blobs[filename] != blob_hash(content):
                raise Refused(f"{self._host.branch()} has a {filename} already, with other bytes.")
            return Added(where=f"{filename} is on {self._host.branch()}")
        opened = self._host.propose(f"{self._directory}/{filename}", content, title, said)
        return Added(where=f"#{opened.number} brings {filename}", url=opened.url, merged=False)


@dataclass(frozen=True, kw_only=True)
class Proposed:
    """A pull request, the folder as it will be once it is merged, and the files that it brings."""

    pull: Pull
    folder: Folder
    brings: frozenset[str]


def proposed(host: CodeHost, directory: str, number: int) -> Proposed:
    """Read a pull request that may be promoted. Raises `Refused` for one that was given up or goes elsewhere."""
    pull = host.pull(number)
    if not pull.open and not pull.merged:
        raise Refused(f"#{number} was closed without being merged. Reopen it, or name one that is open.")
    if pull.base != (branch := host.branch()):
        raise Refused(
            f"#{number} goes into {pull.base}, and {branch} is what is promoted. "
            f"Point it at {branch}, or ask again once its files are there."
        )
    touched = touches(host, directory, number)
    brings = frozenset(name for name, there in touched.items() if there and not skip_reason(name))
    if not brings:
        raise Refused(f"#{number} brings no migration into {directory}.")
    blobs, odd = _branch(host, directory)
    if not pull.merged:
        own = host.listing(pull.head, directory)
        if odd_ones := sorted(brings - own.blobs.keys()):
            raise Refused(f"{', '.join(odd_ones)} of #{number} is a link or a submodule. Make it a plain file.")
        blobs = {name: blob for name, blob in blobs.items() if name not in touched}
        blobs |= {name: own.blobs[name] for name in brings if name in own.blobs}
        odd = tuple(dict.fromkeys((*odd, *own.odd)))
    source = Source(
        repository=host.repository, commit=pull.head, branch=pull.base, pull=number, fork=pull.fork,
    )
    read = replace(_read(host, blobs, odd, source), rollbacks=_rollbacks(host, pull.head, directory))
    return Proposed(pull=pull, folder=read, brings=brings)


def touches(host: CodeHost, directory: str, number: int) -> dict[str, bool]:
    """Names of files in the folder that a pull request touches; False for those it takes away."""
    split = ((path.rpartition("/"), there) for path, there in host.changed(number).items())
    return {name: there for (parent, _, name), there in split if parent == directory}


def _rollbacks(host: CodeHost, commit: str, directory: str) -> tuple[Migration, ...]:
    """The ways back at a commit; a project may have none."""
    parent, slash, _ = directory.rpartition("/")
    try:
        blobs = host.listing(commit, f"{parent}{slash}{ROLLBACKS}").blobs
    except Unknown:
        return ()
    return folder([(name, host.blob(sha)) for name, sha in blobs.items() if not skip_reason(name)]).migrations


def _branch(host: CodeHost, directory: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """The branch's own files; it may have none yet, when this is its first migration."""
    try:
        listing = host.listing(host.head(), directory)
    except Unknown:
        listing = Listing(blobs={})
    return dict(listing.blobs), listing.odd


def _read(host: CodeHost, blobs: Mapping[str, str], odd: tuple[str, ...], source: Source) -> Folder:
    wanted = {name: sha for name, sha in blobs.items() if not skip_reason(name)}
    with ThreadPoolExecutor(AT_ONCE) as readers:
        contents = dict(zip(wanted, readers.map(host.blob, wanted.values()), strict=True))
    files = [(name, contents.get(name, b"")) for name in blobs]
    links = tuple(Skipped(filename=name, why="it is a link or a submodule, not a file of its own") for name in odd)
    read = folder(files)
    return replace(read, skipped=(*read.skipped, *links), source=source)
