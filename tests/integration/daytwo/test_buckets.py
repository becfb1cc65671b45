"""Repositories in S3, spoken to as restic speaks to it."""

import logging
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import boto3
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.server import ThreadedMotoServer
from werkzeug.serving import make_server

from aloft.base.errors import NotFound
from aloft.daytwo.restic import PROGRAM, Repository, RepositoryUnreachable, Restic

TAGS = {"kind": "customer", "customer": "acme"}
SECRET = "kept-to-itself"

pytestmark = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="needs the package restic")


class Store(ThreadedMotoServer):
    """An object store that lets in whoever has this key, and nobody else."""

    def __init__(self, key: str) -> None:
        super().__init__(ip_address="127.0.0.1", port=0, verbose=False)
        self.key = key

    def _server_entry(self) -> None:
        store = DomainDispatcherApplication(create_backend_app)

        def guarded(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
            if f"Credential={self.key}/" in environ.get("HTTP_AUTHORIZATION", ""):
                return store(environ, start)
            start("403 Forbidden", [])
            return []

        self._server = make_server("127.0.0.1", 0, guarded, threaded=True, request_handler=MotoRequestHandler)
        self._server_ready_event.set()
        self._server.serve_forever()


class Cloud:
    """An object store, and its customer's key."""

    def __init__(self, folder: Path, key: str = "acme") -> None:
        folder.mkdir(exist_ok=True)
        self.server = Store(key)
        self.server.start()
        host, port = self.server.get_host_and_port()
        self.url = f"http://{host}:{port}"
        self.folder = folder
        self.bucket = f"backups-{secrets.token_hex(4)}"  # all stores of this process have the same buckets
        login = f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {SECRET}\n"
        (folder / "aws").write_text(login)
        (folder / "password").write_text("far away")
        self.client = boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=SECRET
        )

    def repository(self) -> Restic:
        url = f"s3:{self.url}/{self.bucket}"
        described = Repository("bucket", url, "secondary", self.folder / "password", self.folder)
        return Restic(described, self.folder / "cache")

    def objects(self) -> list[tuple[str, int]]:
        """Names and sizes of what lies in the bucket."""
        return [
            (one["Key"], one["Size"]) for one in self.client.list_objects_v2(Bucket=self.bucket).get("Contents", ())
        ]


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


async def test_what_lies_in_one_bucket_is_copied_to_another_with_another_key(
    cloud: Cloud, source: Path, tmp_path: Path
) -> None:
    other = Cloud(tmp_path / "other", "elsewhere")
    try:
        first, second = cloud.repository(), other.repository()
        await first.ensure()
        await first.backup(source, TAGS)
        [kept] = await first.snapshots(TAGS)
        await first.restore(kept.id, tmp_path / "fetched")
        await second.ensure()
        await second.keep_copy(tmp_path / "fetched", kept)
        [copied] = await second.snapshots(TAGS)
        assert copied.original == kept.id
        await second.restore(copied.id, tmp_path / "back")
        assert (tmp_path / "back/file").read_bytes() == (source / "file").read_bytes()
    finally:
        other.server.stop()


async def test_a_store_that_is_gone_is_told_without_its_secret(cloud: Cloud, source: Path) -> None:
    opened = cloud.repository()
    await opened.ensure()
    cloud.server.stop()
    with pytest.raises(RepositoryUnreachable) as caught:
        await opened.backup(source, TAGS)
    assert SECRET not in str(caught.value)
