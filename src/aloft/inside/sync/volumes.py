"""Cinder's records of volumes that virtual machines have."""

from collections.abc import Iterable
from typing import Any

from aloft.base.errors import NotFound
from aloft.inside.sync.clients import Clients
from aloft.sync.facts import Facts

_SERVICE = "block-storage"
_VERSION = {"OpenStack-API-Version": "volume 3.44"}  # the first in which an attachment can be completed


class Volumes:
    """Reads and writes Cinder's records; a region without Cinder has no volumes.

    Args:
        clients: OpenStack's APIs.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def told(self, volumes: Iterable[str]) -> dict[str, dict[str, Any]]:
        """What Cinder shows of those of the volumes that it knows."""
        wanted = sorted(volumes)
        if not wanted or not self._clients.offers(_SERVICE):
            return {}
        found = {}
        for volume in wanted:
            try:
                found[volume] = dict(self._call("GET", f"/volumes/{volume}")["volume"])
            except NotFound:
                continue
        return found

    def attach(self, uuid: str, volume: str) -> str:
        """Have Cinder say that an instance has a volume, whose disk is connected already; gives the attachment.

        Raises:
            InvalidInput, Conflict: Cinder refuses.
        """
        body = {"attachment": {"volume_uuid": volume, "instance_uuid": uuid}}
        attachment = str(self._call("POST", "/attachments", body)["attachment"]["id"])
        self._call("POST", f"/attachments/{attachment}/action", {"os-complete": {}})
        return attachment

    def connection(self, volume: str, attachment: str, disk: Facts) -> dict[str, Any]:
        """How a host gets at a volume: as Cinder said when Nova attached it, else as the host's administrator did.

        Of the latter Nova disconnects nothing (its driver ``local``).
        """
        told = self._call("GET", f"/attachments/{attachment}")["attachment"].get("connection_info") or {}
        data = {name: value for name, value in told.items() if name not in ("driver_volume_type", "attachment_id")}
        kind = told.get("driver_volume_type") or "local"
        return {"driver_volume_type": kind, "data": {"device_path": disk["path"], **data}, "serial": volume}

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        return self._clients.call(_SERVICE, method, path, body, _VERSION)
