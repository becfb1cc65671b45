"""Keys and certificates: authorities, server certificates, and certificates for hosts that ask with a CSR.

All keys are ECDSA on P-256. An authority signs leaves only (path length 0). Of a CSR only the public key is taken:
what a certificate says is decided by whoever calls :meth:`Authority.sign_csr`.
"""

import datetime
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from aloft.base import files
from aloft.base.errors import InvalidInput, PermanentError

AUTHORITY_DAYS = 20 * 365
SERVER_DAYS = 90
_CLOCK_SLACK = datetime.timedelta(hours=1)
_LONGEST_COMMON_NAME = 64  # RFC 5280, ub-common-name
_LONGEST_CSR = 16 * 1024
_CSR_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_SMALLEST_RSA = 2048
_DNS_NAME = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Credential:
    """A private key and its certificate, both PEM."""

    key: bytes
    certificate: bytes

    @property
    def bundle(self) -> bytes:
        """Certificate and key in one text, as HAProxy wants them."""
        return self.certificate + self.key


@dataclass(frozen=True)
class Validity:
    """The span in which a certificate is valid, in UTC."""

    begin: datetime.datetime
    end: datetime.datetime

    def needs_renewal(self, now: datetime.datetime) -> bool:
        """Whether less than a third of the span is left."""
        return self.end - now < (self.end - self.begin) / 3


class Authority:
    """A certificate authority whose key lies in a folder of this machine.

    Args:
        key: its private key.
        certificate: its own certificate.
    """

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self._certificate = certificate

    @classmethod
    def open(cls, folder: Path, name: str, *, owner: int | None = None, group: int | None = None) -> "Authority":
        """Load the authority in a folder, or make one there.

        A making that was cut short is taken up: the key is written first, and a key without a certificate gets one.

        Args:
            folder: holds ``ca.key`` (mode 0600) and ``ca.crt`` (mode 0644); made when it is missing.
            name: common name of a new authority; a random part is added, so that no two are ever called the same.
            owner: numeric owner of the files; ``None`` is whoever runs this.
            group: numeric group of the files.

        Raises:
            PermanentError: the files cannot be read, or do not belong together.
        """
        if not folder.exists():
            files.folder(folder, mode=0o700, owner=owner, group=group)
        key_file, certificate_file = folder / "ca.key", folder / "ca.crt"
        if not key_file.exists():
            files.write(key_file, _pem_key(_new_key()), mode=0o600, owner=owner, group=group)
        key = _loaded_key(key_file)
        if not certificate_file.exists():
            pem = _pem(_self_signed(key, f"{name[:50]} {secrets.token_hex(4)}"))
            files.write(certificate_file, pem, mode=0o644, owner=owner, group=group)
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        if certificate.public_key() != key.public_key():
            raise PermanentError(
                f"The key and the certificate in {folder} do not belong together.", "Restore both from a backup."
            )
        return cls(key, certificate)

    @property
    def certificate(self) -> bytes:
        """The authority's certificate, PEM."""
        return _pem(self._certificate)

    @property
    def name(self) -> str:
        """Its common name, which its certificates carry as their issuer's."""
        return common_name(self.certificate)

    def issue_server(self, names: Sequence[str], days: int = SERVER_DAYS) -> Credential:
        """Make a key and a certificate for a TLS server.

        Args:
            names: DNS names; the left-most label may be ``*``.
            days: from now until it ends.

        Raises:
            InvalidInput: there is no name, or one is not a DNS name.
        """
        if not names or not all(_DNS_NAME.fullmatch(name) and len(name) <= 253 for name in names):
            raise InvalidInput(f"Not names of a server: {', '.join(names) or 'none given'}.", "Give DNS names.")
        key = _new_key()
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = self._leaf(key.public_key(), x509.Name([]), days, [ExtendedKeyUsageOID.SERVER_AUTH])
        # RFC 5280 4.2.1.6: critical, because the subject is empty.
        certificate = builder.add_extension(alternatives, critical=True).sign(self._key, hashes.SHA256())
        return Credential(_pem_key(key), _pem(certificate))

    def sign_csr(self, csr_pem: bytes, common_name: str, organisation: str, days: float) -> bytes:
        """Make a certificate for the public key in a CSR; nothing else in the CSR counts.

        It is for use as a TLS client, and as a server of the DNS name ``common_name``: hosts of a region talk to each
        other, too.

        Args:
            csr_pem: PKCS #10, PEM.
            common_name: whom the certificate names, at most 64 characters.
            organisation: whom that belongs to, at most 64 characters.
            days: from now until it ends.

        Returns:
            The certificate, PEM.

        Raises:
            InvalidInput: the CSR is not one, its signature is wrong, its key is too weak, or a name is too long.
        """
        subject = x509.Name(
            [_attribute(NameOID.ORGANIZATION_NAME, organisation), _attribute(NameOID.COMMON_NAME, common_name)]
        )
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        names = x509.SubjectAlternativeName([x509.DNSName(common_name)])
        builder = self._leaf(_requested_key(csr_pem), subject, days, uses).add_extension(names, critical=False)
        return _pem(builder.sign(self._key, hashes.SHA256()))

    def _leaf(
        self, key: CertificateIssuerPublicKeyTypes, subject: x509.Name, days: float, uses: list[x509.ObjectIdentifier]
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _CLOCK_SLACK)
            .not_valid_after(min(now + datetime.timedelta(days=days), self._certificate.not_valid_after_utc))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(issuer_key, critical=False)
        )


def new_request(name: str) -> tuple[bytes, bytes]:
    """Make a key and a CSR for it; both PEM.

    Args:
        name: goes into the CSR for a person who looks at it; whoever signs it decides the names.
    """
    key = _new_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:_LONGEST_COMMON_NAME])])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return _pem_key(key), request.public_bytes(serialization.Encoding.PEM)


def fingerprint(certificate_pem: bytes) -> str:
    """The SHA-256 of a certificate, in lower-case hexadecimal digits."""
    return _loaded(certificate_pem).fingerprint(hashes.SHA256()).hex()


def check_bundle(bundle: bytes) -> None:
    """See to it that a text holds a certificate and the key that belongs to it, both PEM.

    Raises:
        InvalidInput: it does not.
    """
    certificate = _loaded(bundle)
    try:
        key = serialization.load_pem_private_key(bundle, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidInput("There is no private key, or it is encrypted.", "Add the key in PEM.") from error
    if key.public_key() != certificate.public_key():
        raise InvalidInput("The private key is not that of the certificate.", "Put the two that belong together.")


def serial(certificate_pem: bytes) -> str:
    """A certificate's serial number in lower-case hexadecimal digits, two for each byte, without leading zero bytes."""
    digits = f"{_loaded(certificate_pem).serial_number:x}"
    return digits.zfill(len(digits) + len(digits) % 2)


def validity(certificate_pem: bytes) -> Validity:
    """When a certificate begins and ends."""
    certificate = _loaded(certificate_pem)
    return Validity(certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def common_name(certificate_pem: bytes) -> str:
    """The common name of a certificate's subject, or an empty string."""
    found = _loaded(certificate_pem).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _pem_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _loaded(certificate_pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(certificate_pem)
    except ValueError as error:
        raise InvalidInput(
            "That is not a certificate in PEM.", "Give the text between and with its BEGIN and END."
        ) from error


def _loaded_key(file: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PermanentError(f"{file} does not hold a private key.", "Restore it from a backup.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise PermanentError(f"{file} holds a key of another kind than Aloft makes.", "Restore it from a backup.")
    return key


def _attribute(kind: x509.ObjectIdentifier, value: str) -> "x509.NameAttribute[str]":
    if not value or len(value) > _LONGEST_COMMON_NAME or not value.isprintable():
        raise InvalidInput(f"'{value}' does not fit into a certificate.", "Use 1 to 64 printable characters.")
    return x509.NameAttribute(kind, value)


def _usage(*, digital_signature: bool = False, signs_certificates: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=signs_certificates, crl_sign=signs_certificates, encipher_only=False,
        decipher_only=False,
    )  # fmt: skip


def _self_signed(key: ec.EllipticCurvePrivateKey, name: str) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SLACK)
        .not_valid_after(now + datetime.timedelta(days=AUTHORITY_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _requested_key(csr_pem: bytes) -> CertificateIssuerPublicKeyTypes:
    """The public key of a CSR that proves it has the private one."""
    remedy = "Make a new key (ECDSA P-256) and a CSR with it."
    try:
        if len(csr_pem) > _LONGEST_CSR:
            raise ValueError("too long")
        request = x509.load_pem_x509_csr(csr_pem)
        key = request.public_key()
        signed = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidInput("That is not a certificate signing request in PEM.", remedy) from error
    if not signed:
        raise InvalidInput("The certificate signing request is not signed with its own key.", remedy)
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CSR_CURVES:
        return key
    if isinstance(key, ed25519.Ed25519PublicKey) or (
        isinstance(key, rsa.RSAPublicKey) and key.key_size >= _SMALLEST_RSA
    ):
        return key
    raise InvalidInput("The key in the certificate signing request is of a kind that is too weak.", remedy)
