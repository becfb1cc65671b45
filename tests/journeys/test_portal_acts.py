"""What a person does in the portal with the mouse, over the demo customer's real OpenStack: logged in once for all."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from aloft.install.demo import IMAGE

from ..running import PATHS, Region, run
from .browser import Person, chromium

NAME = "portal-acts"
OUTSIDE = "portal-outside"
IMAGES = Path("/var/lib/libvirt/images")


@pytest.fixture(scope="module")
def browser(demo: Region) -> Iterator[Browser]:
    if not (PATHS.opt / "portal/current").exists():
        pytest.skip("the portal's pages were not built here")
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def inside(browser: Browser, demo: Region, cloud: Any) -> Iterator[Person]:
    """The demo customer's administrator, logged in."""
    person = Person.at(browser, demo.customer, project=f"/project/{cloud.current_project_id}/{demo.name}/")
    person.open(person.project)
    person.log_in()
    expect(person.page.get_by_text("Live", exact=True)).to_be_visible()
    yield person
    person.leave()


@pytest.fixture
def ann(inside: Person, request: pytest.FixtureRequest) -> Iterator[Person]:
    """The same; the browser must have had nothing to complain of. What the last page looked like is kept."""
    yield inside
    inside.picture(PATHS.log / f"{request.node.name}.png")
    inside.page.set_viewport_size({"width": 1300, "height": 850})
    complaints, inside.complaints = inside.complaints, []
    assert not complaints


@pytest.fixture(scope="module")
def machine(cloud: Any, demo: Region) -> Iterator[Any]:
    """An instance to act upon."""
    image, flavor = cloud.image.find_image(IMAGE), cloud.compute.find_flavor("m1.nano")
    network = cloud.network.find_network(demo.customer)
    made = cloud.compute.create_server(
        name=NAME, image_id=image.id, flavor_id=flavor.id, networks=[{"uuid": network.id}]
    )
    yield cloud.compute.wait_for_server(made, wait=180)
    cloud.compute.delete_server(made.id, ignore_missing=True)
    cloud.compute.wait_for_delete(made, wait=120)


def test_a_list_is_filtered_and_acted_upon(ann: Person, machine: Any) -> None:
    ann.open(f"{ann.project}instances")
    page = ann.page
    page.get_by_role("textbox", name="Filter").fill(NAME)
    expect(page.get_by_role("status").filter(has_text="1 of")).to_be_visible()
    expect(page).to_have_url(re.compile(f"q={NAME}"))
    page.reload()
    expect(page.get_by_role("textbox", name="Filter")).to_have_value(NAME)
    page.get_by_role("button", name=f"Actions on {NAME}").click()
    page.get_by_role("menuitem", name="Pause", exact=True).click()
    expect(ann.row(NAME)).to_contain_text("Paused")
    page.get_by_role("checkbox", name="Select all").check()
    page.get_by_role("button", name="1 selected").click()
    page.get_by_role("menuitem", name="Unpause").click()
    expect(ann.row(NAME)).to_contain_text("Active")


@pytest.fixture
def outside() -> Iterator[str]:
    """A definition of a virtual machine that nobody has told libvirt of yet."""
    disk, definition = IMAGES / f"{OUTSIDE}.qcow2", IMAGES / f"{OUTSIDE}.xml"
    assert not run("qemu-img", "create", "-f", "qcow2", str(disk), "1G").code
    definition.write_text(
        f"<domain type='qemu'><name>{OUTSIDE}</name><uuid>{uuid.uuid4()}</uuid><memory unit='MiB'>64</memory>"
        "<vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os><devices><disk type='file' device='disk'>"
        f"<driver name='qemu' type='qcow2'/><source file='{disk}'/><target dev='vda' bus='virtio'/></disk>"
        "</devices></domain>"
    )
    yield str(definition)
    run("virsh", "destroy", OUTSIDE)
    run("virsh", "undefine", OUTSIDE)
    for file in (disk, definition):
        file.unlink()


def test_a_machine_that_virsh_started_turns_up_live(ann: Person, demo: Region, outside: str) -> None:
    ann.open(f"/admin/{demo.name}/sync/instances")
    expect(ann.page.get_by_text("Live", exact=True)).to_be_visible()
    expect(ann.page.get_by_role("row").nth(1)).to_be_visible()
    assert not run("virsh", "create", outside).code
    expect(ann.row(OUTSIDE)).to_contain_text("Adopted")
