"""What tells that something changed: libvirt's events, its files, and the kernel's messages about network devices.

libvirt tells of what runs. It says nothing when only a definition changes, when a snapshot is made, when a domain is
told to start by itself, or when an address is leased: those show in its files.
"""

import contextlib
import os
import queue
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import libvirt

from aloft.ground.inventory import words
from aloft.ground.inventory.folders import IN_ISDIR, Folders, Happening

Kind = Literal["domain", "domain-name", "bridge-leases", "networks", "pools", "bridges", "everything", "closed"]
Signal = tuple[Kind, str, str]
"""What to look at, its UUID or name, and what was told."""

_RTMGRP = 0x1 | 0x10 | 0x100  # links, IPv4 and IPv6 addresses (rtnetlink(7))
_NETLINK_BUFFER = 1 << 16

_DOMAIN_EVENTS = {
    "VIR_DOMAIN_EVENT_ID_REBOOT": "reboot",
    "VIR_DOMAIN_EVENT_ID_TRAY_CHANGE": "tray",
    "VIR_DOMAIN_EVENT_ID_DISK_CHANGE": "disk",
    "VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE": "memory",
    "VIR_DOMAIN_EVENT_ID_DEVICE_ADDED": "device-added",
    "VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED": "device-removed",
    "VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE": "agent",
    "VIR_DOMAIN_EVENT_ID_METADATA_CHANGE": "metadata",
    "VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2": "block-job",
    "VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD": "block-threshold",
    "VIR_DOMAIN_EVENT_ID_JOB_COMPLETED": "job",
    "VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE": "memory-device",
}
_NETWORK_EVENTS = ("VIR_NETWORK_EVENT_ID_LIFECYCLE", "VIR_NETWORK_EVENT_ID_METADATA_CHANGE")
_POOL_EVENTS = ("VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE", "VIR_STORAGE_POOL_EVENT_ID_REFRESH")


class Signals:
    """All of them, in one queue that can be waited on.

    Args:
        root: of the file system that libvirt's files lie in.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._queue: queue.SimpleQueue[Signal] = queue.SimpleQueue()
        self._awake, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._folders = Folders()
        self._links = _listen_to_kernel()
        self._poll = select.poll()
        for handle in (self._awake, self._folders.fileno(), *([self._links.fileno()] if self._links else ())):
            self._poll.register(handle, select.POLLIN)

    def put(self, kind: Kind, name: str = "", cause: str = "") -> None:
        """Add a signal, from any thread."""
        self._queue.put((kind, name, cause))
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake, b".")

    def wait(self, seconds: float) -> bool:
        """Wait until there is a signal, or the time is over; whether there may be one."""
        return bool(self._poll.poll(max(0.0, seconds) * 1000)) or not self._queue.empty()

    def take(self, settle: float) -> dict[tuple[Kind, str], str]:
        """All signals there are, once none came for ``settle`` seconds or four times that is over; each only once."""
        taken: dict[tuple[Kind, str], str] = {}
        end = time.monotonic() + 4 * settle
        while True:
            for kind, name, cause in self._gather():
                taken[kind, name] = cause or taken.get((kind, name), "")
            left = min(settle, end - time.monotonic())
            if left <= 0 or not self.wait(left):
                return taken

    def watch_files(self) -> None:
        """Watch libvirt's folders as far as they are there by now."""
        for folder in self._plain_folders():
            self._folders.watch(folder)
        snapshots = self._snapshots
        if self._folders.watch(snapshots):
            for folder in snapshots.iterdir():
                self._folders.watch(folder)

    def register(self, connection: Any) -> None:
        """Have libvirt tell of everything that it tells of; what a driver does not know is left out."""

        def domain(cause: Callable[[tuple[Any, ...]], str]) -> Callable[..., None]:
            return lambda _, item, *told: self.put("domain", item.UUIDString(), cause(told))

        def part(kind: Kind) -> Callable[..., None]:
            return lambda *_: self.put(kind, "", kind)

        def lifecycle(told: tuple[Any, ...]) -> str:
            return words.lifecycle(told[0], told[1])

        wanted: list[tuple[Any, str, Callable[..., None]]] = [
            (connection.domainEventRegisterAny, "VIR_DOMAIN_EVENT_ID_LIFECYCLE", domain(lifecycle))
        ]
        for name, word in _DOMAIN_EVENTS.items():
            wanted.append((connection.domainEventRegisterAny, name, domain(lambda _, word=word: word)))  # type: ignore[misc]  # a default binds the word
        wanted += [(connection.networkEventRegisterAny, name, part("networks")) for name in _NETWORK_EVENTS]
        wanted += [(connection.storagePoolEventRegisterAny, name, part("pools")) for name in _POOL_EVENTS]
        for register, name, callback in wanted:
            number = getattr(libvirt, name, None)
            if number is not None:
                with contextlib.suppress(libvirt.libvirtError):
                    register(None, number, callback, None)
        with contextlib.suppress(libvirt.libvirtError):
            connection.registerCloseCallback(lambda *_: self.put("closed"), None)

    def close(self) -> None:
        """Hear nothing any more; a signal that is put now is lost."""
        self._folders.close()
        if self._links:
            self._links.close()

    @property
    def _snapshots(self) -> Path:
        return self._root / "var/lib/libvirt/qemu/snapshot"

    def _plain_folders(self) -> tuple[Path, ...]:
        names = (
            "etc/libvirt/qemu",
            "etc/libvirt/qemu/autostart",
            "etc/libvirt/qemu/networks",
            "etc/libvirt/qemu/networks/autostart",
            "etc/libvirt/storage",
            "etc/libvirt/storage/autostart",
            "run/libvirt/qemu",
            "var/lib/libvirt/qemu/save",
            "var/lib/libvirt/dnsmasq",
        )
        return tuple(self._root / name for name in names)

    def _gather(self) -> Iterator[Signal]:
        with contextlib.suppress(BlockingIOError):
            os.read(self._awake, 4096)
        while not self._queue.empty():
            yield self._queue.get_nowait()
        for happening in self._folders.read():
            yield from self._understand(happening)
        if self._links:
            with contextlib.suppress(BlockingIOError):
                while self._links.recv(_NETLINK_BUFFER):
                    yield ("bridges", "", "device")

    def _understand(self, happening: Happening) -> Iterator[Signal]:
        """What a change of one of libvirt's files means; the files are named after domains."""
        folder, name = happening.folder, happening.name
        if folder is None or (happening.mask & IN_ISDIR and folder / name in self._plain_folders()):
            self.watch_files()  # libvirt makes some of its folders when it needs them
            yield ("everything", "", "")
        elif folder == self._snapshots:
            if happening.mask & IN_ISDIR:
                self._folders.watch(folder / name)
                yield ("domain-name", name, "snapshot")
        elif folder.parent == self._snapshots:
            yield ("domain-name", folder.name, "snapshot")
        elif "networks" in folder.parts:
            yield ("networks", "", "file")
        elif "storage" in folder.parts:
            yield ("pools", "", "file")
        elif folder.name == "dnsmasq":
            if name.endswith(".status"):
                yield ("bridge-leases", name.removesuffix(".status"), "lease")
        elif name.endswith((".xml", ".save")):
            yield ("domain-name", name.rpartition(".")[0], "saved" if name.endswith(".save") else "definition")


class EventLoop(threading.Thread):
    """libvirt's own event loop, in a thread; one for the whole process, made before any connection."""

    def __init__(self) -> None:
        super().__init__(name="libvirt-events", daemon=True)
        libvirt.virEventRegisterDefaultImpl()
        libvirt.registerErrorHandler(lambda *_: None, None)  # errors are raised; no need to print them, too

    def run(self) -> None:
        """Pass events on for as long as the process lives."""
        while True:
            libvirt.virEventRunDefaultImpl()


def _listen_to_kernel() -> socket.socket | None:
    """Messages about network devices and addresses; ``None`` where the kernel gives none."""
    try:
        links = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        links.bind((0, _RTMGRP))
    except OSError:
        return None
    return links
