"""What becomes of the files in an image library's folder."""

from dataclasses import replace

import pytest

from aloft.base.errors import InvalidInput
from aloft.sync.images import DEFAULTS, changes, described, ident_of, plan_images
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


def base(**properties: str) -> dict[str, object]:
    return {"path": "os/debian.qcow2", "properties": properties}


def test_properties_have_the_types_that_glance_wants() -> None:
    told = described(
        base(min_disk="10", min_ram="512", protected="false", os_hidden="True", os_distro="debian", tags='["a", "b"]')
    )
    assert told == {
        "name": "debian.qcow2", "visibility": "public", "min_disk": 10, "min_ram": 512, "protected": False,
        "os_hidden": True, "os_distro": "debian", "tags": ["a", "b"],
    }  # fmt: skip
    assert described(base(tags="a, b"))["tags"] == ["a", "b"]
    assert described(base()) == {**DEFAULTS, "name": "debian.qcow2"}


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("min_disk", "ten", "no whole number"),
        ("min_ram", "-1", "no whole number"),
        ("protected", "maybe", "neither true nor false"),
        ("os_hash_value", "0", "not to be set by a file"),
    ],
)
def test_a_property_that_glance_would_not_take_says_which_and_why(name: str, text: str, why: str) -> None:
    with pytest.raises(InvalidInput, match=why) as refused:
        described(base(**{name: text}))
    assert name in refused.value.message
    assert refused.value.remedy == "Correct os/debian.qcow2.properties.json."


def test_a_property_that_its_file_says_no_more_goes_and_glances_own_becomes_what_it_is_by_default() -> None:
    before = described(base(os_distro="debian", min_disk="10", **{"a/b~c": "x"}))
    patch = changes(described(base(os_version="12")), before)
    assert {"op": "add", "path": "/os_version", "value": "12"} in patch
    assert {"op": "replace", "path": "/min_disk", "value": 0} in patch
    assert [one["path"] for one in patch if one["op"] == "remove"] == ["/os_distro", "/a~1b~0c"]
    assert "/visibility" not in {one["path"] for one in patch}, "what the file never said is Glance's users' to say"
