"""What restic is told, and what its complaints mean."""

import asyncio

import pytest

from aloft.base.errors import NotFound, PermanentError
from aloft.daytwo.restic import (
    Repository,
    RepositoryDamaged,
    RepositoryLocked,
    RepositoryUnreachable,
    Restic,
    Snapshot,
    complaint,
)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Fatal: wrong password or no key found", PermanentError),
        ("Fatal: unable to save snapshot: write /x: no space left on device", PermanentError),
        ("Fatal: create repository failed: mkdir /x: read-only file system", PermanentError),
        ("unable to create lock in backend: repository is already locked exclusively by PID 1", RepositoryLocked),
        ("Fatal: unable to open config file: stat /x/config: no such file. Is there a repository at the following location?", NotFound),  # noqa: E501 - restic's own words
        ("Fatal: no matching ID found for prefix", NotFound),
        ("ciphertext verification failed", RepositoryDamaged),
        ("dial tcp 192.0.2.1:22: i/o timeout", RepositoryUnreachable),
        ("unable to open config file: dial tcp 192.0.2.1:443: connect: connection refused. Is there a repository at the following location?", RepositoryUnreachable),  # noqa: E501 - restic's own words
    ],
)  # fmt: skip
def test_a_complaint_says_what_a_person_can_do(said, kind):
    error = complaint("far", "backup", said)
    assert type(error) is kind
    assert "far" in error.message and error.remedy


async def test_secrets_reach_restic_by_files_only(tmp_path):
    program = tmp_path / "restic"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$HOME/told"\nenv >> "$HOME/told"\necho "[]"\n')
    await asyncio.to_thread(program.chmod, 0o700)
    (tmp_path / "password").write_text("very secret")
    (tmp_path / "ssh").write_text("private key")
    for url in ("/srv/backup", "append:user@far:/srv/backup", "sftp:user@far:/srv"):
        opened = Restic(Repository("far", url, "primary", tmp_path / "password", tmp_path), tmp_path, str(program))
        assert await opened.snapshots({"customer": "acme"}) == []
        told = (tmp_path / "told").read_text()
        assert "very secret" not in told and "private key" not in told
        assert f"RESTIC_PASSWORD_FILE={tmp_path / 'password'}" in told


def test_what_is_served_append_only_is_reached_by_rclone_over_ssh(tmp_path):
    repository = Repository("far", "append:user@far:/srv/it's", "secondary", tmp_path / "p", tmp_path)
    from aloft.daytwo.restic import _options

    words = _options(repository)
    assert words[:2] == ("-r", "rclone:")
    assert any(word.startswith("rclone.program=ssh ") and "user@far rclone" in word for word in words)
    assert any("--append-only" in word for word in words)


def test_tags_are_names_and_values():
    told = {"id": "a" * 64, "time": "2026-01-01T00:00:00Z", "tags": ["customer=acme", "kind=customer"]}
    assert Snapshot.read(told).tags == {"customer": "acme", "kind": "customer"}
