"""Looks at the host: everything once, then what signals point at, and everything again now and then.

One thread does all the looking, so an account never mixes two looks. While libvirt is out of reach its parts are told
as failed; once it is back everything is looked at again and the account begins anew.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import libvirt

from aloft.base.errors import TemporaryError
from aloft.ground.inventory import bridges
from aloft.ground.inventory.account import Account
from aloft.ground.inventory.reader import Reader, Unreachable
from aloft.ground.inventory.signals import Kind, Signals
from aloft.sync.inventory import Domain, Part

_log = logging.getLogger(__name__)

SETTLE_SECONDS = 0.05
"""Signals that come closer together than this are looked at together."""

SCAN_SECONDS = 30.0
"""Between two looks at everything."""

_SIZES_SECONDS = 1.0
_RETRY_SECONDS = 1.0
_LIBVIRT_PARTS: tuple[Part, ...] = ("networks", "pools", "domains")


class Watch:
    """Keeps an account true to libvirt and the host's bridges.

    Args:
        account: to write to.
        uri: libvirt's.
        switch_socket: of Open vSwitch's database.
        root: of the file system that libvirt's files lie in.
        scan_seconds: see :data:`SCAN_SECONDS`.
        instances: folder of Nova's instances.
    """

    def __init__(
        self,
        account: Account,
        uri: str,
        switch_socket: Path,
        root: Path = Path("/"),
        scan_seconds: float = SCAN_SECONDS,
        instances: Path | None = None,
    ) -> None:
        self._account = account
        self._uri = uri
        self._switch_socket = switch_socket
        self._scan_seconds = scan_seconds
        self._instances = instances
        self._signals = Signals(root)
        self._connection: Any = None
        self._reader: Reader | None = None
        self._stop = threading.Event()
        self._next_scan = 0.0
        self._next_sizes = 0.0

    def run(self) -> None:
        """Look until told to stop."""
        while not self._stop.is_set():
            if time.monotonic() >= self._next_scan:
                self._look_at_everything()
            due = min(self._next_scan, self._next_sizes) if self._reader else self._next_scan
            if self._signals.wait(due - time.monotonic()):
                self._follow(self._signals.take(SETTLE_SECONDS))
            elif self._reader and time.monotonic() >= self._next_sizes:
                self._look_for_growth(self._reader)
        self._disconnect()
        self._signals.close()

    def stop(self) -> None:
        """End ``run`` soon; from any thread."""
        self._stop.set()
        self._signals.put("closed")

    # Looks

    def _look_at_everything(self) -> None:
        """A scan; with a new connection it begins a new account."""
        new = self._reader is None
        self._signals.watch_files()
        self._look_at_bridges("")
        try:
            reader = self._reader or self._connect()
            if new:
                self._signals.take(0.0)  # what was told before is part of what is looked at now
            self._look_at_surroundings(reader, "")
            self._account.see("domains", reader.domains())
        except Unreachable as error:
            self._lose(error)
            if not self._account.opened:
                self._account.begin()
            return
        if new:
            self._account.begin(reader.version())
        self._next_scan = time.monotonic() + self._scan_seconds
        self._next_sizes = time.monotonic() + _SIZES_SECONDS

    def _look_at_surroundings(self, reader: Reader, cause: str) -> None:
        networks, pools = reader.networks(), reader.pools()
        self._account.see("networks", networks, cause)
        self._account.see("pools", pools, cause)
        reader.look_around(networks, pools)

    def _look_at_bridges(self, cause: str) -> None:
        try:
            self._account.see("bridges", bridges.read(self._switch_socket), cause)
        except TemporaryError as error:
            self._account.fail("bridges", error.message)

    def _look_for_growth(self, reader: Reader) -> None:
        self._next_sizes = time.monotonic() + _SIZES_SECONDS
        grown = reader.resized(self._account.inventory.domains)
        self._look_at_domains(reader, dict.fromkeys(grown, "disk-size"))

    def _look_at_domains(self, reader: Reader, causes: Mapping[str, str]) -> None:
        if not causes:
            return
        before = self._account.inventory.entries("domains")
        for uuid, domain in reader.some(causes).items():
            if domain != before.get(uuid):
                self._account.record([("domains", uuid, domain, "")], "event", causes[uuid])

    # Signals

    def _follow(self, signals: Mapping[tuple[Kind, str], str]) -> None:
        kinds = {kind for kind, _ in signals}
        if "everything" in kinds:
            self._next_scan = 0.0
        if "bridges" in kinds:
            self._look_at_bridges("device")
        reader = self._reader
        if reader is None:
            return
        try:
            if "closed" in kinds and not self._stop.is_set():
                raise Unreachable("libvirt closed the connection.")
            if kinds & {"networks", "pools", "bridge-leases"}:
                self._look_at_surroundings(reader, "lease" if "bridge-leases" in kinds else "network-or-pool")
            self._look_at_domains(reader, self._meant(reader, signals))
        except Unreachable as error:
            self._lose(error)

    def _meant(self, reader: Reader, signals: Mapping[tuple[Kind, str], str]) -> dict[str, str]:
        """The UUIDs of the domains that signals speak of, each with what was told."""
        causes: dict[str, str] = {}
        known = self._account.inventory.domains
        for (kind, name), cause in signals.items():
            for uuid in self._named(reader, kind, name, known):
                causes[uuid] = causes.get(uuid) or cause
            if kind == "domain":
                causes[name] = cause or causes.get(name, "")
        return causes

    def _named(self, reader: Reader, kind: Kind, name: str, known: Iterable[Domain]) -> set[str]:
        if kind == "bridge-leases":
            return {domain.uuid for domain in known for nic in domain.nics if nic.bridge == name}
        if kind == "domain-name":
            now = reader.uuid_of(name)
            return {domain.uuid for domain in known if domain.name == name} | ({now} if now else set())
        return set()

    # The connection

    def _connect(self) -> Reader:
        try:
            connection = libvirt.open(self._uri)
        except libvirt.libvirtError as error:
            raise Unreachable(f"libvirt does not answer: {error}") from error
        with contextlib.suppress(libvirt.libvirtError):
            connection.setKeepAlive(5, 3)
        self._signals.register(connection)
        self._connection = connection
        self._reader = Reader(connection, bridges.seen, self._instances)
        _log.info("Connected with %s", self._uri)
        return self._reader

    def _disconnect(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(libvirt.libvirtError):
                self._connection.close()
        self._connection = self._reader = None

    def _lose(self, error: Unreachable) -> None:
        """Tell that libvirt is out of reach, and look for it again soon."""
        if self._reader is not None or not self._account.opened:
            _log.warning("%s", error.message)
        self._disconnect()
        for part in _LIBVIRT_PARTS:
            self._account.fail(part, error.message)
        self._next_scan = time.monotonic() + _RETRY_SECONDS
