"""A repository in memory: commits of whole trees, branches, and git's own hashes for blobs."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

LINK, SUBMODULE = "120000", "160000"


@dataclass(frozen=True, kw_only=True)
class Commit:
    """All files of a moment. A login of "" is an author whose address belongs to no account."""

    sha: str
    files: Mapping[str, bytes]
    parents: tuple[str, ...]
    author: str
    committer: str
    name: str
    message: str
    modes: Mapping[str, str] = field(default_factory=dict)


def blob_sha(content: bytes) -> str:
    """What `git hash-object` says."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Repository:
    """What pushes and merges leave behind. Not thread-safe: whoever serves it holds a lock."""

    def __init__(self, name: str, default_branch: str = "main") -> None:
        self.name, self.default_branch = name, default_branch
        self.commits: dict[str, Commit] = {}
        self.branches: dict[str, str] = {}
        self.pushes: list[dict[str, str]] = []
        self.trees: dict[str, list[dict[str, object]]] = {}
        self.blobs: dict[str, bytes] = {}
        self._count = itertools.count(1)

    def commit(
        self, branch: str, changes: Mapping[str, bytes | str | None], *, author: str, pusher: str = "",
        committer: str = "", start: str = "", message: str = "a change", merge: str = "",
        modes: Mapping[str, str] | None = None,
    ) -> Commit:
        """Put changes (None takes a file away) on a branch, which begins at `start` when it is new."""
        parent = self.branches.get(branch) or self.branches.get(start, "")
        before = self.commits[parent] if parent else None
        files = dict(before.files) if before else {}
        for path, content in changes.items():
            if content is None:
                files.pop(path, None)
            else:
                files[path] = content.encode() if isinstance(content, str) else content
        parents = tuple(filter(None, (parent, merge)))
        sha = hashlib.sha1(json.dumps([next(self._count), branch, message, parents, author]).encode()).hexdigest()
        made = Commit(
            sha=sha, files=files, parents=parents, author=author, committer=committer or author,
            name=author or "Somebody Else", message=message,
            modes={**(before.modes if before else {}), **(modes or {})},
        )
        self.commits[sha] = made
        self.branches[branch] = sha
        self.pushes.append({"ref": f"refs/heads/{branch}", "after": sha, "actor": pusher or author or "someone"})
        return made

    def tip(self, branch: str) -> Commit:
        return self.commits[self.branches[branch]]

    def ancestors(self, sha: str) -> Iterator[Commit]:
        """The commit and everything before it, newest first."""
        waiting, seen = [sha], set[str]()
        while waiting:
            now = waiting.pop(0)
            if now not in seen:
                seen.add(now)
                yield self.commits[now]
                waiting += self.commits[now].parents

    def newest_with(self, sha: str, path: str) -> Commit | None:
        """The commit that brought a file to its state at `sha`, along the way that git's history takes."""
        commit = self.commits[sha]
        while True:
            here = commit.files.get(path)
            same = [parent for parent in commit.parents if self.commits[parent].files.get(path) == here]
            if not same:
                return commit if here is not None or commit.parents else None
            commit = self.commits[same[-1]]

    def tree(self, commit: Commit, folder: str = "") -> str:
        """The hash of a folder's listing, which can then be asked for."""
        entries: dict[str, dict[str, object]] = {}
        for path, content in commit.files.items():
            if not path.startswith(folder):
                continue
            name, _, deeper = path[len(folder):].partition("/")
            if deeper:
                if name not in entries:
                    sha = self.tree(commit, f"{folder}{name}/")
                    entries[name] = {"path": name, "mode": "040000", "type": "tree", "sha": sha}
                continue
            sha, mode = blob_sha(content), commit.modes.get(path, "100644")
            self.blobs[sha] = content
            kind = "commit" if mode == SUBMODULE else "blob"
            entries[name] = {"path": name, "mode": mode, "type": kind, "sha": sha, "size": len(content)}
        listing = [entries[name] for name in sorted(entries)]
        sha = hashlib.sha1(json.dumps(listing).encode()).hexdigest()
        self.trees[sha] = listing
        return sha
