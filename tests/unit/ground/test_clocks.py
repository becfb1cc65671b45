"""What a person is told when clocks differ or a certificate counts no more."""

import ssl
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from aloft.base.errors import PermanentError, TemporaryError
from aloft.ground import clocks

HERE = datetime(2019, 1, 1, 12, tzinfo=UTC)
THERE = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)


def failed(code):
    inner = ssl.SSLCertVerificationError(1, "certificate verify failed")
    inner.verify_code = code
    outer = httpx.ConnectError("[SSL] certificate verify failed")
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(("code", "seems"), [(9, "is not valid yet"), (10, "has ended")])
def test_clocks_that_differ_are_named_with_what_to_do(code, seems):
    told = clocks.explain(failed(code), THERE, HERE)
    assert isinstance(told, TemporaryError)
    assert seems in told.message
    assert "2019-01-01 12:00:00 UTC" in told.message
    assert "2026-11-23 01:30:00 UTC" in told.message
    assert "timedatectl" in told.remedy
    assert "2026-11-23 01:30:00" in told.remedy
    assert clocks.is_about_time(failed(code))


def test_the_host_is_not_blamed_for_a_certificate_that_has_really_ended():
    told = clocks.explain(failed(10), HERE + timedelta(seconds=5), HERE)
    assert told is not None
    assert told.remedy == "Tell the provider."


def test_a_provider_whose_clock_is_not_known():
    told = clocks.explain(failed(9), None, HERE)
    assert told is not None
    assert "2019-01-01" in told.message


def test_a_certificate_that_the_provider_refuses_means_to_enrol_again():
    alert = ssl.SSLError(1, "sslv3 alert certificate expired")
    alert.reason = "SSLV3_ALERT_CERTIFICATE_EXPIRED"
    error = httpx.ReadError("")
    error.__context__ = alert
    told = clocks.explain(error, None, HERE)
    assert isinstance(told, PermanentError)
    assert "aloft host token" in told.remedy


@pytest.mark.parametrize("error", [httpx.ConnectTimeout("no answer"), failed(19), OSError(113, "no route")])
def test_other_failures_are_not_about_certificates_times(error):
    assert clocks.explain(error, THERE, HERE) is None
    assert not clocks.is_about_time(error)


@pytest.mark.parametrize(
    ("ahead", "said"),
    [(None, ""), (0.0, ""), (-90.0, ""), (-600.0, "10 minutes behind"), (7300.0, "2 hours ahead of"),
     (-86400.0 * 30, "30 days behind")],
)  # fmt: skip
def test_a_clock_that_is_off_is_told(ahead, said):
    assert said in clocks.warning(ahead)
    assert bool(clocks.warning(ahead)) == bool(said)


def test_the_difference_comes_from_the_header_of_an_answer():
    assert clocks.ahead_of("Mon, 23 Nov 2026 01:30:00 GMT", THERE + timedelta(seconds=7)) == 7
    assert clocks.ahead_of(None, THERE) is None
    assert clocks.ahead_of("yesterday", THERE) is None
