"""Glance's records of the files in image libraries' folders.

Images are made and changed through Glance's API. Only where their data lies, and that it is there, is written to
Glance's database: the API takes no files for locations, and the data is on the host, which serves it.
"""

import json
import logging
from typing import Any

import sqlalchemy as sa

from aloft.base.errors import AloftError, Conflict, NotFound, TemporaryError
from aloft.inside.sync.clients import Clients
from aloft.inside.sync.store import Store
from aloft.sync.images import FOLDER, ImageAction, changes, described, plan_images
from aloft.sync.inventory import Inventory
from aloft.sync.records import Entry

STORE = "library"
"""The name of the store that image libraries have."""

_log = logging.getLogger(__name__)


class Images:
    """Keeps Glance in line with image libraries' folders.

    Args:
        clients: OpenStack's APIs.
        store: remembers which images were made.
    """

    def __init__(self, clients: Clients, store: Store) -> None:
        self._clients = clients
        self._store = store
        self._known = {ident: base for ident, (_, base) in store.things("image").items()}
        self._failed: dict[str, dict[str, str]] = {}
        self._engine = sa.create_engine(clients.image_database, pool_size=1, pool_recycle=1800, pool_pre_ping=True)

    def bring_about(self, host: str, inventory: Inventory, now: float) -> int:
        """Do what is to be done about a host's library; gives how much that was.

        An image that cannot be brought about does not keep the others from it.

        Raises:
            TemporaryError: Glance does not answer.
        """
        actions = plan_images(host, inventory, self._known)
        failed: dict[str, str] = {}
        for action in actions:
            try:
                self._carry_out(action)
            except TemporaryError:
                raise
            except AloftError as error:
                failed[f"image {action.base['path']}"] = str(error)
                if str(error) not in self._failed.get(host, {}).values():
                    _log.warning("%s of the image %s failed: %s", action.kind, action.base["path"], error)
                continue
            before = self._known.get(action.ident, {}).get("path")
            entry = Entry(now, host, "image", action.base["path"], action.kind, before, action.ident)
            self._store.keep_thing("image", action.ident, action.ident, dict(action.base), (entry,))
            self._known[action.ident] = dict(action.base)
        self._failed[host] = failed
        return len(actions) - len(failed)

    def failures(self, host: str) -> dict[str, str]:
        """Images of a host's library that could not be brought about last, and why."""
        return self._failed.get(host, {})

    def _carry_out(self, action: ImageAction) -> None:
        path = f"/v2/images/{action.ident}"
        if action.kind == "deactivate":
            self._act(f"{path}/actions/deactivate")
            return
        if action.kind == "make":
            self._make(action)
        else:
            self._change(action)
        self._place(action)
        if action.kind == "reactivate":
            self._act(f"{path}/actions/reactivate")

    def _act(self, path: str) -> None:
        try:
            self._clients.call("image", "POST", path)
        except NotFound:
            return  # somebody has deleted it

    def _make(self, action: ImageAction) -> None:
        base = action.base
        body: dict[str, Any] = {
            "id": action.ident,
            "disk_format": base["format"],
            "container_format": "bare",
            "aloft_provenance": "discovered",
            **described(base),
        }
        try:
            self._clients.call("image", "POST", "/v2/images", body)
        except Conflict:
            if self._patch(action):
                return  # it was made before what is remembered was lost
            self._forget_deleted(action.ident)
            self._clients.call("image", "POST", "/v2/images", body)

    def _change(self, action: ImageAction) -> None:
        if not self._patch(action):
            self._make(action)

    def _patch(self, action: ImageAction) -> bool:
        """Describe an image as its file is; tells whether there is one."""
        path, now = f"/v2/images/{action.ident}", described(action.base)
        had = described(self._known[action.ident]) if action.ident in self._known else {}
        media = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
        try:
            there = self._clients.call("image", "GET", path)
            before = {name: value for name, value in had.items() if name in there}
            self._clients.call("image", "PATCH", path, changes(now, before), media)
        except NotFound:
            return False
        return True

    def _forget_deleted(self, ident: str) -> None:
        """Take away what Glance keeps of an image that was deleted: it gives that identifier to none again."""
        images = sa.table("images", sa.column("id"), sa.column("deleted"))
        with self._engine.begin() as connection:
            deleted = sa.select(images.c.id).where(images.c.id == ident, images.c.deleted != 0)
            if connection.execute(deleted).first() is None:
                return
            for name in ("image_properties", "image_tags", "image_locations", "image_members"):
                table = sa.table(name, sa.column("image_id"))
                connection.execute(sa.delete(table).where(table.c.image_id == ident))
            connection.execute(sa.delete(images).where(images.c.id == ident))

    def _place(self, action: ImageAction) -> None:
        """Write where the data lies, and that it is there."""
        images = sa.table("images", *map(sa.column, ("id", "status", "size", "virtual_size", *_HASH)))
        locations = sa.table("image_locations", *map(sa.column, _LOCATION))
        base, url = action.base, f"file://{FOLDER}/{action.base['path']}"
        content = {"os_hash_algo": "sha256", "os_hash_value": base["sha256"]}
        sizes = {"size": base["size"], "virtual_size": base["virtual_size"]}
        with self._engine.begin() as connection:
            connection.execute(sa.delete(locations).where(locations.c.image_id == action.ident))
            row = {"image_id": action.ident, "value": url, "deleted": 0, "status": "active"}
            row |= {"meta_data": json.dumps({"store": STORE}), "created_at": sa.func.utc_timestamp()}
            connection.execute(sa.insert(locations).values(**row))
            fresh = sa.update(images).where(images.c.id == action.ident)
            connection.execute(fresh.values(**content, **sizes))
            connection.execute(fresh.where(images.c.status == "queued").values(status="active"))


_HASH = ("os_hash_algo", "os_hash_value")
_LOCATION = ("image_id", "value", "deleted", "status", "meta_data", "created_at")
