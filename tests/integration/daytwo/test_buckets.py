"""Repositories in S3, spoken to as restic speaks to it."""

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from aloft.base.errors import NotFound
from aloft.daytwo.restic import PROGRAM, Repository, RepositoryUnreachable, Restic

BUCKET = "backups"
TAGS = {"kind": "customer", "customer": "acme"}
SECRET = "kept-to-itself"

pytestmark = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="needs the package restic")


class Cloud:
    """An object store, and its customer's key."""

    def __init__(self, folder: Path) -> None:
        self.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self.server.start()
        host, port = self.server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        self.folder = folder
        key = f"[default]\naws_access_key_id = acme\naws_secret_access_key = {SECRET}\n"
        (folder / "aws").write_text(key)
        (folder / "password").write_text("far away")
        self.client = boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="acme", aws_secret_access_key=SECRET
        )

    def repository(self) -> Restic:
        url = f"s3:{self.url}/{BUCKET}"
        described = Repository("bucket", url, "secondary", self.folder / "password", self.folder)
        return Restic(described, self.folder / "cache")

    def objects(self) -> list[tuple[str, int]]:
        """Names and sizes of what lies in the bucket."""
        return [(one["Key"], one["Size"]) for one in self.client.list_objects_v2(Bucket=BUCKET).get("Contents", ())]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    one = Cloud(tmp_path)
    yield one
    one.server.stop()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "file").write_bytes(os.urandom(100_000))
    return folder


async def test_a_bucket_keeps_gives_back_and_forgets(cloud: Cloud, source: Path, tmp_path: Path) -> None:
    opened = cloud.repository()
    with pytest.raises(NotFound):
        await opened.snapshots(TAGS)
    await opened.ensure()
    first, _ = await opened.backup(source, TAGS)
    (source / "file").write_bytes(os.urandom(100_000))
    second, _ = await opened.backup(source, TAGS)
    await opened.restore(second, tmp_path / "back")
    assert (tmp_path / "back/file").read_bytes() == (source / "file").read_bytes()
    held = sum(size for _, size in cloud.objects())
    await opened.forget([first])
    await opened.prune()
    (left,) = await opened.snapshots(TAGS)
    assert left.id.startswith(second) and not left.id.startswith(first)
    assert sum(size for _, size in cloud.objects()) < held


async def test_a_store_that_is_gone_is_told_without_its_secret(cloud: Cloud, source: Path) -> None:
    opened = cloud.repository()
    await opened.ensure()
    cloud.server.stop()
    with pytest.raises(RepositoryUnreachable) as caught:
        await opened.backup(source, TAGS)
    assert SECRET not in str(caught.value)
