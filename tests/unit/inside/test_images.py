"""Images of a library; Glance's API and tables are small ones of our own."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from aloft.base.errors import Conflict, Forbidden, NotFound, TemporaryError
from aloft.inside.sync.images import Images
from aloft.sync.images import ident_of
from aloft.sync.inventory import Image, Inventory

TABLES = """
create table images (id text primary key, status text, size integer, virtual_size integer, os_hash_algo text,
  os_hash_value text, deleted integer not null default 0);
create table image_locations (image_id text references images, value text, deleted integer, status text,
  meta_data text, created_at text);
create table image_properties (image_id text references images);
create table image_tags (image_id text references images);
create table image_members (image_id text references images);
"""


def image(name: str, **properties: str) -> Image:
    return Image(f"{name}.qcow2", 10, 1, name * 4, "qcow2", 100, properties=properties)


def library(*images: Image) -> Inventory:
    return Inventory(1.0, images=images)


class Glance:
    """Keeps images as Glance does: an identifier is never given twice."""

    def __init__(self, file: Path) -> None:
        self.image_database = f"sqlite:///{file}"
        self.engine = sa.create_engine(self.image_database)
        self.images: dict[str, dict[str, Any]] = {}
        self.refuses: dict[str, Exception] = {}
        self.asked: list[str] = []
        with self.engine.begin() as connection:
            for statement in TABLES.split(";"):
                connection.execute(sa.text(statement))

    def call(self, service: str, method: str, path: str, body: Any = None, headers: Any = None) -> Any:
        _, _, _, ident, *action = (*path.split("/"), "", "")
        if (method, path) == ("POST", "/v2/images"):
            return self._make(body)
        if ident not in self.images:
            raise NotFound(ident)
        if method == "GET":
            return self.images[ident]
        if method == "PATCH":
            for change in body:
                key = change["path"][1:]
                if change["op"] == "remove":
                    del self.images[ident][key]
                else:
                    self.images[ident][key] = change["value"]
            return None
        self.status(ident, "deactivated" if action[1] == "deactivate" else "active")
        return None

    def _make(self, body: dict[str, Any]) -> None:
        self.asked.append(body["name"])
        if body["name"] in self.refuses:
            raise self.refuses[body["name"]]
        try:
            with self.engine.begin() as connection:
                about = {"id": body["id"], "status": "queued"}
                connection.execute(sa.text("insert into images (id, status) values (:id, :status)"), about)
        except sa.exc.IntegrityError as error:
            raise Conflict("Image ID already exists") from error
        self.images[body["id"]] = dict(body)

    def status(self, ident: str, status: str = "") -> str:
        with self.engine.begin() as connection:
            if status:
                connection.execute(sa.text("update images set status = :s where id = :i"), {"s": status, "i": ident})
            return str(connection.execute(sa.text("select status from images where id = :i"), {"i": ident}).scalar())

    def delete(self, ident: str) -> None:
        del self.images[ident]
        with self.engine.begin() as connection:
            connection.execute(sa.text("update images set status = 'deleted', deleted = 1 where id = :i"), {"i": ident})
            connection.execute(sa.text("insert into image_properties values (:i)"), {"i": ident})


class Store:
    """Remembers nothing from before."""

    def things(self, kind: str) -> dict[str, Any]:
        return {}

    def keep_thing(self, *_: Any) -> None:
        """Remembered by who is tested."""


@pytest.fixture
def glance(tmp_path: Path) -> Glance:
    return Glance(tmp_path / "glance.db")


@pytest.fixture
def images(glance: Glance) -> Images:
    made = Images(glance, Store())  # type: ignore[arg-type]  # as much of them as is needed

    @sa.event.listens_for(made._engine, "connect")
    def speak_as_mariadb(connection: Any, _: Any) -> None:
        connection.create_function("utc_timestamp", 0, lambda: "2026-01-01 00:00:00")
        connection.execute("pragma foreign_keys = on")

    return made


def test_an_image_that_is_refused_does_not_keep_the_others_out_and_is_told(glance: Glance, images: Images) -> None:
    glance.refuses["b.qcow2"] = Forbidden("image refused POST /v2/images with 403")
    there = library(image("a", min_disk="much"), image("b"), image("c", min_disk="10"))
    assert images.bring_about("h1", there, 1.0) == 1
    assert [one["name"] for one in glance.images.values()] == ["c.qcow2"]
    assert glance.images[ident_of(image("c"))]["min_disk"] == 10
    told = images.failures("h1")
    assert told["image b.qcow2"] == "image refused POST /v2/images with 403"
    assert "min_disk" in told["image a.qcow2"]
    glance.refuses.clear()
    assert images.bring_about("h1", library(image("a"), image("b"), image("c", min_disk="10")), 2.0) == 2
    assert images.failures("h1") == {}


def test_a_glance_that_does_not_answer_is_asked_nothing_more(glance: Glance, images: Images) -> None:
    glance.refuses["b.qcow2"] = TemporaryError("the image service does not answer")
    with pytest.raises(TemporaryError):
        images.bring_about("h1", library(image("a"), image("b")), 1.0)
    assert glance.asked == ["b.qcow2"]


def test_properties_and_names_follow_their_files(glance: Glance, images: Images) -> None:
    ident = ident_of(image("a"))
    images.bring_about("h1", library(image("a", os_distro="debian", min_ram="512")), 1.0)
    images.bring_about("h1", library(image("a", os_version="12")), 2.0)
    assert "os_distro" not in glance.images[ident]
    assert (glance.images[ident]["os_version"], glance.images[ident]["min_ram"]) == ("12", 0)
    images.bring_about("h1", library(), 3.0)
    assert glance.status(ident) == "deactivated"
    images.bring_about("h1", library(Image("new.qcow2", 10, 1, "aaaa", "qcow2", 100)), 4.0)
    assert (glance.images[ident]["name"], glance.status(ident)) == ("new.qcow2", "active")


def test_an_image_that_was_deleted_in_glance_is_there_again_when_its_file_is(glance: Glance, images: Images) -> None:
    ident = ident_of(image("a"))
    images.bring_about("h1", library(image("a")), 1.0)
    glance.delete(ident)
    images.bring_about("h1", library(), 2.0)
    images.bring_about("h1", library(image("a")), 3.0)
    assert glance.images[ident]["name"] == "a.qcow2"
    assert glance.status(ident) == "active"
