"""Encrypting dumps to an age recipient; the one room of pyrage."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pyrage

from bot.errors import Refused
from bot.migrations.backup.process import CHUNK

SUFFIX = ".age"


def recipient(text: str) -> pyrage.x25519.Recipient | pyrage.ssh.Recipient:
    """The public half of a key. Raises `Refused` for what is none."""
    kind = pyrage.ssh.Recipient if text.startswith("ssh-") else pyrage.x25519.Recipient
    try:
        return kind.from_str(text)
    except pyrage.RecipientError:
        raise Refused("BACKUP_ENCRYPT_TO is no age recipient that can be read: copy the public key again.") from None


def sealed_copy(plain: Path, to: str) -> Path:
    """An encrypted copy beside a dump, on the disk for good. Raises `Refused`; then nothing of it is left."""
    path = plain.with_name(plain.name.replace(".partial", f"{SUFFIX}.partial"))
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as sealed, plain.open("rb") as dump:
            pyrage.encrypt_io(dump, sealed, [recipient(to)])
            sealed.flush()
            os.fsync(sealed.fileno())
    except (OSError, pyrage.EncryptError) as error:
        path.unlink(missing_ok=True)
        raise Refused(f"it could not be encrypted: {error}") from None
    return path


def hash_of(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
