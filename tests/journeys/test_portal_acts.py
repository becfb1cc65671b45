"""What a person does in the portal with the mouse, over the demo customer's real OpenStack: logged in once for all."""

import base64
import os
import re
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from playwright.sync_api import Browser, Route, expect

from aloft.install.demo import IMAGE

from ..running import PATHS, Region, eventually, run, told
from .browser import Person
from .machine import pids

NAME = "portal-acts"
RENAMED = "portal-acted"
OUTSIDE = "portal-outside"
NETWORK, ROUTER, PICTURE, SNAPSHOT = "portal-net", "portal-router", "portal-image", "portal-snapshot"
COPY, ADDRESS = "portal-copy", "portal-address"
KEY = "portal-key"
USER_DATA = '#!/bin/sh\necho "it\'s $HOME"\n'
IMAGES = Path("/var/lib/libvirt/images")
RESIZE_MS = 180_000
"""Nova stops the guest, copies its disk and starts it again, both ways."""


UNREACHABLE = {
    "error": {"code": "region_unreachable", "message": "Compute does not answer.", "remedy": "Try again in a moment."}
}
"""What the portal's back end says of an API that is silent (its own tests make one silent)."""

SILENT = "Nothing was heard of it for 5 minutes."


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
def machine(inside: Person, cloud: Any, demo: Region, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An instance to act upon, made by the command line that the portal shows for what was filled in."""
    inside.open(f"{inside.project}instances/create")
    inside.page.locator("input#name").fill(NAME)
    inside.choose("Image", IMAGE)
    inside.choose("Flavor", "m1.nano")
    inside.choose("Networks", demo.customer)
    inside.choose("Security groups", "default")
    inside.page.locator("#user-data").fill(USER_DATA)
    command = inside.page.get_by_role("region", name="As code").locator("pre").inner_text()
    folder = tmp_path_factory.mktemp("as-code")
    told = run("sh", "-c", f"cd {folder}\n{command} -f json", OS_CLOUD=demo.customer)
    assert told.code == 0, (command, told)
    made = cloud.compute.get_server(told.json["id"])
    yield cloud.compute.wait_for_server(made, wait=180)
    cloud.compute.delete_server(made.id, ignore_missing=True)
    cloud.compute.wait_for_delete(made, wait=120)


@pytest.fixture
def clean(cloud: Any) -> Iterator[None]:
    """See to it that what a test makes is gone afterwards."""
    yield
    router = cloud.network.find_router(ROUTER)
    if router is not None:
        for port in cloud.network.ports(device_id=router.id, device_owner="network:router_interface"):
            cloud.network.remove_interface_from_router(router, port_id=port.id)
        cloud.network.delete_router(router)
    for network in cloud.network.networks(name=NETWORK):
        cloud.network.delete_network(network)
    cloud.compute.delete_keypair(KEY, ignore_missing=True)
    for ip in cloud.network.ips(description=ADDRESS):
        cloud.network.delete_ip(ip)
    for server in cloud.compute.servers(name=f"^{COPY}$"):
        cloud.compute.delete_server(server)
        cloud.compute.wait_for_delete(server, wait=120)
    for name in (PICTURE, SNAPSHOT):
        for image in cloud.image.images(name=name):
            cloud.image.delete_image(image)


POWER = [
    ("Pause", "Paused"),
    ("Unpause", "Active"),
    ("Suspend", "Suspended"),
    ("Resume", "Active"),
    ("Shut down", "Stopped"),
    ("Start", "Active"),
    ("Hard reboot", "Active"),
]


def test_every_power_action_shows_what_came_of_it(ann: Person, machine: Any) -> None:
    ann.open(f"{ann.project}instances/{machine.id}")
    page = ann.page
    heading = page.locator(".al-heading")
    expect(page.get_by_role("heading", name=NAME)).to_be_visible()
    for action, outcome in POWER:
        ann.act("Power", action)
        expect(heading.get_by_text(outcome, exact=True)).to_be_visible()
    ann.act("Settings", "Lock")
    expect(heading.get_by_text("Locked", exact=True)).to_be_visible()
    ann.act("Settings", "Unlock")
    expect(heading.get_by_text("Locked", exact=True)).to_have_count(0)
    page.get_by_role("tab", name="Activity").click()
    expect(page.get_by_role("cell", name="Suspend", exact=True)).to_be_visible()


def test_a_shelved_instance_comes_back(ann: Person, machine: Any) -> None:
    ann.open(f"{ann.project}instances/{machine.id}")
    heading = ann.page.locator(".al-heading")
    assert not run("virsh", "destroy", machine.instance_name).code
    expect(heading.get_by_text("Stopped", exact=True)).to_be_visible()
    for action, outcome in (("Shelve", "Shelved"), ("Unshelve", "Active")):
        ann.act("Lifecycle", action)
        expect(heading.get_by_text(outcome, exact=True)).to_be_visible(timeout=RESIZE_MS)


def test_what_is_shown_as_code_is_what_was_filled_in(machine: Any, cloud: Any, demo: Region) -> None:
    assert (machine.name, machine.flavor.name) == (NAME, "m1.nano")
    assert base64.b64decode(machine.user_data).decode() == USER_DATA
    assert list(machine.addresses) == [demo.customer]
    assert machine.image.id == cloud.image.find_image(IMAGE).id


def test_a_key_pair_is_made_and_its_private_half_downloaded(clean: None, ann: Person, cloud: Any) -> None:
    page = ann.page
    ann.open(f"{ann.project}keypairs")
    page.get_by_role("button", name="Create key pair").first.click()
    with page.expect_download() as downloaded:
        ann.fill({"Name": KEY}, "Create")
    expect(page.get_by_role("row").filter(has_text=KEY)).to_be_visible()
    private = serialization.load_pem_private_key(downloaded.value.path().read_bytes(), None)
    public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    assert cloud.compute.find_keypair(KEY).public_key.split()[1] == public.split()[1].decode()


def test_a_region_without_block_storage_says_so_instead_of_failing(ann: Person) -> None:
    page = ann.page
    ann.open(f"{ann.project}volumes")
    expect(page.get_by_text("This region has no block storage", exact=False).first).to_be_visible()
    expect(page.get_by_role("button", name="Create volume")).to_have_count(0)
    ann.open(f"{ann.project}instances/create")
    expect(page.get_by_label("Put the root disk on a new volume")).to_be_disabled()


def test_settings_and_snapshots_of_an_instance(clean: None, ann: Person, machine: Any) -> None:
    ann.open(f"{ann.project}instances/{machine.id}")
    page = ann.page
    ann.act("Settings", "Rename", {"New name": RENAMED})
    expect(page.get_by_role("heading", name=RENAMED)).to_be_visible()
    ann.act("Settings", "Rename", {"New name": NAME})
    ann.act("Lifecycle", "Take snapshot", {"Name of the snapshot": SNAPSHOT})
    page.get_by_role("tab", name="Snapshots").click()
    expect(page.get_by_role("row").filter(has_text=SNAPSHOT)).to_contain_text("Active")
    expect(page.locator(".al-heading").get_by_text("Active", exact=True)).to_be_visible()


def test_a_snapshot_becomes_an_image_and_that_a_new_instance(
    clean: None, ann: Person, machine: Any, cloud: Any, demo: Region
) -> None:
    ann.open(f"{ann.project}instances/{machine.id}")
    page = ann.page
    ann.act("Lifecycle", "Take snapshot", {"Name of the snapshot": SNAPSHOT})
    ann.open(f"{ann.project}images")
    expect(page.get_by_role("row").filter(has_text=SNAPSHOT)).to_contain_text("Active")
    ann.open(f"{ann.project}instances/create")
    page.locator("input#name").fill(COPY)
    ann.choose("Image", SNAPSHOT)
    ann.choose("Flavor", "m1.nano")
    ann.choose("Networks", demo.customer)
    page.get_by_role("button", name="Create instance").click()
    expect(page.get_by_role("heading", name=COPY)).to_be_visible()
    expect(page.locator(".al-heading").get_by_text("Active", exact=True)).to_be_visible()
    made = cloud.compute.get_server(cloud.compute.find_server(COPY).id)
    assert cloud.image.get_image(made.image.id).name == SNAPSHOT


def test_a_floating_ip_comes_leads_to_an_instance_and_goes(clean: None, ann: Person, machine: Any, cloud: Any) -> None:
    page = ann.page
    ann.open(f"{ann.project}floating-ips")
    page.get_by_role("button", name="Allocate floating IP").first.click()
    ann.fill({"Description": ADDRESS}, "Allocate floating IP")
    ip = eventually(lambda: next(cloud.network.ips(description=ADDRESS), None), what="there is an address")
    address = ip.floating_ip_address
    row = page.get_by_role("row").filter(has_text=address)

    def act(action: str) -> None:
        page.get_by_role("button", name=f"Actions on {address}").click()
        page.get_by_role("menuitem", name=action, exact=True).click()

    act("Associate")
    port = next(cloud.network.ports(device_id=machine.id))
    page.get_by_role("dialog").get_by_label("Instance and address").select_option(port.id)
    ann.fill({}, "Associate")
    expect(row.get_by_role("link", name=NAME)).to_be_visible()
    assert cloud.network.get_ip(ip).port_id == port.id
    act("Disassociate")
    ann.fill({}, "Disassociate")
    expect(row.get_by_role("link", name=NAME)).to_have_count(0)
    act("Release")
    ann.fill({}, "Release")
    expect(row).to_have_count(0)
    assert not list(cloud.network.ips(description=ADDRESS))


def test_a_resize_is_tried_and_taken_back(ann: Person, machine: Any, cloud: Any) -> None:
    ann.open(f"{ann.project}instances/{machine.id}")
    heading = ann.page.locator(".al-heading")
    ann.choose_action("Settings", "Resize")
    expect(ann.page.get_by_role("dialog")).to_contain_text("The instance restarts")
    ann.page.get_by_label("New flavor").select_option(cloud.compute.find_flavor("m1.micro").id)
    ann.fill({}, "Resize")
    expect(heading.get_by_role("button", name="Confirm resize")).to_be_visible(timeout=RESIZE_MS)
    heading.get_by_role("button", name="Revert resize").click()
    ann.fill({}, "Revert resize")
    expect(heading.get_by_text("Active", exact=True)).to_be_visible(timeout=RESIZE_MS)


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


def test_a_network_and_a_router_by_hand(clean: None, ann: Person) -> None:
    page = ann.page
    ann.open(f"{ann.project}networks")
    page.get_by_role("button", name="Create network").first.click()
    ann.fill({"Name": NETWORK, "Addresses (CIDR)": "10.77.0.0/24"}, "Create")
    expect(ann.row(NETWORK)).to_contain_text("10.77.0.0/24")
    ann.open(f"{ann.project}routers")
    page.get_by_role("button", name="Create router").first.click()
    ann.fill({"Name": ROUTER}, "Create")
    page.get_by_role("button", name=f"Actions on {ROUTER}").click()
    page.get_by_role("menuitem", name="Add interface").click()
    page.get_by_role("dialog").get_by_label("Subnet").select_option(label=f"{NETWORK} · 10.77.0.0/24")
    ann.fill({}, "Add")
    ann.row(ROUTER).get_by_role("link").click()
    expect(page.get_by_role("cell", name="10.77.0.1")).to_be_visible()
    ann.open(f"{ann.project}topology")
    for name in (NETWORK, ROUTER):
        expect(page.locator(".al-topology").get_by_text(name, exact=True)).to_be_visible()


def test_an_image_is_uploaded_with_progress(clean: None, ann: Person, tmp_path: Path) -> None:
    file = tmp_path / "disk.img"
    file.write_bytes(b"\0" * (24 << 20))
    page = ann.page
    ann.open(f"{ann.project}images")
    page.get_by_role("button", name="Upload image").first.click()
    dialog = page.get_by_role("dialog")
    dialog.locator("input[type=file]").set_input_files(file)
    dialog.get_by_label("Name").fill(PICTURE)
    dialog.get_by_role("button", name="Upload").click()
    expect(dialog.get_by_text(re.compile(r"\d+ % uploaded"))).to_be_visible()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("row").filter(has_text=PICTURE)).to_contain_text("Active")
    expect(page.get_by_role("row").filter(has_text=PICTURE)).to_contain_text("24 MiB")


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
    expect(ann.row(OUTSIDE).filter(has_text="Adopted")).to_be_visible()


PAGES = (
    *("", "activity", "instances", "instances/create", "images", "keypairs", "volumes", "snapshots"),
    *("topology", "networks", "routers", "floating-ips", "security-groups"),
)
TABS = ("", "/log", "/disks", "/nics", "/snapshots", "/metadata", "/activity")
ADMINISTRATION = (
    *("hosts", "network-template", "aggregates", "zones", "flavors", "regions", "backups", "settings", "projects"),
    *("users", "quotas", "operations", "audit"),
    *(f"sync/{tab}" for tab in ("instances", "diff", "trail", "rules", "exclusions", "hosts", "rebuilt", "settings")),
)


@pytest.fixture
def places(inside: Person, demo: Region, cloud: Any, machine: Any) -> list[str]:
    """The paths of all pages of a customer's administrator."""
    host = told("host", "list", demo.customer)[0]["name"]
    operation = told("operation", "list", "--customer", demo.customer, "--limit", "1")[0]["id"]
    network = cloud.network.find_network(demo.customer).id
    router = next(cloud.network.routers()).id
    group = next(cloud.network.security_groups(project_id=cloud.current_project_id)).id
    things = (f"networks/{network}", f"routers/{router}", f"security-groups/{group}")
    return [
        *(inside.project + part for part in (*PAGES, *things, *(f"instances/{machine.id}{tab}" for tab in TABS))),
        *(f"/admin/{demo.name}/{part}" for part in (*ADMINISTRATION, f"hosts/{host}", f"operations/{operation}")),
    ]


def test_no_page_has_a_serious_violation_of_accessibility(ann: Person, places: list[str]) -> None:
    assert not ann.violations(places)


def test_nor_has_what_opens_over_pages_the_console_or_the_login(
    ann: Person, browser: Browser, demo: Region, machine: Any
) -> None:
    page = ann.page
    dialog = page.get_by_role("dialog")
    found = {}
    ann.open(f"{ann.project}instances/{machine.id}")
    for menu, action in (("Settings", "Resize"), ("Settings", "Rename"), ("Lifecycle", "Delete")):
        ann.choose_action(menu, action)
        expect(dialog).to_be_visible()
        found |= ann.violations_here(action)
        dialog.get_by_role("button", name="Cancel").click()
        expect(dialog).to_have_count(0)
    page.keyboard.press("/")
    page.get_by_role("combobox", name="Search").fill("hello")
    expect(page.get_by_role("option").first).to_be_visible()
    found |= ann.violations_here("search")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Tasks", exact=True).click()
    page.get_by_role("button", name="Notifications", exact=True).click()
    found |= ann.violations_here("tasks and notifications")
    page.get_by_role("button", name="Tasks", exact=True).click()
    ann.open(f"/console{ann.project.removeprefix('/project')}{machine.id}")
    expect(page.locator('.al-screen[data-state="connected"]')).to_be_visible()
    found |= ann.violations_here("console")
    stranger = Person.at(browser, demo.customer)
    found |= stranger.violations(["/"])
    stranger.leave()
    assert not found


PROVIDING = (
    *(
        "",
        "/customers",
        "/customers/demo",
        "/customers/demo/hosts",
        "/customers/demo/settings",
        "/customers/demo/upgrade",
    ),
    *(
        "/controllers",
        "/hosts",
        "/nodes",
        "/releases",
        "/upgrades",
        "/backups",
        "/repositories",
        "/operations",
        "/logs",
    ),
    *("/audit", "/accounts"),
)


def test_no_page_of_the_provider_has_one_either(browser: Browser, demo: Region) -> None:
    person = Person.at(browser)
    person.open("/provider")
    person.log_in_as_provider()
    expect(person.page.get_by_text("Live", exact=True)).to_be_visible()
    host = told("host", "list", demo.customer)[0]["name"]
    operation = told("operation", "list", "--limit", "1")[0]["id"]
    paths = [*PROVIDING, f"/hosts/{demo.customer}/{demo.name}/{host}", f"/operations/{operation}"]
    assert not person.violations([f"/provider{path}" for path in paths])
    person.leave()
    assert not person.complaints


def test_all_is_reached_with_the_keyboard_alone(browser: Browser, demo: Region, cloud: Any, machine: Any) -> None:
    def reboots() -> int:
        return sum(one.action == "reboot" for one in cloud.compute.server_actions(machine.id))

    ann = Person.at(browser, demo.customer)
    page, press = ann.page, ann.page.keyboard.press
    before = reboots()
    ann.open("/")
    expect(page.get_by_label("User name")).to_be_focused()
    user, password = Person.administrator()
    page.keyboard.type(user)
    press("Tab")
    page.keyboard.type(password)
    press("Enter")

    ann.tab_to(page.get_by_role("link", name="Instances", exact=True))
    press("Enter")
    ann.tab_to(page.get_by_role("textbox", name="Filter"))
    page.keyboard.type(NAME)
    expect(page.get_by_role("status").filter(has_text="1 of")).to_be_visible()
    ann.tab_to(page.get_by_role("link", name=NAME, exact=True))
    press("Enter")
    expect(page.get_by_role("heading", name=NAME)).to_be_visible()
    expect(page.get_by_role("main")).to_be_focused()  # not at the beginning of everything

    power = page.locator(".al-heading").get_by_role("button", name="Power", exact=True)
    dialog = page.get_by_role("dialog")
    ann.tab_to(power)
    press("Enter")
    press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)
    expect(power).to_be_focused()
    ann.choose_by_keys("Hard reboot")
    for _ in range(6):  # more often than there are things in it
        press("Tab")
        expect(dialog.locator(":focus")).to_have_count(1)
    press("Escape")
    expect(dialog).to_have_count(0)
    expect(power).to_be_focused()
    assert reboots() == before
    ann.choose_by_keys("Hard reboot")
    ann.tab_to(dialog.get_by_role("button", name="Hard reboot", exact=True))
    press("Enter")
    expect(dialog).to_have_count(0)
    expect(power).to_be_focused()
    eventually(lambda: reboots() == before + 1, what="Nova was asked for it")

    press("/")
    expect(page.get_by_role("combobox", name="Search")).to_be_focused()
    press("Escape")
    expect(dialog).to_have_count(0)
    expect(power).to_be_focused()
    press("/")
    expect(page.get_by_role("combobox", name="Search")).to_be_focused()
    page.keyboard.type("hello")
    expect(page.get_by_role("option").first).to_contain_text("hello")
    press("Enter")
    expect(page.get_by_role("heading", name="hello")).to_be_visible()
    expect(page.get_by_role("main")).to_be_focused()
    ann.leave()
    assert not ann.complaints


def test_a_telephone_shows_power_and_console(ann: Person, machine: Any, places: list[str]) -> None:
    page = ann.page
    page.set_viewport_size({"width": 360, "height": 760})
    for path in places:
        ann.open(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator("main [aria-busy=true]")).to_have_count(0)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    ann.open(f"{ann.project}instances/{machine.id}")
    ann.act("Power", "Pause")
    expect(page.locator(".al-heading").get_by_text("Paused", exact=True)).to_be_visible()
    ann.act("Power", "Unpause")
    page.get_by_role("tab", name="Console").click()
    expect(page.locator('.al-screen[data-state="connected"]')).to_be_visible()
    eventually(lambda: ann.colours() > 1, what="the screen shows something")


def test_a_console_that_is_cut_off_is_there_again_by_itself(ann: Person, machine: Any, demo: Region) -> None:
    page = ann.page
    ann.open(f"{ann.project}instances/{machine.id}/console")
    screen = page.locator(".al-screen")
    expect(screen).to_have_attribute("data-state", "connected")
    os.kill(pids()[f"slots/{demo.slot.number}/nova-api"], signal.SIGKILL)
    expect(page.get_by_text("It is tried again by itself.")).to_be_visible()
    expect(screen).to_have_attribute("data-state", "connected", timeout=60_000)


def test_a_region_that_is_down_is_told_while_the_rest_goes_on(ann: Person, demo: Region) -> None:
    page = ann.page
    ann.open(f"{ann.project}networks")
    expect(ann.row(demo.customer)).to_be_visible()
    page.route("**/os/*/compute/**", lambda route: route.fulfill(status=503, json=UNREACHABLE))
    ann.open(f"{ann.project}instances")
    expect(page.get_by_text(UNREACHABLE["error"]["message"]).first).to_be_visible()
    page.get_by_role("link", name="Networks", exact=True).click()
    expect(ann.row(demo.customer)).to_be_visible()
    page.unroute("**/os/*/compute/**")
    page.get_by_role("link", name="Instances", exact=True).click()
    expect(ann.row("hello")).to_be_visible()


def test_a_silent_host_is_told_while_the_rest_goes_on(ann: Person, demo: Region) -> None:
    page = ann.page

    def silent(route: Route) -> None:
        told = route.fetch().json()
        told["items"] = [{**one, "state": "unknown", "reason": SILENT} for one in told["items"]]
        route.fulfill(json=told)

    page.route("**/api/v1/hosts", silent)
    ann.open(f"/admin/{demo.name}/hosts")
    host = page.get_by_role("row").nth(1)
    expect(host).to_contain_text("Unknown")
    expect(host).to_contain_text(SILENT)
    page.get_by_role("link", name="Instances", exact=True).click()
    expect(ann.row("hello")).to_contain_text("Active")
    page.unroute("**/api/v1/hosts")


def test_a_deletion_says_what_goes_before_it_does_it(ann: Person, machine: Any) -> None:
    page = ann.page
    ann.open(f"{ann.project}instances/{machine.id}")
    ann.choose_action("Lifecycle", "Delete")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This cannot be taken back")
    expect(dialog).to_contain_text(re.compile(r"Its disk .*\(1 GiB\) on the host is deleted"))
    expect(dialog).to_contain_text(re.compile(r"Its addresses are given back: \d+\.\d+"))
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name=NAME)).to_be_visible()
    ann.act("Lifecycle", "Delete")
    expect(page).to_have_url(re.compile("/instances$"))
    expect(ann.row("hello")).to_be_visible()
    expect(ann.row(NAME)).to_have_count(0)
