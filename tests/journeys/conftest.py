"""The demo customer of the running Aloft, as `aloft up` leaves it."""

import warnings
from collections.abc import Callable, Generator, Iterator
from typing import Any

import openstack
import pytest
from playwright.sync_api import Browser

from ..running import PATHS, Region, alone, eventually, forget, ping, skip_without_aloft, told
from .browser import chromium, shown


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Openstacksdk warns of what it does itself; that is no fault of a journey."""
    for item in items:
        for kind in ("_RemovedInSDKWarning", "OpenStackDeprecationWarning"):
            item.add_marker(pytest.mark.filterwarnings(f"ignore::openstack.warnings.{kind}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """A failure at the portal tells what its windows showed."""
    report = yield
    if report.failed and (windows := shown()):
        report.sections.append(("What the windows showed", windows))
    return report


@pytest.fixture(scope="session", autouse=True)
def installed() -> Iterator[None]:
    """Every journey needs an Aloft on this machine, to itself."""
    skip_without_aloft()
    with alone():
        yield


@pytest.fixture(scope="session")
def demo(installed: None) -> Iterator[Region]:
    """The demo customer's region, which is not backed up by itself meanwhile: a proof of that starts processes."""
    told("backup", "policy", "demo", "--off")
    yield Region("demo", "demo-1")
    told("backup", "policy", "demo", "--on")


@pytest.fixture(scope="session")
def cloud(demo: Region) -> Iterator[Any]:
    """The demo customer's OpenStack, as its administrator uses it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openstacksdk warns of what it does itself
        connection = openstack.connect(cloud=demo.customer)
    with connection:
        yield connection


@pytest.fixture(scope="module")
def browser(demo: Region) -> Iterator[Browser]:
    """The browser of the people at the portal."""
    if not (PATHS.opt / "portal/current").exists():
        pytest.skip("the portal's pages were not built here")
    with chromium() as made:
        yield made


@pytest.fixture(scope="session")
def address(cloud: Any) -> str:
    """The floating IP of the instance `hello`, which answers."""
    server = cloud.compute.find_server("hello", ignore_missing=False)
    port = next(cloud.network.ports(device_id=server.id))
    found = str(next(cloud.network.ips(port_id=port.id)).floating_ip_address)
    eventually(lambda: ping(found), what=f"hello answers on {found}")
    return found


@pytest.fixture
def customer() -> Iterator[Callable[..., Region]]:
    """Make customers that are deleted after the test."""
    made: list[str] = []

    def make(name: str, *options: str) -> Region:
        forget(name)
        made.append(name)
        done = told("customer", "create", name, *options)
        assert done["state"] == "succeeded", done
        return Region(name, told("customer", "show", name)["regions"][0]["name"])

    yield make
    forget(*made)
