"""The file ``clouds.yaml``, by which OpenStack clients find a cloud: entries are added and taken out, others stay."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from aloft.base import files
from aloft.base.errors import InvalidInput

SYSTEM_FILE = Path("/etc/openstack/clouds.yaml")
"""Where openstacksdk looks last, for every user of the machine."""


@dataclass(frozen=True)
class Login:
    """How somebody logs in to a customer's OpenStack, as the plane tells it."""

    auth_url: str
    username: str
    password: str = field(repr=False, kw_only=True)
    project_name: str
    user_domain_name: str
    project_domain_name: str
    region_name: str


def entry(login: Login, authority: Path) -> dict[str, Any]:
    """A cloud's entry.

    Args:
        login: how to log in.
        authority: the certificate authority of the edge (PEM): OpenStack's clients do not ask the system's trust.
    """
    return {
        "auth": {
            "auth_url": login.auth_url,
            "username": login.username,
            "password": login.password,
            "project_name": login.project_name,
            "user_domain_name": login.user_domain_name,
            "project_domain_name": login.project_domain_name,
        },
        "region_name": login.region_name,
        "identity_api_version": 3,
        "cacert": str(authority),
    }


def merged(text: str, name: str, cloud: Mapping[str, Any] | None) -> str:
    """The file's new text, with one cloud set, or taken out when ``cloud`` is ``None``.

    Raises:
        InvalidInput: the text is not a clouds.yaml.
    """
    try:
        found = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise InvalidInput(f"clouds.yaml is not YAML: {error}.", "Correct it or move it away.") from error
    if not isinstance(found, dict) or not isinstance(found.get("clouds") or {}, dict):
        raise InvalidInput("clouds.yaml has no mapping `clouds`.", "Correct it or move it away.")
    clouds = dict(found.get("clouds") or {})
    if (dict(cloud) if cloud is not None else None) == clouds.get(name):
        return text
    clouds.pop(name, None)
    if cloud is not None:
        clouds[name] = dict(cloud)
    found["clouds"] = clouds
    if not clouds and set(found) == {"clouds"}:
        return ""
    return yaml.safe_dump(found, sort_keys=False)


def put(file: Path, name: str, cloud: Mapping[str, Any] | None) -> bool:
    """Set a cloud in the file, or take it out; a file with nothing left is removed. Returns whether it changed."""
    before = file.read_text() if file.exists() else ""
    after = merged(before, name, cloud)
    if after == before:
        return False
    if not after:
        file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # others keep files there
            file.parent.rmdir()
        return True
    files.folder(file.parent)
    return files.write(file, after, mode=0o600)
