"""Becoming a region's host: a key that never leaves the machine, a request, a certificate.

The plane is trusted from the first byte: either its authority's certificate is given as a file, or its fingerprint, and
then the certificate itself is taken from the chain that the edge shows, once it has that fingerprint.
"""

import hashlib
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx

from aloft.base import files, pki
from aloft.base.errors import AloftError, Forbidden, InvalidInput, PermanentError, TemporaryError
from aloft.ground import certificate, clocks, roles
from aloft.ground.facts import Facts
from aloft.ground.layout import Layout
from aloft.ground.store import Identity, Store

_TIMEOUT = 30.0


@dataclass(frozen=True)
class Invitation:
    """What a person was given to enrol a host.

    Args:
        url: the plane's URL.
        token: leave to enrol; spent by it.
        name: name of the host in its region.
        authority: PEM of the authority that the edge's certificate is verified by; empty when only ``fingerprint`` is
            known.
        fingerprint: SHA-256 of that authority's certificate in hex; colons and case do not matter.
    """

    url: str
    token: str
    name: str
    authority: str = ""
    fingerprint: str = ""


def enrol(invitation: Invitation, layout: Layout, facts: Facts) -> Identity:
    """Enrol this machine and keep key, certificate, authority and names in the agent's folder.

    Raises:
        InvalidInput: the invitation itself is wrong.
        Forbidden: the plane does not accept the token.
        TemporaryError: the plane could not be reached.
        PermanentError: the plane answered with something else than a certificate.
    """
    url = urlsplit(invitation.url)
    if url.scheme != "https" or not url.hostname:
        raise InvalidInput(f"'{invitation.url}' is not an https URL.", "Give it as https://plane.example.org:443.")
    authority = invitation.authority or find_authority(_chain(url), invitation.fingerprint)
    files.folder(layout.state, mode=0o711)
    key, request = pki.new_request(invitation.name)
    answer = _ask(
        invitation,
        authority,
        {"token": invitation.token, "csr": request.decode(), "name": invitation.name, "facts": roles.report(facts)},
    )
    return _keep(answer, key, layout, url)


def find_authority(chain: list[bytes], fingerprint: str) -> str:
    """The certificate (PEM) in a chain of DER certificates that has this SHA-256 fingerprint.

    Raises:
        InvalidInput: the fingerprint is not one, or no certificate has it.
    """
    wanted = fingerprint.replace(":", "").strip().lower()
    if len(wanted) != 64 or not set(wanted) <= set("0123456789abcdef"):
        raise InvalidInput(
            "The authority's fingerprint is not a SHA-256 in hex.", "Copy it again, or give --authority FILE."
        )
    for shown in chain:
        if hashlib.sha256(shown).hexdigest() == wanted:
            return ssl.DER_cert_to_PEM_cert(shown)
    raise InvalidInput(
        "What answers at the plane's address does not show an authority with this fingerprint.",
        "Check the URL and the fingerprint with the provider; if both are right, give --authority FILE.",
    )


def _chain(url: SplitResult) -> list[bytes]:
    """The certificates that the edge shows, unverified."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    host, port = url.hostname or "", url.port or 443
    try:
        with (
            socket.create_connection((host, port), timeout=_TIMEOUT) as raw,
            context.wrap_socket(raw, server_hostname=host) as secured,
        ):
            # Python 3.13 makes this public (SSLSocket.get_unverified_chain).
            connection: Any = secured._sslobj  # type: ignore[attr-defined]
            return [ssl.PEM_cert_to_DER_cert(item.public_bytes()) for item in connection.get_unverified_chain()]
    except OSError as error:
        raise _unreachable(url.geturl(), error) from error


def _ask(invitation: Invitation, authority: str, content: dict[str, Any]) -> dict[str, Any]:
    try:
        context = ssl.create_default_context(cadata=authority)
    except ssl.SSLError as error:
        raise InvalidInput("The authority's certificate cannot be read.", "Give a file in PEM form.") from error
    url = urlsplit(invitation.url)
    try:
        answer = httpx.post(f"{invitation.url.rstrip('/')}/v1/enrol", json=content, verify=context, timeout=_TIMEOUT)
    except httpx.HTTPError as error:
        raise _explained(url, error) or _unreachable(invitation.url, error) from error
    if answer.status_code in (401, 403, 404):
        raise Forbidden(f"The plane does not accept this token: {_said(answer)}")
    if answer.status_code >= 500:
        raise TemporaryError(f"The plane answered with status {answer.status_code}.", "Try again in a moment.")
    if answer.status_code >= 400:
        raise InvalidInput(f"The plane refuses this host: {_said(answer)}")
    return dict(answer.json())


def _said(answer: httpx.Response) -> str:
    try:
        error = answer.json().get("error", {})
        return f"{error.get('message', '')} {error.get('remedy', '')}".strip() or f"status {answer.status_code}."
    except (ValueError, AttributeError):
        return f"status {answer.status_code}."


def _explained(url: SplitResult, error: Exception) -> AloftError | None:
    """What a failed call means when it failed for the clock."""
    name, there = url.hostname or "", None
    if clocks.is_about_time(error):
        there = clocks.provider_clock(name, url.port or 443, name)
    return clocks.explain(error, there, datetime.now(UTC))


def _keep(answer: dict[str, Any], key: bytes, layout: Layout, url: SplitResult) -> Identity:
    try:
        identity = Identity(
            host=answer["host"],
            customer=answer["customer"],
            region=answer["region"],
            agent_url=answer["agent_url"],
            edge_host=url.hostname or "",
        )
    except (KeyError, ValueError) as error:
        raise PermanentError("The plane's answer to the enrolment names no host.", "Tell the provider.") from error
    bundle, authority, region = certificate.checked(answer, key, identity.host, datetime.now(UTC))
    files.write(layout.authority, authority)
    files.write(layout.region_authority, region, mode=0o644)
    files.write(layout.bundle, bundle)
    Store(layout).keep_identity(identity)
    return identity


def system_authorities() -> str:
    """The authorities that this machine trusts anyway, PEM; for an edge whose certificate comes from one of them.

    Raises:
        InvalidInput: the machine has none.
    """
    file = ssl.get_default_verify_paths().cafile
    if file is None:
        raise InvalidInput("This machine trusts no authority.", "Install the package ca-certificates.")
    return read_authority(Path(file))


def _unreachable(url: str, error: Exception) -> TemporaryError:
    return TemporaryError(
        f"The plane at {url} cannot be reached: {error}.",
        "See that this host may open TCP connections to that address and port, and that the name resolves.",
    )


def read_authority(path: Path) -> str:
    """The authority's certificate from a file.

    Raises:
        InvalidInput: it cannot be read.
    """
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"{path} cannot be read: {error}.", "Give the authority's certificate as a PEM file."
        ) from error
