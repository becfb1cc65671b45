"""The portal's place on a node: its folders, its settings, and what it has to know of the node's regions."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aloft.base import accounts, files
from aloft.base.accounts import Account
from aloft.base.paths import Paths
from aloft.controller.context import AMQP_PORT, FACES_PORT, Slot
from aloft.controller.ports import Names
from aloft.node import shared
from aloft.node.broker import LISTENER
from aloft.node.fronts import Front
from aloft.node.peers import Peer
from aloft.node.settings import NodeSettings
from aloft.supervise.spec import ProcessSpec

USER = "aloft-portal"


class PortalPlace:
    """Keeps what the portal's back end finds on this machine.

    Args:
        paths: where everything lies.
        settings: of the node.
        edge_group: the edge's group, which may connect to its socket.
    """

    def __init__(self, paths: Paths, settings: NodeSettings, edge_group: int) -> None:
        self._paths = paths
        self._settings = settings
        self._edge_group = edge_group

    def process(self) -> ProcessSpec:
        """Write the portal's settings, make its folders, and declare it."""
        account = self._make_run_folder()
        self.password()
        settings = (
            f'socket = "{self._paths.run / "portal/portal.sock"}"\n'
            f'domain = "{self._settings.domain}"\n'
            f"edge_port = {self._settings.edge_port}\n"
            f'internal_url = "http://127.0.0.1:{FACES_PORT}"\n'
            f'pages = "{self._paths.opt / "portal/current"}"\n'
            f'state = "{self._state}"\n'
            f'broker_user = "{LISTENER}"\n'
            f'vhosts_file = "{self._vhosts_file}"\n'
        )
        files.write(self._paths.etc / "portal.toml", settings, mode=0o640, group=account.group)
        return shared.portal(self._paths, account.user, account.group, settings)

    def password(self) -> str:
        """The password by which the portal listens to the broker, made where there is none."""
        account = accounts.account(USER)
        files.folder(self._state, mode=0o700, owner=account.user, group=account.group)
        if not self._password_file.exists():
            password = os.urandom(32).hex()
            files.write(self._password_file, password, mode=0o400, owner=account.user, group=account.group)
        return self._password_file.read_text().strip()

    def keep_password(self, peer: str, password: str) -> None:
        """Keep the password by which the portal listens to another node's broker."""
        account = accounts.account(USER)
        files.folder(self._state, mode=0o700, owner=account.user, group=account.group)
        files.folder(self._brokers, mode=0o700, owner=account.user, group=account.group)
        files.write(self._brokers / peer, password, mode=0o400, owner=account.user, group=account.group)

    def publish(self, controllers: tuple[Names, ...], fronts: Iterable[tuple[Peer, Front]]) -> None:
        """Tell the portal where the notifications of each region are: of this node's controllers, and of others'."""
        told: dict[str, dict[str, dict[str, Any]]] = {}
        for one in controllers:
            here = {"vhost": Slot(one.slot, self._paths).vhost, "port": AMQP_PORT, "password": str(self._password_file)}
            told.setdefault(one.customer, {})[one.region] = here
        for peer, front in fronts:
            there = {"vhost": front.vhost, "port": peer.broker_port, "password": str(self._brokers / peer.name)}
            told.setdefault(front.customer, {})[front.region] = there
        account = self._make_run_folder()
        files.write(self._vhosts_file, json.dumps(told, sort_keys=True), mode=0o640, group=account.group)

    def _make_run_folder(self) -> Account:
        account = accounts.account(USER)
        files.folder(self._paths.run / "portal", mode=0o2710, owner=account.user, group=self._edge_group)
        return account

    @property
    def _state(self) -> Path:
        return self._paths.state / "portal"

    @property
    def _password_file(self) -> Path:
        return self._state / "broker.password"

    @property
    def _brokers(self) -> Path:
        """Folder of the passwords for other nodes' brokers, each by its node's name."""
        return self._state / "brokers"

    @property
    def _vhosts_file(self) -> Path:
        return self._paths.run / "portal/vhosts.json"
