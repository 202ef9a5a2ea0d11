"""Dumps in an S3-compatible bucket; the one room of minio, which comes with the extra `s3`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from bot.domain.backup import Kept
from bot.errors import Refused, Unreachable

if TYPE_CHECKING:
    from minio import Minio

PATIENCE = 30.0
"""Seconds that the bucket may stay silent."""


@dataclass(frozen=True)
class Bucket:
    """A place for one project's dumps.

    `address` is `s3://KEY:SECRET@BUCKET/PREFIX?region=…` at AWS, or `https://KEY:SECRET@HOST/BUCKET/PREFIX` elsewhere;
    without a key those of AWS' variables, files and machine roles are tried.
    """

    address: str = field(repr=False)
    project: str

    def ready(self) -> None:
        """Look whether the bucket answers and lets us in. Raises `Refused` with what is wrong."""
        client, bucket, _ = self._opened()
        try:
            if not client.bucket_exists(bucket):
                raise Refused(f"BACKUP_URL: there is no bucket {bucket}.")
        except Refused:
            raise
        except Exception as trouble:    # minio raises a dozen kinds of its own and of urllib3
            raise Refused(f"BACKUP_URL: the bucket {bucket} cannot be used: {_said(trouble)}.") from None

    def store(self, file: Path, name: str, sha256: str) -> str:
        """Put a file there; returns its address, without secrets. Storing it again changes nothing."""
        client, bucket, prefix = self._opened()
        key = f"{prefix}{self.project}/{name}"
        try:
            client.fput_object(bucket, key, str(file), metadata={"sha256": sha256})
            stored = client.stat_object(bucket, key)
        except Exception as trouble:
            raise Refused(f"the bucket {bucket} did not take it: {_said(trouble)}") from None
        if stored.size != file.stat().st_size:
            raise Refused(f"the bucket {bucket} holds {stored.size} bytes of it, not {file.stat().st_size}")
        return f"s3://{bucket}/{key}"

    def found(self, name: str) -> Kept | None:
        """A dump as it lies there; None where it does not. Raises `Unreachable`."""
        client, bucket, prefix = self._opened()
        key = f"{prefix}{self.project}/{name}"
        try:
            stored = client.stat_object(bucket, key)
        except Exception as trouble:
            if getattr(trouble, "code", "") in ("NoSuchKey", "NoSuchBucket"):
                return None
            raise Unreachable(f"The bucket {bucket} did not say whether it has {name}: {_said(trouble)}.") from None
        sha256 = str((stored.metadata or {}).get("x-amz-meta-sha256", ""))
        return Kept(file="", address=f"s3://{bucket}/{key}", size=stored.size or 0, sha256=sha256)

    def remove(self, address: str) -> None:
        """Take a dump away. Raises `Refused`."""
        client, bucket, _ = self._opened()
        try:
            client.remove_object(bucket, address.removeprefix(f"s3://{bucket}/"))
        except Exception as trouble:
            raise Refused(f"the bucket {bucket} did not remove it: {_said(trouble)}") from None

    def _opened(self) -> tuple[Minio, str, str]:
        try:
            import certifi  # an extra: only who has a bucket needs these
            import urllib3
            from minio import Minio
            from minio.credentials.providers import (
                AWSConfigProvider,
                ChainedProvider,
                EnvAWSProvider,
                IamAwsProvider,
                StaticProvider,
            )
        except ImportError:
            raise Refused("BACKUP_URL needs the extra s3: pip install 'stagedoor[s3]'.") from None
        parts = urlsplit(self.address)
        at_aws = parts.scheme == "s3"
        path = parts.path.strip("/")
        host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
        bucket, _, prefix = (host, "", path) if at_aws else path.partition("/")
        given = (
            StaticProvider(unquote(parts.username), unquote(parts.password))
            if parts.username and parts.password
            else ChainedProvider([EnvAWSProvider(), AWSConfigProvider(), IamAwsProvider()])
        )
        region = parse_qs(parts.query).get("region", [None])[0]
        client = Minio(
            "s3.amazonaws.com" if at_aws else host, credentials=given, secure=parts.scheme != "http", region=region,
            http_client=urllib3.PoolManager(
                timeout=urllib3.Timeout(connect=5, read=PATIENCE), retries=urllib3.Retry(2, backoff_factor=0.2),
                cert_reqs="CERT_REQUIRED", ca_certs=certifi.where(),
            ),
        )
        return client, bucket, f"{prefix}/" if prefix else ""


def _said(trouble: Exception) -> str:
    code = str(getattr(trouble, "code", "") or "")
    return code or type(trouble).__name__
