"""The portal in a browser, over the demo customer's real OpenStack."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from aloft.install.demo import IMAGE

from ..running import PATHS, Region, eventually, run
from .browser import Person

NAME = "from-the-portal"


@pytest.fixture
def ann(browser: Browser, demo: Region, request: pytest.FixtureRequest) -> Iterator[Person]:
    """The demo customer's administrator, before logging in; the browser must have had nothing to complain of.

    What the last page looked like is kept beside the logs.
    """
    person = Person.at(browser, demo.customer)
    yield person
    person.picture(PATHS.log / f"{request.node.name}.png")
    person.leave()
    assert not person.complaints


@dataclass
class Member:
    """An ordinary user; the name is the password, too."""

    user: Any
    role: Any
    projects: list[Any]


@pytest.fixture
def member(cloud: Any) -> Iterator[Member]:
    """A member of two projects, in each of which a security group is named as the project is."""
    identity, network = cloud.identity, cloud.network
    name = "two-windows"
    role = identity.find_role("member")
    projects = [identity.create_project(name=f"{name}-{number}", domain_id="default") for number in (1, 2)]
    user = identity.create_user(name=name, password=name, domain_id="default", default_project_id=projects[0].id)
    for project in projects:
        identity.assign_project_role_to_user(project, user, role)
        network.create_security_group(name=project.name, project_id=project.id)
    yield Member(user, role, projects)
    identity.delete_user(user)
    for project in projects:
        for group in network.security_groups(project_id=project.id):
            network.delete_security_group(group)
        identity.delete_project(project)


@pytest.fixture
def no_instance(cloud: Any) -> Iterator[None]:
    """See to it that the instance that a test makes is gone afterwards."""
    yield
    for server in cloud.compute.servers(name=f"^{NAME}$"):
        cloud.compute.delete_server(server)
        cloud.compute.wait_for_delete(server, wait=120)


def project_path(cloud: Any, demo: Region, rest: str) -> str:
    return f"/project/{cloud.current_project_id}/{demo.name}/{rest}"


def test_a_deep_link_survives_the_login(ann: Person, cloud: Any, demo: Region) -> None:
    path = project_path(cloud, demo, "instances")
    ann.open(path)
    ann.log_in()
    expect(ann.row("hello")).to_contain_text("Active")
    assert ann.page.url == ann.origin + path
    cookie = next(one for one in ann.page.context.cookies() if one["name"] == "__Host-aloft")
    assert cookie["httpOnly"]
    assert ann.page.evaluate("document.cookie") == ""
    stored = ann.page.evaluate("JSON.stringify([localStorage, sessionStorage])")
    assert "gAAAA" not in stored, "Fernet tokens begin so"


def test_an_instance_from_its_creation_to_its_end(ann: Person, cloud: Any, demo: Region, no_instance: None) -> None:
    ann.open(project_path(cloud, demo, "instances/create"))
    ann.log_in()
    page = ann.page
    page.locator("input#name").fill(NAME)
    ann.choose("Image", IMAGE)
    ann.choose("Flavor", "m1.nano")
    ann.choose("Networks", demo.customer)
    page.get_by_role("button", name="Create instance").click()
    expect(page.get_by_role("heading", name=NAME)).to_be_visible()
    expect(page.get_by_text("Active", exact=True).first).to_be_visible()

    page.get_by_role("tab", name="Console").click()
    expect(page.locator('.al-screen[data-state="connected"]')).to_be_visible()
    eventually(lambda: ann.colours() > 1, what="the screen shows something")

    paused = run("openstack", "--os-cloud", demo.customer, "server", "pause", NAME)
    assert paused.code == 0, paused
    expect(page.get_by_text("Paused", exact=True).first).to_be_visible()

    page.get_by_role("button", name="Lifecycle").click()
    page.get_by_role("menuitem", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page).to_have_url(re.compile("/instances$"))
    expect(ann.row("hello")).to_be_visible()
    expect(ann.row(NAME)).to_have_count(0)


def test_a_quota_is_told_before_anything_is_sent(ann: Person, cloud: Any, demo: Region) -> None:
    ann.open(project_path(cloud, demo, "instances/create"))
    ann.log_in()
    ann.choose("Flavor", "m1.nano")
    ann.page.get_by_label("Number of instances").fill("900")
    expect(ann.page.get_by_text(re.compile("quota does not leave room for this"))).to_be_visible()


def test_a_session_that_ends_elsewhere_is_told_at_once(ann: Person, cloud: Any, demo: Region) -> None:
    path = project_path(cloud, demo, "instances")
    ann.open(path)
    ann.log_in()
    expect(ann.page.get_by_text("Live", exact=True)).to_be_visible()
    csrf = ann.page.request.get(f"{ann.origin}/session").json()["csrf"]
    left = ann.page.request.delete(f"{ann.origin}/session", headers={"X-Aloft-CSRF": csrf})
    assert left.status == 204, left.text()
    expect(ann.page.get_by_text("Your session has ended")).to_be_visible()
    ann.log_in()
    expect(ann.row("hello")).to_be_visible()
    assert ann.page.url == ann.origin + path


def make_group(person: Person, name: str) -> None:
    """Make a security group on the page of them."""
    person.page.get_by_role("button", name="Create security group", exact=True).click()
    person.fill({"Name": name}, "Create")


def test_windows_in_two_projects_stay_there(browser: Browser, cloud: Any, demo: Region, member: Member) -> None:
    first = Person.at(browser, demo.customer)
    second = Person(first.page.context.new_page(), first.origin)
    windows = list(zip((first, second), member.projects, strict=True))
    paths = [f"/project/{project.id}/{demo.name}/security-groups" for project in member.projects]
    first.open(paths[0])
    first.log_in_as(member.user.name, member.user.name)
    expect(first.row(member.projects[0].name)).to_be_visible()
    second.open(paths[1])
    expect(second.row(member.projects[1].name)).to_be_visible()
    for window, project in windows:
        make_group(window, f"of-{project.name}")
        expect(window.row(f"of-{project.name}")).to_be_visible()
        expect(window.page.get_by_text("Live", exact=True)).to_be_visible()
    for project in member.projects:
        made = cloud.network.create_security_group(name=f"live-{project.name}", project_id=project.id)
        assert made.project_id == project.id
    for window, project in windows:
        expect(window.row(f"live-{project.name}")).to_be_visible()
        groups = [group.name for group in cloud.network.security_groups(project_id=project.id)]
        assert sorted(groups) == sorted(["default", *(f"{kind}{project.name}" for kind in ("", "of-", "live-"))])
        expect(window.page.locator("tbody tr:not(.al-spacer)")).to_have_count(len(groups))

    cloud.identity.unassign_project_role_from_user(member.projects[1], member.user, member.role)
    expect(second.page.get_by_text("You are not a member of this project")).to_be_visible()
    make_group(first, "after")
    expect(first.row("after")).to_be_visible()
    first.leave()
