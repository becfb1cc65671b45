"""What a provider sees of a running Aloft: status, logs, doctor, metrics."""

import os
import subprocess

from aloft.controller.services import ALL

from ..running import ALOFT, aloft, eventually, https, node, told

SERVICES = {process.name for service in ALL for process in service.processes}
"""Every process of a controller that has Keystone."""


def test_status_tells_the_health_of_every_component(demo):
    status = told("status")
    assert status["healthy"]
    assert status["node"]["state"] == "up"
    shared = {one["name"]: one["state"] for one in status["shared"]}
    assert {"mariadb", "rabbitmq", "edge", "plane"} <= shared.keys()
    region = next(one for one in status["regions"] if one["customer"] == "demo")
    assert {one["name"] for one in region["components"]} == SERVICES
    assert {one["state"] for one in region["components"]} == {"ready"}
    host = next(one for one in status["hosts"] if one["customer"] == "demo")
    assert host["state"] == "ok"
    printed = aloft("status")
    assert printed.code == 0
    assert "demo/demo-1" in printed.out


def test_logs_end_with_what_the_service_wrote_last(demo):
    token = demo.token()
    request = demo.get("compute", "/servers/00000000-0000-0000-0000-000000000000", token)
    assert request.status_code == 404
    said = aloft("logs", "demo", "nova-api", "--lines", "5")
    assert said.code == 0
    assert 0 < len(said.out.splitlines()) <= 5
    whole = (demo.slot.log / "nova-api.log").read_text().splitlines()
    assert said.out.splitlines()[0] in whole


def test_logs_can_be_followed(demo):
    name = "followed-by-a-journey"
    user = {"name": name, "domain": {"name": "Default"}, "password": "wrong"}
    login = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
    command = [ALOFT, "logs", "demo", "keystone", "--lines", "0", "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as process:
        os.set_blocking(process.stdout.fileno(), False)
        seen = []

        def look():
            refused = https("POST", f"{demo.endpoint('identity')}/auth/tokens", json=login)
            assert refused.status_code == 401
            seen.append(process.stdout.read() or b"")
            return name.encode() in b"".join(seen)

        try:
            assert eventually(look, what="the refusal shows in Keystone's log")
        finally:
            process.terminate()


def test_logs_of_what_customers_share_are_there_too():
    for process in ("mariadb", "rabbitmq", "plane"):
        said = aloft("logs", process, "-n", "3")
        assert said.code == 0, said
        assert len(said.out.splitlines()) <= 3


def test_doctor_finds_a_healthy_machine_healthy():
    said = eventually(lambda: (said := aloft("doctor", "--json")).code == 0 and said, what="the machine is healthy")
    assert said.json["healthy"]
    checks = {one["check"]: one["level"] for one in said.json["findings"]}
    assert {"plane", "certificate", "node's processes"} <= checks.keys()
    assert "lack" not in checks.values()


def test_metrics_tell_of_every_process(demo):
    text = node("/metrics").text
    for service in SERVICES:
        assert f'aloft_process_up{{name="slots/{demo.slot.number}/{service}"}} 1.0' in text
    for name in ("mariadb", "rabbitmq", "edge", "plane"):
        assert f'aloft_process_up{{name="{name}"}} 1.0' in text
    assert "aloft_process_restarts_total" in text


def test_the_planes_api_describes_itself(demo):
    url = f"https://plane.{demo.credentials['auth_url'].split('/')[2].partition('.demo.')[2]}"
    description = https("GET", f"{url}/v1/openapi.json").json()
    assert "/v1/customers" in description["paths"]
    assert https("GET", f"{url}/v1/health").json()["status"] == "ok"
    assert https("GET", f"{url}/v1/customers").status_code == 401


def test_completion_is_there_for_the_shell():
    said = aloft(_ALOFT_COMPLETE="complete_bash", COMP_WORDS="aloft cus", COMP_CWORD="1")
    assert "customer" in said.out
