"""What a host is told."""

from aloft.controller.network import NetworkTemplate
from aloft.plane.desired import compose
from aloft.plane.records.tables import Host, Region
from aloft.plane.rollout import HostSoftware, Software, stored

SETTINGS = {"edge": {"host": "plane.aloft.internal", "port": 443}, "image_library": {"listen": "/run/library.sock"}}

TEMPLATE = NetworkTemplate()


def _host(**more: object) -> Host:
    granted = {"roles": ["hypervisor"], "settings": SETTINGS, "opened": True}
    host = Host(name="h1", machine_id="other", keep_instances=False, granted=granted, granted_generation=3)
    host.region = Region(node="")
    host.software = stored(HostSoftware(Software("2026.2", {"tool": "a"})))
    for name, value in more.items():
        setattr(host, name, value)
    return host


def test_a_host_is_told_where_else_the_provider_may_be() -> None:
    told = compose(_host(), TEMPLATE, (), "this", [("198.51.100.7", 443)])["settings"]
    assert told["edge"] == {**SETTINGS["edge"], "others": [{"host": "198.51.100.7", "port": 443}]}
    assert compose(_host(), TEMPLATE, (), "this", ())["settings"]["edge"] == SETTINGS["edge"]


def test_a_host_that_has_not_been_granted_anything_is_told_what_to_run_and_nothing_else() -> None:
    told = compose(_host(granted={}, granted_generation=0), TEMPLATE, (), "this", [("198.51.100.7", 443)])
    assert (told["generation"], told["roles"], told["settings"]) == (0, [], {})
    assert (told["release"], told["packages"]) == ("2026.2", {"tool": "a"})


def test_only_the_machine_of_the_controller_keeps_images_where_the_edge_reaches_them() -> None:
    far = compose(_host(), TEMPLATE, (), "this", ())["settings"]["image_library"]["listen"]
    near = compose(_host(machine_id="this"), TEMPLATE, (), "this", ())["settings"]["image_library"]["listen"]
    moved = _host(machine_id="this", region=Region(node="second"))
    left = compose(moved, TEMPLATE, (), "this", ())["settings"]["image_library"]["listen"]
    assert (far, near, left) == (None, "/run/library.sock", None)
