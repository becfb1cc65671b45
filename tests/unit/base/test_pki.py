"""Authorities and certificates."""

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from aloft.base import pki
from aloft.base.errors import InvalidInput, PermanentError
from aloft.base.pki import Authority, Validity


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.open(tmp_path / "ca", "Region demo/demo-1")


def request_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "administrator")])
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_an_authority_is_made_once(tmp_path: Path) -> None:
    first = Authority.open(tmp_path / "ca", "Region")
    again = Authority.open(tmp_path / "ca", "other")
    assert first.certificate == again.certificate
    assert first.name.startswith("Region ")
    assert (tmp_path / "ca/ca.key").stat().st_mode & 0o777 == 0o600
    span = pki.validity(first.certificate)
    assert span.end - span.begin > datetime.timedelta(days=19 * 365)


def test_no_two_authorities_have_the_same_name(tmp_path: Path) -> None:
    assert Authority.open(tmp_path / "a", "Region").name != Authority.open(tmp_path / "b", "Region").name


def test_a_making_that_was_cut_short_is_taken_up(tmp_path: Path) -> None:
    Authority.open(tmp_path / "ca", "Region")
    key = (tmp_path / "ca/ca.key").read_bytes()
    (tmp_path / "ca/ca.crt").unlink()
    Authority.open(tmp_path / "ca", "Region")
    assert (tmp_path / "ca/ca.key").read_bytes() == key


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    Authority.open(tmp_path / "a", "Region")
    Authority.open(tmp_path / "b", "Region")
    (tmp_path / "a/ca.crt").write_bytes((tmp_path / "b/ca.crt").read_bytes())
    with pytest.raises(PermanentError):
        Authority.open(tmp_path / "a", "Region")


def test_a_server_certificate_names_its_names(authority: Authority) -> None:
    credential = authority.issue_server(["aloft.internal", "*.demo.aloft.internal"])
    certificate = x509.load_pem_x509_certificate(credential.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["aloft.internal", "*.demo.aloft.internal"]
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(authority.certificate))
    pki.check_bundle(credential.bundle)


@pytest.mark.parametrize("names", [[], ["UPPER.example"], ["a b"], ["a..b"], ["*"], ["x" * 64], ["a.*.b"]])
def test_what_is_no_server_name_is_refused(authority: Authority, names: list[str]) -> None:
    with pytest.raises(InvalidInput):
        authority.issue_server(names)


def test_only_the_key_of_a_request_counts(authority: Authority) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    signed = x509.load_pem_x509_certificate(authority.sign_csr(request_of(key), "host-1", "demo/demo-1", 30))
    assert signed.public_key() == key.public_key()
    assert signed.subject.rfc4514_string() == "CN=host-1,O=demo/demo-1"
    assert not signed.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    uses = signed.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]


def test_weak_keys_and_noise_are_refused(authority: Authority) -> None:
    weak = request_of(rsa.generate_private_key(65537, 1024))  # noqa: S505 - that is the point
    _, good = pki.new_request("x")
    tampered = good.replace(b"MI", b"MJ", 1)
    for csr in (weak, b"", b"noise", tampered, good * 100, authority.certificate):
        with pytest.raises(InvalidInput):
            authority.sign_csr(csr, "host", "demo", 30)
    for name in ("", "x" * 65, "line\nbreak"):
        with pytest.raises(InvalidInput):
            authority.sign_csr(good, name, "demo", 30)


def test_a_bundle_must_hold_what_belongs_together(authority: Authority) -> None:
    one, two = (authority.issue_server(["a.example"]) for _ in range(2))
    for bundle in (b"", one.certificate, one.key, one.certificate + two.key):
        with pytest.raises(InvalidInput):
            pki.check_bundle(bundle)


def test_serials_are_written_as_haproxy_writes_them(authority: Authority) -> None:
    for _ in range(50):
        certificate = authority.issue_server(["a.example"]).certificate
        digits = pki.serial(certificate)
        assert len(digits) % 2 == 0
        assert int(digits, 16) == x509.load_pem_x509_certificate(certificate).serial_number


@given(days=st.integers(3, 4000), passed=st.floats(0, 1.5))
def test_renewal_is_due_in_the_last_third(days: int, passed: float) -> None:
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    span = Validity(begin, begin + datetime.timedelta(days=days))
    now = begin + passed * (span.end - begin)
    if abs(passed - 2 / 3) > 0.001:
        assert span.needs_renewal(now) == (passed > 2 / 3)
