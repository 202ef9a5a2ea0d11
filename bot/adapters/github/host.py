"""A repository on GitHub: its branch, its files by git's own hashes, its pull requests, and commit statuses."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from bot.adapters.github.reviews import pull, reviewed
from bot.adapters.github.wire import NotThere, Wire
from bot.domain.entry import Json
from bot.domain.review import CommitStatus, Origin, Pull, Reviewed, blob_hash
from bot.errors import Refused, Unknown
from bot.ports import Clock, Listing

CONTEXT = "stagedoor/production"
PLAIN = ("100644", "100755")
LARGEST = 10_000_000


class GitHub:
    """The port `CodeHost` for one repository and the branch of it that is promoted."""

    def __init__(self, api_url: str, token: str, repository: str, clock: Clock, branch: str = "") -> None:
        self.repository = repository
        self._branch = branch
        self._wire = Wire(api_url, token, clock)
        self._at = f"/repos/{repository}"
        self._blobs: dict[str, bytes] = {}

    def branch(self) -> str:
        """The branch that is promoted: the one that was named, else the repository's default one."""
        return self._branch or str(self._repository()["default_branch"])

    def head(self) -> str:
        branch = self.branch()
        try:
            return str(self._wire.get(f"{self._at}/git/ref/heads/{quote(branch)}")["object"]["sha"])
        except NotThere:
            self._repository()
            raise Unknown(f"{self.repository} has no branch {branch}. Set GITHUB_BRANCH to one that it has.") from None

    def listing(self, commit: str, folder: str) -> Listing:
        """The files of a folder at a commit, read tree by tree: only the way to that folder."""
        try:
            tree = str(self._wire.get(f"{self._at}/git/commits/{commit}")["tree"]["sha"])
        except NotThere:
            self._repository()
            raise Unknown(f"{self.repository} has no commit {commit[:7]}.") from None
        for step in filter(None, folder.split("/")):
            entries = self._tree(tree)
            found = [entry for entry in entries if entry["path"] == step and entry["type"] == "tree"]
            if not found:
                raise Unknown(
                    f"{self.repository} has no folder {folder} at {commit[:7]}. Set MIGRATIONS_DIR to its path there."
                )
            tree = str(found[0]["sha"])
        entries = [entry for entry in self._tree(tree) if entry["type"] != "tree"]
        plain = [entry for entry in entries if entry["type"] == "blob" and entry["mode"] in PLAIN]
        return Listing(
            blobs={str(entry["path"]): str(entry["sha"]) for entry in plain},
            odd=tuple(str(entry["path"]) for entry in entries if entry not in plain),
        )

    def blob(self, sha: str) -> bytes:
        """The bytes of that name. What does not hash to it is refused."""
        if sha in self._blobs:
            return self._blobs[sha]
        try:
            given = self._wire.once(f"{self._at}/git/blobs/{sha}")
        except NotThere:
            raise Unknown(f"{self.repository} has no file content {sha[:7]}.") from None
        if int(given.get("size", 0)) > LARGEST:
            raise Refused(f"A file of {given['size']} bytes in {self.repository} is too large for a migration.")
        try:
            content = base64.b64decode(given["content"])
        except (binascii.Error, KeyError, TypeError):
            content = b""
        if blob_hash(content) != sha:
            raise Refused(f"GitHub sent other bytes than {sha[:7]} names. Nothing was taken from them; ask again.")
        self._blobs[sha] = content
        return content

    def pull(self, number: int) -> Pull:
        try:
            return pull(self._wire.get(f"{self._at}/pulls/{number}"))
        except NotThere:
            self._repository()
            raise Unknown(f"{self.repository} has no pull request #{number}.") from None

    def changed(self, number: int) -> dict[str, bool]:
        """Paths that a pull request touches, counted from where it left its base; False for those it takes away."""
        touched: dict[str, bool] = {}
        for file in self._wire.pages(f"{self._at}/pulls/{number}/files"):
            if file["status"] == "renamed":
                touched[str(file["previous_filename"])] = False
            touched[str(file["filename"])] = file["status"] != "removed"
        return touched

    def reviewed(self, number: int, folder: str) -> Reviewed:
        """Everything said about a pull request's last commit, all of it about one and the same commit."""
        for _ in range(3):
            before = self.pull(number)
            touched = self.changed(number)
            there = [path for path, stays in touched.items() if stays and path.rpartition("/")[0] == folder]
            names = {path.rpartition("/")[2] for path in there}
            blobs: Mapping[str, str] = self.listing(before.head, folder).blobs if names else {}
            own = {name: blobs[name] for name in names if name in blobs}
            found = reviewed(self._wire, self._at, before, own, touched)
            if self.pull(number).head == before.head:
                return found
        raise Refused(f"Commits keep coming to #{number} while it is read. Ask again when it rests.")

    def origin(self, path: str) -> Origin | None:
        """How the newest state of a file came to the branch; None for a file that is not there."""
        branch = self.branch()
        newest = self._wire.get(f"{self._at}/commits", path=path, sha=branch, per_page=1)
        if not newest:
            return None
        commit = str(newest[0]["sha"])
        pulls = [pull(each) for each in self._wire.pages(f"{self._at}/commits/{commit}/pulls")]
        merged = [each.number for each in pulls if each.merged and each.base == branch]
        return Origin(commit=commit, pull=min(merged, default=0))

    def open_pulls(self) -> tuple[Pull, ...]:
        """Open pull requests into the branch, newest first."""
        given = self._wire.pages(f"{self._at}/pulls", state="open", base=self.branch(), sort="updated")
        return tuple(pull(each) for each in given)

    def propose(self, path: str, content: bytes, title: str, said: str) -> Pull:
        """A pull request that brings one new file, from a branch that is named after it; made once.

        Each step is looked for before it is taken, so that one that was interrupted is gone on with.
        """
        branch = f"stagedoor/{path.rpartition('/')[2].removesuffix('.sql')}"
        mine = [each for each in self.open_pulls() if each.branch == branch and not each.fork]
        if mine:
            return mine[0]
        try:
            start = str(self._wire.get(f"{self._at}/git/ref/heads/{quote(branch)}")["object"]["sha"])
        except NotThere:
            start = self.head()
            self._wire.post(f"{self._at}/git/refs", {"ref": f"refs/heads/{branch}", "sha": start})
        folder, _, name = path.rpartition("/")
        if self.listing(start, folder).blobs.get(name) != blob_hash(content):
            text = base64.b64encode(content).decode()
            self._wire.put(f"{self._at}/contents/{quote(path)}", {"message": title, "content": text, "branch": branch})
        body: dict[str, Json] = {"title": title, "body": said, "head": branch, "base": self.branch()}
        return pull(self._wire.post(f"{self._at}/pulls", body))

    def issue(self, title: str, said: str) -> str:
        """The issue with this title; looked for before it is opened, since an answer may have been lost."""
        for each in self._wire.pages(f"{self._at}/issues", state="all"):
            if each["title"] == title and "pull_request" not in each:
                return str(each["html_url"])
        return str(self._wire.post(f"{self._at}/issues", {"title": title, "body": said})["html_url"])

    def say(self, commit: str, status: CommitStatus) -> None:
        """Give a commit the status `stagedoor/production`."""
        body = {"state": status.state, "description": status.description[:140], "context": CONTEXT}
        if status.url:
            body["target_url"] = status.url
        try:
            self._wire.post(f"{self._at}/statuses/{commit}", dict(body))
        except NotThere:
            raise Unknown(f"GitHub has no commit {commit[:7]} of {self.repository} that it lets us mark.") from None

    def comments(self, number: int) -> list[tuple[int, str]]:
        given = self._wire.pages(f"{self._at}/issues/{number}/comments")
        return [(int(one["id"]), str(one.get("body") or "")) for one in given]

    def comment(self, number: int, body: str) -> int:
        try:
            return int(self._wire.post(f"{self._at}/issues/{number}/comments", {"body": body})["id"])
        except NotThere:
            raise Refused(f"GITHUB_TOKEN may not comment on #{number}. docs/github.md lists the rights.") from None

    def edit_comment(self, comment: int, body: str) -> None:
        try:
            self._wire.patch(f"{self._at}/issues/comments/{comment}", {"body": body})
        except NotThere:
            raise Unknown(f"Comment {comment} is gone.") from None

    def close(self) -> None:
        self._wire.close()

    def _repository(self) -> Any:
        try:
            return self._wire.get(self._at)
        except NotThere:
            raise Unknown(
                f"There is no repository {self.repository}, or GITHUB_TOKEN may not read it. "
                "Check GITHUB_REPOSITORY, and the token's access to it."
            ) from None

    def _tree(self, sha: str) -> list[Any]:
        tree = self._wire.get(f"{self._at}/git/trees/{sha}")
        if tree.get("truncated"):
            raise Refused(f"A folder of {self.repository} above the migrations is too large for GitHub to list.")
        entries: list[Any] = tree["tree"]
        return entries
