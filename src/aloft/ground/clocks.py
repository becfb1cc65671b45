"""Why the edge and this host do not trust each other: clocks that differ, and certificates that count no more.

TLS says "not yet valid" or "expired" when the host's clock is wrong, which leads nobody to the clock. So the provider's
clock is asked for, and both are named. That answer is unverified: it explains a failure and decides nothing.
"""

import contextlib
import http.client
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from aloft.base.errors import AloftError, PermanentError, TemporaryError

SLACK_SECONDS = 120.0
"""How far clocks may differ before a person is told."""

DATE_PATH = "/v1/install/authority"

_NOT_YET, _ENDED = 9, 10
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL (x509_vfy.h)."""

_TIMEOUT = 5.0
_UNITS = ((172_800, 86_400, "days"), (7_200, 3_600, "hours"), (0, 60, "minutes"))


def explain(error: BaseException, there: datetime | None, here: datetime) -> AloftError | None:
    """What a failed conversation with the edge means when it failed for a certificate; ``None`` when it did not.

    Args:
        error: what was raised.
        there: the provider's clock, as far as it is known.
        here: this host's clock.
    """
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError) and cause.verify_code in (_NOT_YET, _ENDED):
            return _time_is_out(there, here, "is not valid yet" if cause.verify_code == _NOT_YET else "has ended")
        if isinstance(cause, ssl.SSLError) and "ALERT_CERTIFICATE" in (getattr(cause, "reason", None) or ""):
            return PermanentError(
                "The provider does not accept this host's certificate: it has ended, or was taken back.",
                "Enrol the host again with a new line (aloft host token).",
            )
    return None


def is_about_time(error: BaseException) -> bool:
    """Whether a conversation failed because the edge's certificate seems not to be valid now."""
    return any(
        isinstance(cause, ssl.SSLCertVerificationError) and cause.verify_code in (_NOT_YET, _ENDED)
        for cause in _causes(error)
    )


def warning(ahead: float | None) -> str:
    """What a person is told of a host whose clock is ``ahead`` seconds ahead (or, negative, behind); mostly nothing."""
    if ahead is None or abs(ahead) < SLACK_SECONDS:
        return ""
    _, size, unit = next(entry for entry in _UNITS if abs(ahead) >= entry[0])
    side = "ahead of" if ahead > 0 else "behind"
    return (
        f"The host's clock is {abs(ahead) / size:.0f} {unit} {side} the provider's. "
        "Set it there: timedatectl set-ntp true."
    )


def ahead_of(date: str | None, here: datetime) -> float | None:
    """Seconds that this host's clock is ahead of the clock in an HTTP ``Date`` header (RFC 9110, 6.6.1)."""
    there = _parsed(date)
    return (here - there).total_seconds() if there else None


def provider_clock(address: str, port: int, name: str, bundle: Path | None = None) -> datetime | None:
    """The provider's clock by the ``Date`` of an answer of the edge, unverified; ``None`` when there is none.

    Args:
        address: the edge's.
        port: the edge's.
        name: the HTTP name to ask.
        bundle: certificate and key to show.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with contextlib.suppress(OSError, http.client.HTTPException):
        if bundle is not None:
            context.load_cert_chain(bundle)
        connection = _Named(address, port, name, context)
        try:
            connection.request("GET", DATE_PATH, headers={"Host": name})
            return _parsed(connection.getresponse().getheader("Date"))
        finally:
            connection.close()
    return None


class _Named(http.client.HTTPSConnection):
    """A connection to an address that shows another name to TLS."""

    def __init__(self, address: str, port: int, name: str, context: ssl.SSLContext) -> None:
        super().__init__(address, port, timeout=_TIMEOUT, context=context)
        self._name, self._tls = name, context

    def connect(self) -> None:
        """Connect, and begin TLS with the name."""
        http.client.HTTPConnection.connect(self)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)


def _time_is_out(there: datetime | None, here: datetime, seems: str) -> AloftError:
    if there is not None and abs((there - here).total_seconds()) < SLACK_SECONDS:
        return TemporaryError(f"The certificate of the provider's edge {seems}.", "Tell the provider.")
    theirs = f"the provider's says {_shown(there)}" if there else "the provider's could not be asked"
    setting = (
        f"timedatectl set-ntp true, or date -u -s '{there:%Y-%m-%d %H:%M:%S}'" if there else "timedatectl set-ntp true"
    )
    return TemporaryError(
        f"The certificate of the provider's edge {seems}, by this host's clock: it says {_shown(here)}, {theirs}.",
        f"Set this host's clock ({setting}); the agent goes on by itself then.",
    )


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _parsed(date: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(date).astimezone(UTC) if date else None
    except ValueError:
        return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what caused it, the outermost first."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
