"""What becomes of the files in an image library's folder."""

from dataclasses import replace

from aloft.sync.images import ident_of, plan_images
from aloft.sync.inventory import Image, Inventory

IMAGE = Image("debian.qcow2", 10, 1, "ab" * 32, "qcow2", 100)


def library(*images: Image, **about: object) -> Inventory:
    return Inventory(1.0, images=images, **about)  # type: ignore[arg-type]  # fields of an inventory


def test_a_file_becomes_an_image_and_then_there_is_nothing_to_do() -> None:
    (made,) = plan_images("h1", library(IMAGE), {})
    assert (made.kind, made.ident) == ("make", ident_of(IMAGE))
    assert plan_images("h1", library(IMAGE), {made.ident: made.base}) == []


def test_a_renamed_file_is_the_same_image() -> None:
    (made,) = plan_images("h1", library(IMAGE), {})
    (changed,) = plan_images("h1", library(replace(IMAGE, path="new.qcow2")), {made.ident: made.base})
    assert (changed.kind, changed.ident, changed.base["path"]) == ("change", made.ident, "new.qcow2")


def test_other_content_is_another_image_and_the_old_one_is_deactivated() -> None:
    (made,) = plan_images("h1", library(IMAGE), {})
    actions = plan_images("h1", library(replace(IMAGE, sha256="cd" * 32)), {made.ident: made.base})
    assert {action.kind for action in actions} == {"make", "deactivate"}


def test_a_file_that_is_back_makes_its_image_usable_again() -> None:
    (made,) = plan_images("h1", library(IMAGE), {})
    (gone,) = plan_images("h1", library(), {made.ident: made.base})
    (back,) = plan_images("h1", library(IMAGE), {made.ident: gone.base})
    assert (gone.kind, back.kind) == ("deactivate", "reactivate")


def test_a_library_that_cannot_be_looked_at_says_nothing() -> None:
    (made,) = plan_images("h1", library(IMAGE), {})
    assert plan_images("h1", library(failed={"images": "the folder cannot be read"}), {made.ident: made.base}) == []


def test_a_layer_on_another_file_is_no_image() -> None:
    assert plan_images("h1", library(replace(IMAGE, backing="/other.qcow2")), {}) == []
