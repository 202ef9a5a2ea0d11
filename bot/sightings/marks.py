"""Hashes of 64 bits: which event this is, and which fault."""

from __future__ import annotations

from hashlib import blake2b


def mark(project: str, environment: str, *identity: str) -> int:
    """The signed number by which an event is known again; `identity` is its id, or all there is to tell it by."""
    return int.from_bytes(_hash((project, environment, *identity)), "big", signed=True)


def fingerprint(*parts: str) -> str:
    """The fault that the parts describe, in 16 hex digits."""
    return _hash(parts).hex()


def _hash(parts: tuple[str, ...]) -> bytes:
    return blake2b("\0".join(parts).encode(errors="replace"), digest_size=8).digest()
