"""The recipe of the stock controller."""

from pathlib import Path

import pytest

from aloft.base.paths import Paths
from aloft.bench.upstream import (
    CONSOLE,
    DAEMONS,
    GUIDE,
    NOT_UPSTREAM,
    SLOT,
    StockContext,
    StockPaths,
    configured,
    migrations,
    stock_files,
)
from aloft.bench.uwsgi import APPLICATIONS
from aloft.controller.context import Secrets, Slot
from aloft.controller.services import ALL
from aloft.controller.services.nova import SERVICE as NOVA
from aloft.controller.spec import ControllerSpec


@pytest.fixture
def context(tmp_path: Path) -> StockContext:
    names = {service.name for service in ALL}
    labels = [endpoint.label for service in ALL for endpoint in service.endpoints]
    ports = {label: 20000 + number for number, label in enumerate((*labels, CONSOLE))}
    environment = tmp_path / "opt/aloft/envs/2026.2/etc/nova"
    environment.mkdir(parents=True)
    (environment / "api-paste.ini").write_text("[composite:osapi_compute]\nuse = call:nova:x\n")
    spec = ControllerSpec(customer="stock", region="stock-1", release="2026.2", domain="example.test")
    slot = Slot(SLOT, StockPaths(tmp_path / "bench", Paths(tmp_path)))
    return StockContext(spec, slot, Secrets.generate(names, names, names), 8443, ports)


def test_numbers_of_workers_are_upstreams_and_the_rest_is_kept() -> None:
    ours = (
        "[DEFAULT]\nrpc_workers = 0\nhost = controller\nformat = %(asctime)s [%(name)s]\n\n[conductor]\nworkers = 1\n"
    )
    text = stock_files({"nova.conf": ours})["nova.conf"]
    assert "workers" not in text
    assert "host = controller" in text
    assert "format = %(asctime)s [%(name)s]" in text


def test_paste_files_are_left_as_they_are() -> None:
    files = {"nova/api-paste.ini": "[app:a]\nworkers = 1\n"}
    assert stock_files(files) == files


def test_every_service_has_its_place_in_the_guides_order() -> None:
    assert sorted((*GUIDE, *NOT_UPSTREAM)) == sorted(service.name for service in ALL)


def test_every_process_of_a_controller_has_its_stock_counterpart() -> None:
    programs = {name for service in DAEMONS.values() for name in service}
    for service in ALL:
        for process in service.processes:
            assert process.name in programs or process.name in APPLICATIONS or process.command


def test_services_find_each_other_on_their_own_ports(context: StockContext) -> None:
    assert context.internal("identity", "/v3") == f"http://127.0.0.1:{context.ports['identity']}/v3"
    assert str(context.slot.paths.database_socket) not in str(context.slot.state)
    assert context.slot.schema("nova") == f"s{SLOT}_nova"


def test_the_console_proxy_gets_a_port_of_its_own(context: StockContext) -> None:
    files = configured(NOVA, context)
    assert f"novncproxy_port = {context.ports[CONSOLE]}" in files["nova/novncproxy.conf"]
    assert "[scheduler]" not in files["nova/nova.conf"] or "workers" not in files["nova/nova.conf"]


def test_novas_schemas_are_made_for_a_real_cell() -> None:
    commands = [" ".join(command) for command in migrations(NOVA)]
    assert [command.partition("nova.conf ")[2] for command in commands] == [
        "api_db sync",
        "cell_v2 map_cell0",
        "cell_v2 create_cell --name=cell1",
        "db sync",
    ]


def test_only_upstreams_own_commands_are_run() -> None:
    for service in ALL:
        assert all(command[0] != "python" for command in migrations(service))
