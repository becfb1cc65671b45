"""When the host's certificate is renewed, and that the old one stays until the new one has proved good."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aloft.base import pki
from aloft.base.errors import Forbidden, PermanentError, TemporaryError
from aloft.base.paths import Paths
from aloft.base.pki import Authority, Validity
from aloft.ground import certificate
from aloft.ground.certificate import Renewal
from aloft.ground.layout import Layout

DAYS = 90
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class Plane:
    """Signs what it is asked for, unless it is told not to."""

    def __init__(self, folder):
        self.region = Authority.open(folder / "region", "region")
        self.edge = Authority.open(folder / "edge", "edge")
        self.asked = 0
        self.fault = None
        self.changes = {}

    def sign(self, request, name="h1"):
        return self.region.sign_csr(request, name, "acme/dc1", DAYS).decode()

    async def ask(self, request):
        self.asked += 1
        if self.fault:
            raise self.fault
        told = {
            "certificate": self.sign(request.encode()),
            "authority": self.region.certificate.decode(),
            "edge_authority": self.edge.certificate.decode(),
        }
        return {**told, **self.changes}


class Host:
    """A host with a certificate, and a clock that is set by hand (days from now)."""

    def __init__(self, folder):
        self.layout = Layout.of(Paths(folder))
        self.layout.state.mkdir(parents=True)
        self.plane = Plane(folder)
        key, request = pki.new_request("h1")
        self.layout.bundle.write_bytes(self.plane.sign(request).encode() + key)
        self.days = 0.0
        self.refuses = None
        self.renewed = []
        self.renewal = Renewal(
            self.layout, "h1", self.plane.ask, self._prove, lambda: self.renewed.append(self.days),
            now=lambda: datetime.now(UTC) + timedelta(days=self.days), chance=lambda: 0.5,
        )  # fmt: skip

    async def _prove(self, bundle, authority):
        pki.check_bundle(bundle.read_bytes())
        assert authority.read_bytes() == self.plane.edge.certificate
        if self.refuses:
            raise self.refuses

    async def at(self, days):
        self.days = days
        return await self.renewal.step()


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


async def test_a_young_certificate_is_left_alone_and_looked_at_now_and_then(host):
    before = host.layout.bundle.read_bytes()
    for days in (0, 20, 50):
        assert await host.at(days) == certificate.LOOK_SECONDS
    assert (host.plane.asked, host.layout.bundle.read_bytes()) == (0, before)


async def test_it_is_renewed_with_another_key_when_two_thirds_of_its_time_are_over(host):
    before = host.layout.bundle.read_bytes()
    await host.at(61)
    after = host.layout.bundle.read_bytes()
    pki.check_bundle(after)
    assert pki.serial(after) != pki.serial(before)
    assert before.split(b"PRIVATE KEY")[1] != after.split(b"PRIVATE KEY")[1]
    assert host.layout.bundle.stat().st_mode & 0o077 == 0
    assert host.renewed == [61]
    assert sorted(path.name for path in host.layout.state.iterdir()) == ["authority.crt", "host.pem", "region.crt"]


async def test_a_clock_that_runs_wild_does_not_make_it_ask_all_the_time(host):
    assert await host.at(85) == certificate.REST_SECONDS
    assert await host.at(85) == certificate.REST_SECONDS


@pytest.mark.parametrize("fault", [TemporaryError("away"), Forbidden("unknown"), PermanentError("odd")])
async def test_the_old_one_stays_when_the_plane_gives_none_and_it_is_tried_again_ever_more_seldom(host, fault):
    before = host.layout.bundle.read_bytes()
    host.plane.fault = fault
    pauses = [await host.at(61) for _ in range(12)]
    assert host.layout.bundle.read_bytes() == before
    assert pauses[:8] == sorted(pauses[:8])
    assert max(pauses) <= 3600
    assert "could not be renewed" in host.renewal.warning
    host.plane.fault = None
    await host.at(62)
    assert (host.renewal.warning, host.renewed) == ("", [62])


async def test_the_old_one_stays_when_the_plane_does_not_answer_to_the_new_one(host):
    before = host.layout.bundle.read_bytes()
    host.refuses = Forbidden("who is that?")
    await host.at(61)
    assert (host.layout.bundle.read_bytes(), host.renewed) == (before, [])
    assert [path.name for path in host.layout.state.iterdir()] == ["host.pem"]


@pytest.mark.parametrize("wrong", ["key", "name", "nothing", "authority"])
async def test_what_is_not_a_certificate_for_this_host_is_not_taken(host, wrong):
    before = host.layout.bundle.read_bytes()
    _, request = pki.new_request("h1")
    host.plane.changes = {
        "key": {"certificate": host.plane.sign(request)},
        "name": {},
        "nothing": {"certificate": "nothing"},
        "authority": {"edge_authority": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
    }[wrong]
    if wrong == "name":
        sign = host.plane.sign
        host.plane.sign = lambda text: sign(text, "h2")
    await host.at(61)
    assert host.layout.bundle.read_bytes() == before
    assert host.renewal.warning


@given(st.integers(1, 3650), st.floats(0, 1))
def test_there_is_always_time_left_for_tries(days, share):
    validity = Validity(BEGIN, BEGIN + timedelta(days=days))
    when = certificate.due(validity, share)
    assert validity.begin + (validity.end - validity.begin) * 0.6 < when
    assert validity.end - when >= (validity.end - validity.begin) / 3.001


@given(st.integers(1, 500), st.floats(0, 1))
def test_pauses_have_a_bound(failures, share):
    assert 20 <= certificate.pause(failures, share) <= 3600
