"""Posts the account to the region through the link's loopback port, and hears what has arrived."""

import http.client
import json
import logging
import random
import threading

from aloft.base.errors import AloftError, TemporaryError
from aloft.ground.inventory.account import Account
from aloft.sync.inventory import PATH, Answer, Report
from aloft.sync.wire import MalformedMessage

_log = logging.getLogger(__name__)

ALIVE_SECONDS = 20.0
"""The longest time between two reports."""

_TIMEOUT = 30.0
_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
_OK = 200


class NotDelivered(TemporaryError):
    """A report did not reach the region, or was not understood there."""


class Delivery:
    """Posts until it is told to stop; what is not acknowledged is posted again.

    Args:
        account: what is to be told.
        address: of the link's HTTP port.
        port: see there.
        name: of the region's sync service.
    """

    def __init__(self, account: Account, address: str, port: int, name: str) -> None:
        self._account = account
        self._place = (address, port)
        self._name = name
        self._connection: http.client.HTTPConnection | None = None
        self._stop = threading.Event()

    def run(self) -> None:
        """Post what there is, as soon as there is something, and a sign of life now and then."""
        failures = 0
        while not self._stop.is_set():
            report = self._account.next_report()
            if report is None:
                self._account.wait(1.0)
                continue
            try:
                self._account.answered(report, self._post(report))
                if failures:
                    _log.info("The region answers again")
                failures = 0
            except AloftError as error:
                self._account.failed(report)
                if not failures:
                    _log.warning("%s", error)
                self._stop.wait(_PAUSES[min(failures, len(_PAUSES) - 1)] * random.uniform(0.7, 1.3))  # noqa: S311 - spreads load
                failures += 1
                continue
            self._account.wait(ALIVE_SECONDS)
        self._hang_up()

    def stop(self) -> None:
        """End ``run`` soon."""
        self._stop.set()
        self._account.wake()

    def _post(self, report: Report) -> Answer:
        """Post one report.

        Raises:
            NotDelivered: it did not arrive, or there was no good answer.
        """
        body = json.dumps(report.to_json(), separators=(",", ":")).encode()
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(*self._place, timeout=_TIMEOUT)
            self._connection.request("POST", PATH, body, {"Host": self._name, "Content-Type": "application/json"})
            answer = self._connection.getresponse()
            content = answer.read()
            if answer.status != _OK:
                raise NotDelivered(f"The region's sync service answered with status {answer.status}.")
            return Answer.from_json(json.loads(content))
        except (OSError, http.client.HTTPException) as error:
            self._hang_up()
            raise NotDelivered(
                f"The region's sync service cannot be reached: {error or type(error).__name__}"
            ) from error
        except (ValueError, MalformedMessage) as error:
            self._hang_up()
            raise NotDelivered(f"The region's sync service gave an answer that makes no sense: {error}") from error
        except NotDelivered:
            self._hang_up()
            raise

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
