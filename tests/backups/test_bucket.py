"""A bucket over real HTTP, at a server that speaks S3."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.errors import Refused, Unreachable
from bot.migrations.backup.backups import PgBackups
from bot.migrations.backup.bucket import Bucket
from bot.ports import Dump
from templates.backup.listing import restoring
from tests.backups.conftest import Quiet, left_in

pytest.importorskip("minio")
moto = pytest.importorskip("moto.server")


@pytest.fixture
def address() -> Iterator[str]:
    server = moto.ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        at = f"http://key:secret-secret@{host}:{port}/dumps/here?region=us-east-1"
        client, bucket, _ = Bucket(at, "shop")._opened()
        client.make_bucket(bucket)
        yield at
    finally:
        server.stop()


def test_a_dump_goes_to_the_bucket_and_is_taken_away_again(address: str, backups: PgBackups, tmp_path: Path) -> None:
    with_bucket = replace(backups, bucket=Bucket(address, "shop"), local=False)
    with_bucket.ready("read")
    kept = with_bucket.keep(with_bucket.dump("BK-1", (), Quiet()), "BK-1_shop.dump")
    assert (kept.file, kept.address) == ("", "s3://dumps/here/shop/BK-1_shop.dump")
    assert left_in(backups) == []
    assert "# fetch s3://dumps/here/shop/BK-1_shop.dump first" in restoring(kept)
    client, bucket, _ = Bucket(address, "shop")._opened()
    client.fget_object(bucket, "here/shop/BK-1_shop.dump", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes().startswith(b"PGDMP")
    assert with_bucket.missing(kept) == ""
    assert with_bucket.keep(Dump(
        unfinished=".gone", size=kept.size, sha256=kept.sha256, seconds=1.0, server="", rows=b"[]", tables=1,
    ), "BK-1_shop.dump") == kept, "stored, and killed before that was noted"
    with_bucket.remove(kept)
    assert "is gone" in with_bucket.missing(kept)
    assert list(client.list_objects(bucket, recursive=True)) == []
    beside = replace(with_bucket, local=True)
    assert beside.keep(beside.dump("BK-2", (), Quiet()), "BK-2_shop.dump").file
    assert left_in(backups) == ["BK-2_shop.dump"]


def test_a_bucket_that_is_not_there_is_found_out_before(address: str, backups: PgBackups) -> None:
    with pytest.raises(Refused, match="there is no bucket elsewhere"):
        replace(backups, bucket=Bucket(address.replace("/dumps", "/elsewhere"), "shop")).ready("read")


def test_a_bucket_that_does_not_answer_is_said_without_its_secret(backups: PgBackups) -> None:
    silent = Bucket("http://key:secret-secret@127.0.0.1:9/dumps?region=us-east-1", "shop")
    with pytest.raises(Refused, match="cannot be used") as refused:
        replace(backups, bucket=silent).ready("read")
    with pytest.raises(Unreachable, match="did not say whether it has"):
        silent.found("BK-1_shop.dump")
    assert "secret" not in str(refused.value)
