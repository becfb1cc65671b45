"""The host's certificate: renewed with a new key when two thirds of its time are over.

Certificate and key are one file, which is replaced in one step, and only once the plane has answered to the new one:
until then, and whenever anything fails, the old one stays. Who shows the certificate (the link, streams, the agent
itself) reads that file again; connections that are open stay open.
"""

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aloft.base import files, pki
from aloft.base.errors import AloftError, InvalidInput, PermanentError
from aloft.base.pki import Validity
from aloft.ground.layout import Layout

LOOK_SECONDS = 600.0
"""The longest time between two looks at the clock, which may be set meanwhile."""

REST_SECONDS = 3600.0
"""The shortest time between two renewals, however short certificates live and whatever the clock says."""

_SPREAD = 0.05
"""Part of the certificate's time over which hosts spread their renewals."""

_FIRST_PAUSE = 30.0
_LONGEST_PAUSE = 3600.0

Ask = Callable[[str], Awaitable[Mapping[str, Any]]]
"""Has the plane sign a request (PEM); gives ``{"certificate", "authority", "edge_authority"}``, PEM each."""

Prove = Callable[[Path, Path], Awaitable[None]]
"""Has the plane answer to a certificate with its key (file) by an authority (file); raises when it does not."""

_log = logging.getLogger(__name__)


def due(validity: Validity, share: float) -> datetime:
    """When a certificate is to be renewed: when two thirds of its time are over, or a little sooner.

    Args:
        validity: its time.
        share: 0 to 1; hosts with different shares do not come all at once.
    """
    span = validity.end - validity.begin
    return validity.begin + span * (2 / 3 - _SPREAD * share)


def pause(failures: int, share: float) -> float:
    """Seconds until a renewal is tried again that failed so often; twice as long each time, up to an hour."""
    return float(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(failures - 1, 16))) * (0.75 + share / 4)


class Renewal:
    """Renews the host's certificate.

    Args:
        layout: where it lies.
        host: the host's name.
        ask: asks the plane for a certificate.
        prove: tries a certificate.
        renewed: told when the host has another one.
        now: the clock.
        chance: gives numbers from 0 to 1.
    """

    def __init__(
        self,
        layout: Layout,
        host: str,
        ask: Ask,
        prove: Prove,
        renewed: Callable[[], None],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._layout = layout
        self._host = host
        self._ask, self._prove, self._renewed = ask, prove, renewed
        self._now, self._chance = now, chance
        self._share = chance()
        self._failures = 0
        self._problem = ""

    @property
    def warning(self) -> str:
        """What a person should know: that the certificate could not be renewed, and when it ends; else empty."""
        return self._problem

    async def run(self) -> None:
        """Keep the certificate young until cancelled."""
        while True:
            wait = await self.step()
            await asyncio.sleep(wait)

    async def step(self) -> float:
        """Renew the certificate when it is time; returns after how many seconds to come again."""
        try:
            now, validity = self._now(), pki.validity(self._layout.bundle.read_bytes())
        except (OSError, InvalidInput) as error:
            _log.error("The host's certificate cannot be read: %s", error)
            return LOOK_SECONDS
        left = (due(validity, self._share) - now).total_seconds()
        if left > 0:
            self._failures, self._problem = 0, ""
            return min(left, LOOK_SECONDS)
        try:
            await self._renew()
        except AloftError as error:
            self._failures += 1
            self._problem = (
                f"The host's certificate ends on {validity.end:%Y-%m-%d %H:%M} UTC and could not be renewed: {error}"
            )
            wait = pause(self._failures, self._chance())
            _log.warning("%s Trying again in %.0f s.", self._problem, wait)
            return wait
        self._failures, self._problem = 0, ""
        return REST_SECONDS

    async def _renew(self) -> None:
        key, request = pki.new_request(self._host)
        answer = await self._ask(request.decode())
        bundle, authority, region = checked(answer, key, self._host, self._now())
        fresh = self._layout.bundle.with_name("next.pem")
        fresh_authority = self._layout.authority.with_name("next-authority.crt")
        try:
            files.write(fresh, bundle)
            files.write(fresh_authority, authority)
            await self._prove(fresh, fresh_authority)
            # the authority first: the edge may have been given another one, and both certificates count there
            files.write(self._layout.authority, authority)
            files.write(self._layout.region_authority, region, mode=0o644)
            fresh.replace(self._layout.bundle)
            files.flush_folder(self._layout.state)
        finally:
            fresh.unlink(missing_ok=True)
            fresh_authority.unlink(missing_ok=True)
        _log.info("The certificate was renewed; it ends on %s", pki.validity(bundle).end.date())
        self._renewed()


def checked(answer: Mapping[str, Any], key: bytes, host: str, now: datetime) -> tuple[bytes, str, str]:
    """Certificate with key, the edge's authority, and the region's, when an answer holds what was asked for.

    Raises:
        PermanentError: it does not.
    """
    try:
        certificate = str(answer["certificate"]).rstrip().encode() + b"\n"
        authority, region = str(answer["edge_authority"]), str(answer["authority"])
        bundle = certificate + key
        pki.check_bundle(bundle)
        validity, name = pki.validity(certificate), pki.common_name(certificate)
        for text in (authority, region):
            ssl.create_default_context(cadata=text)
    except (KeyError, InvalidInput, ssl.SSLError) as error:
        raise PermanentError(
            f"The plane's answer holds no certificate for this host: {error}", "Tell the provider."
        ) from error
    if name != host:
        raise PermanentError(f"The plane's certificate is for {name}, and this is {host}.", "Tell the provider.")
    if validity.end <= now:
        raise PermanentError(
            f"The plane's certificate ended on {validity.end:%Y-%m-%d %H:%M} UTC already, by this host's clock.",
            "Compare the host's clock with the provider's.",
        )
    return bundle, authority, region
