"""``python -m aloft.ground.inventory``: tell the region what is on this host, until SIGTERM; at once on SIGUSR1."""

import argparse
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from aloft.ground.inventory.account import Account
from aloft.ground.inventory.delivery import Delivery
from aloft.ground.inventory.images import ImageFolder


class Worker(Protocol):
    """What has a thread of its own."""

    def run(self) -> None:
        """Work until told to stop."""

    def stop(self) -> None:
        """End ``run`` soon."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; returns the exit code."""
    chosen = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    account = Account(time.time)
    signal.signal(signal.SIGUSR1, lambda *_: account.wake())
    address, _, port = chosen.link.rpartition(":")
    workers: list[Worker] = [Delivery(account, address, int(port), chosen.name)]
    if chosen.images:
        workers.append(ImageFolder(account, chosen.images, chosen.memory))
    if chosen.libvirt:
        from aloft.ground.inventory.signals import EventLoop
        from aloft.ground.inventory.watch import Watch

        EventLoop().start()
        workers.append(
            Watch(account, chosen.libvirt, chosen.switch, scan_seconds=chosen.scan_seconds, instances=chosen.instances)
        )
    else:
        account.begin()
    for worker in workers:
        threading.Thread(target=_guarded, args=(worker, ended), daemon=True).start()
    ended.wait()
    for worker in workers:
        worker.stop()
    return 0


def _guarded(worker: Worker, ended: threading.Event) -> None:
    """Run a worker; if one of them breaks, all end, and the agent starts them again."""
    try:
        worker.run()
    except Exception:
        logging.getLogger(__name__).exception("%s broke", type(worker).__name__)
        os._exit(1)
    ended.set()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m aloft.ground.inventory", description=__doc__)
    parser.add_argument("--link", required=True, help="address:port of the link's HTTP port")
    parser.add_argument("--name", required=True, help="name of the region's sync service")
    parser.add_argument("--libvirt", default="", help="libvirt's URI; without it, libvirt is not looked at")
    parser.add_argument("--switch", type=Path, default=Path("/run/openvswitch/db.sock"), help="Open vSwitch's socket")
    parser.add_argument(
        "--instances", type=Path, help="folder of Nova's instances, whose file system's space it offers"
    )
    parser.add_argument("--images", type=Path, help="folder of images; without it, none is looked at")
    parser.add_argument("--memory", type=Path, help="file that remembers the hashes of images")
    parser.add_argument("--scan-seconds", type=float, default=30.0, help="between two looks at everything")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
