"""Machines that become hosts, and their agents, as the edge lets them through."""

from typing import Any

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .conftest import PlaneProcess


def csr(name: str) -> str:
    """A certificate request for a host of this name."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def token(plane: PlaneProcess, where: str, *roles: str, uses: int = 1) -> dict[str, Any]:
    """A fresh host token of the region at ``where``."""
    answer = plane.client.post(f"{where}/host-tokens", json={"roles": list(roles), "uses": uses})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def enrol(plane: PlaneProcess, name: str, text: str, **facts: Any) -> httpx.Response:
    """Enrol a machine by a token."""
    body = {"token": text, "csr": csr(name), "name": name, "facts": facts or {"cpus": 2}}
    return plane.as_().post("/v1/enrol", json=body)


def agent(plane: PlaneProcess, region: str, name: str) -> httpx.Client:
    """The agent of a host."""
    return plane.as_(X_Aloft_Host=name, X_Aloft_Region=region)
