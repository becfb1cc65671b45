"""Whom an enrolling host trusts, and what it asks for."""

import hashlib
import ssl

import pytest

from aloft.base.errors import InvalidInput
from aloft.ground.enrolment import find_authority

CHAIN = [b"leaf", b"authority"]
PRINT = hashlib.sha256(b"authority").hexdigest()


@pytest.mark.parametrize("text", [PRINT, PRINT.upper(), ":".join(PRINT[i : i + 2] for i in range(0, 64, 2))])
def test_an_authority_is_found_by_its_fingerprint(text):
    assert ssl.PEM_cert_to_DER_cert(find_authority(CHAIN, text)) == b"authority"


@pytest.mark.parametrize("text", [hashlib.sha256(b"somebody else").hexdigest(), "", "abc", PRINT[:-1] + "z"])
def test_nobody_else_is_trusted(text):
    with pytest.raises(InvalidInput):
        find_authority(CHAIN, text)
