"""Repositories behind a real SSH server: nothing is deleted from an append-only one, and every fault has its words."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from aloft.base.errors import AloftError, PermanentError
from aloft.base.paths import Paths
from aloft.daytwo import metadata, restic
from aloft.daytwo.repositories import Repositories, RepositoryRequest
from aloft.daytwo.restic import PROGRAM, Repository, RepositoryUnreachable, Restic
from aloft.node.jobs import JobRequest

from .early import early
from .programs import backing_up

SSHD = "/usr/sbin/sshd"
TAGS = {"kind": "customer", "customer": "acme"}

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, (PROGRAM, SSHD, "rclone"))),
    reason="needs root and the packages restic, rclone and openssh-server",
)


@dataclass
class FarSide:
    """A machine with an SSH server of its own, in a folder."""

    folder: Path
    port: int
    server: "subprocess.Popen[bytes]"

    def admit(self, command: str = "") -> None:
        """Let the key in; with a command for nothing else."""
        key = (self.folder / "key.pub").read_text()
        limit = f'restrict,command="{command}" ' if command else ""
        (self.folder / "authorized").write_text(limit + key)

    def request(self, scheme: str, role: restic.Role) -> RepositoryRequest:
        """What makes a node know a repository there, in its folder ``data``."""
        host_key = (self.folder / "host.pub").read_text()
        return RepositoryRequest(
            url=f"{scheme}://root@127.0.0.1:{self.port}/{self.folder / 'data'}",
            role=role,
            credentials={
                "ssh": SecretStr((self.folder / "key").read_text()),
                "known-hosts": SecretStr(f"[127.0.0.1]:{self.port} {host_key}"),
            },
        )

    def repository(self, scheme: str, name: str = "far") -> Restic:
        """A repository there, in its folder ``data``."""
        credentials = self.folder / f"credentials-{name}"
        credentials.mkdir(exist_ok=True)
        shutil.copyfile(self.folder / "key", credentials / "ssh")
        (credentials / "ssh").chmod(0o600)
        host_key = (self.folder / "host.pub").read_text()
        (credentials / "known-hosts").write_text(f"[127.0.0.1]:{self.port} {host_key}")
        (credentials / "password").write_text("far away")
        url = f"{scheme}://root@127.0.0.1:{self.port}/{self.folder / 'data'}"
        return Restic(Repository(name, url, "secondary", credentials / "password", credentials), self.folder / "cache")


@contextlib.contextmanager
def _far_side(tmp_path: Path) -> Iterator[FarSide]:
    Path("/run/sshd").mkdir(exist_ok=True)
    for name in ("key", "host"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {
        "ListenAddress": f"127.0.0.1:{port}", "HostKey": tmp_path / "host", "StrictModes": "no", "UsePAM": "no",
        "AuthorizedKeysFile": tmp_path / "authorized", "Subsystem": "sftp internal-sftp", "PidFile": "none",
        "PermitRootLogin": "prohibit-password",
    }  # fmt: skip
    (tmp_path / "sshd.conf").write_text("".join(f"{name} {value}\n" for name, value in options.items()))
    with subprocess.Popen([SSHD, "-D", "-e", "-f", tmp_path / "sshd.conf"], stderr=subprocess.PIPE) as server:
        assert server.stderr is not None
        assert b"listening" in server.stderr.readline()
        yield FarSide(tmp_path, port, server)
        server.send_signal(signal.SIGCONT)
        server.kill()


@pytest.fixture
def far(tmp_path: Path) -> Iterator[FarSide]:
    with _far_side(tmp_path) as side:
        yield side


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return _source(tmp_path)


def _near(tmp_path: Path) -> Restic:
    (tmp_path / "near.password").write_text("near by")
    described = Repository("near", str(tmp_path / "near"), "primary", tmp_path / "near.password", tmp_path)
    return Restic(described, tmp_path / "cache")


def _source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "file").write_bytes(secrets.token_bytes(100_000))
    return folder


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def _files(folder: Path) -> set[str]:
    """What cannot be missed: everything but locks."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and "locks" not in path.parts}


async def _append_only(tmp_path: Path) -> None:
    near, source = _near(tmp_path), _source(tmp_path)
    with _far_side(tmp_path) as far:
        data = far.folder / "data"
        far.admit(f"rclone serve restic --stdio --append-only {data}")
        second = far.repository("append")
        await near.ensure()
        for content in (b"one", b"two"):
            (source / "file").write_bytes(content * 1000)
            await near.backup(source, TAGS)
            await second.ensure()
            await second.keep_copy(source, (await near.snapshots(TAGS))[-1])
        kept = _files(data)
        assert len(await second.snapshots(TAGS)) == 2
        (first, _) = await second.snapshots(TAGS)
        for attempt in (second.forget([first.id]), second.prune()):
            with contextlib.suppress(AloftError):  # restic sometimes only warns that it could not
                await attempt
        assert kept <= _files(data)
        assert len(await second.snapshots(TAGS)) == 2
        last = (await second.snapshots(TAGS))[-1]
        await second.restore(last.id, far.folder / "back")
        assert (far.folder / "back/file").read_bytes() == b"two" * 1000
        with pytest.raises(AloftError):  # the key is good for nothing else, whatever is asked with it
            await far.repository("sftp", "other-way").snapshots(TAGS)


test_copies_are_added_to_an_append_only_place_and_never_deleted = early(_append_only)


@pytest.mark.parametrize("scheme", ["append", "sftp"])
async def test_a_backup_far_away_is_copied_to_another_place_with_another_key(
    tmp_path: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "save_ovn", backing_up.save_ovn)
    paths, folders = Paths(tmp_path / "node"), (tmp_path / "first", tmp_path / "second")
    for folder in (*folders, paths.state):
        folder.mkdir(parents=True)
    with _far_side(folders[0]) as first, _far_side(folders[1]) as second:
        first.admit()
        second.admit(
            f"rclone serve restic --stdio --append-only {second.folder / 'data'}" if scheme == "append" else ""
        )
        repositories = Repositories(paths)
        repositories.put("far", first.request("sftp", "primary"))
        repositories.put("second", second.request(scheme, "secondary"))
        jobs, backups = backing_up.node(paths)
        request = JobRequest(kind="backup", customer="acme", arguments={"records": {"name": "acme"}})
        status = jobs.put(backing_up.JOB, request)
        while status.state == "running":
            status = await jobs.wait(backing_up.JOB, status.revision, 30)
        assert status.state == "succeeded" and status.result["copies"] == {"second": ""}, status
        [made], [copied] = await backups.snapshots("far", "acme"), await backups.snapshots("second", "acme")
        assert copied.original == made.id and status.result["copied"] == {"second": [made.id]}


async def test_a_place_over_sftp_keeps_and_gives_back(far: FarSide, source: Path) -> None:
    far.admit()
    opened = far.repository("sftp")
    await opened.ensure()
    snapshot, _ = await opened.backup(source, TAGS)
    await opened.restore(snapshot, far.folder / "back")
    assert (far.folder / "back/file").read_bytes() == (source / "file").read_bytes()


async def test_a_place_that_hangs_is_given_up_and_one_that_is_gone_is_told(
    far: FarSide, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far.admit()
    opened = far.repository("sftp")
    await opened.ensure()
    monkeypatch.setattr(restic, "PATIENCE_SECONDS", 1.0)
    far.server.send_signal(signal.SIGSTOP)
    with pytest.raises(RepositoryUnreachable, match="too slow"):
        await opened.snapshots(TAGS)
    far.server.kill()
    far.server.wait()
    monkeypatch.undo()
    with pytest.raises(RepositoryUnreachable):
        await opened.backup(source, TAGS)


async def test_a_key_that_is_not_let_in_is_told(far: FarSide) -> None:
    (far.folder / "authorized").write_text("")
    # restic may end before it has passed on what ssh said, which would tell that this does not mend itself
    with pytest.raises((PermanentError, RepositoryUnreachable), match=r"cannot be written to|could not be used"):
        await far.repository("sftp").ensure()


async def _full_and_read_only(tmp_path: Path) -> None:
    near, source = _near(tmp_path), _source(tmp_path)
    disk = tmp_path / "near"
    disk.mkdir()
    _run("mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk))
    try:
        await near.ensure()
        (source / "large").write_bytes(secrets.token_bytes(1 << 20))
        with pytest.raises(PermanentError, match="has no room left"):
            await near.backup(source, TAGS)
        (source / "large").unlink()
        snapshot, _ = await near.backup(source, TAGS)
        _run("mount", "-o", "remount,ro", str(disk))
        with pytest.raises(PermanentError, match="cannot be written to"):
            await near.backup(source, TAGS)
        await near.restore(snapshot, tmp_path / "back")
        assert (tmp_path / "back/file").read_bytes() == (source / "file").read_bytes()
    finally:
        _run("umount", str(disk))


test_a_full_and_a_read_only_disk_are_told = early(_full_and_read_only)
