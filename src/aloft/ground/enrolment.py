"""Becoming a region's host: a key that never leaves the machine, a request, a certificate.

The plane is trusted from the first byte: either its authority's certificate is given as a file, or its fingerprint, and
then the certificate itself is taken from the chain that the edge shows, once it has that fingerprint.
"""

import hashlib
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from aloft.base import files
from aloft.base.errors import Forbidden, InvalidInput, PermanentError, TemporaryError
from aloft.ground import roles
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
    key = _key(layout)
    request = signing_request(key, invitation.name)
    answer = _ask(
        invitation,
        authority,
        {"token": invitation.token, "csr": request, "name": invitation.name, "facts": roles.report(facts)},
    )
    return _keep(answer, key, layout, url)


def signing_request(key: ec.EllipticCurvePrivateKey, name: str) -> str:
    """A certificate signing request (PEM) for a host of this name."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


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
    for certificate in chain:
        if hashlib.sha256(certificate).hexdigest() == wanted:
            return ssl.DER_cert_to_PEM_cert(certificate)
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


def _key(layout: Layout) -> ec.EllipticCurvePrivateKey:
    """The host's key; made once."""
    if layout.key.exists():
        loaded = serialization.load_pem_private_key(layout.key.read_bytes(), password=None)
        if isinstance(loaded, ec.EllipticCurvePrivateKey):
            return loaded
    key = ec.generate_private_key(ec.SECP256R1())
    files.write(layout.key, _pem(key))
    return key


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _ask(invitation: Invitation, authority: str, content: dict[str, Any]) -> dict[str, Any]:
    try:
        context = ssl.create_default_context(cadata=authority)
    except ssl.SSLError as error:
        raise InvalidInput("The authority's certificate cannot be read.", "Give a file in PEM form.") from error
    try:
        answer = httpx.post(f"{invitation.url.rstrip('/')}/v1/enrol", json=content, verify=context, timeout=_TIMEOUT)
    except httpx.HTTPError as error:
        raise _unreachable(invitation.url, error) from error
    if answer.status_code in (401, 403, 404):
        raise Forbidden(
            "The plane does not accept this token: it is unknown, spent or too old.",
            "Ask for a new one (aloft host token).",
        )
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


def _keep(answer: dict[str, Any], key: ec.EllipticCurvePrivateKey, layout: Layout, url: SplitResult) -> Identity:
    try:
        certificate = str(answer["certificate"])
        identity = Identity(
            host=answer["host"],
            customer=answer["customer"],
            region=answer["region"],
            agent_url=answer["agent_url"],
            edge_host=url.hostname or "",
        )
        authority = str(answer["edge_authority"])
        region_authority = str(answer["authority"])
        public = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    except (KeyError, ValueError) as error:
        raise PermanentError("The plane's answer to the enrolment holds no certificate.") from error
    if public != key.public_key():
        raise PermanentError("The plane's certificate is not for this host's key.", "Enrol the host again.")
    files.write(layout.certificate, certificate)
    files.write(layout.authority, authority)
    files.write(layout.region_authority, region_authority, mode=0o644)
    files.write(layout.bundle, certificate.rstrip().encode() + b"\n" + _pem(key))
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
