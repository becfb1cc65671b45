import json

import pytest

from aloft.controller import processes
from aloft.controller.check import calls
from aloft.controller.services import ALL, enabled, optional_names, switches
from aloft.controller.services import keystone as keystone_service
from aloft.controller.slots import user_names


def test_every_process_waits_only_for_processes_that_exist(make_context):
    context = make_context()
    specs = processes.processes(context, enabled(context.spec))
    own = {spec.name for spec in specs}
    for spec in specs:
        outside = set(spec.after) - own
        assert all(name in processes.SHARED or name.startswith("zygotes/2026.2/") for name in outside)


def test_every_process_belongs_to_the_slots_user_and_writes_below_its_folders(make_context):
    context = make_context(slot=7)
    for spec in processes.processes(context, enabled(context.spec)):
        assert (spec.user, spec.group, spec.groups) == (200_007, 200_007, ())
        assert spec.umask & 0o007 == 0o007
        assert spec.log.is_relative_to(context.slot.log)
        assert all(
            folder.is_relative_to(context.slot.state) or folder.is_relative_to(context.slot.run)
            for folder in spec.clear
        )
        assert spec.cgroup == "slots/7"


def test_no_secret_stands_in_a_command_line_or_an_environment(make_context):
    context = make_context()
    held = {
        *context.secrets.database.values(),
        *context.secrets.broker.values(),
        *context.secrets.keystone.values(),
        context.secrets.admin,
        context.secrets.metadata,
    }
    for spec in processes.processes(context, enabled(context.spec)):
        told = json.dumps([spec.command, spec.arguments, spec.env])
        assert not any(secret in told for secret in held)


def test_two_slots_share_no_name(make_context):
    one, other = make_context(slot=1), make_context(slot=11, customer="other")
    first = processes.processes(one, enabled(one.spec))
    second = processes.processes(other, enabled(other.spec))
    assert not {spec.name for spec in first} & {spec.name for spec in second}
    users = {user for user, _ in user_names(one.slot).values()} & {user for user, _ in user_names(other.slot).values()}
    assert not users
    names = {name.name for name in processes.names(one, enabled(one.spec)).names}
    assert not names & {name.name for name in processes.names(other, enabled(other.spec)).names}


def test_a_service_that_is_off_leaves_nothing(make_context):
    context = make_context(services={"cinder": False})
    services = enabled(context.spec)
    assert not [spec for spec in processes.processes(context, services) if "cinder" in spec.name]
    assert "block-storage" not in processes.endpoints(context, services)
    assert "cinder" not in keystone_service.seed(context, services, (context,))


def test_only_the_identity_region_runs_keystone(make_context):
    further = make_context(region="dc2", identity=False, identity_region="dc1")
    assert "keystone" not in {service.name for service in enabled(further.spec)}
    assert further.host("identity") == make_context().host("identity")


def test_the_catalog_has_every_region_with_both_interfaces(make_context):
    first, second = make_context(), make_context(slot=4, region="dc2", identity=False, identity_region="dc1")
    seed = json.loads(keystone_service.seed(first, enabled(first.spec), (first, second)))
    entries = {(entry["service_type"], entry["region"], entry["interface"]) for entry in seed["endpoints"]}
    types = {endpoint.type for service in enabled(first.spec) for endpoint in service.endpoints if endpoint.type}
    assert entries == {
        (kind, region, interface) for kind in types for region in ("dc1", "dc2") for interface in ("public", "internal")
    }


def test_every_catalog_entry_is_checked_by_a_call(make_context):
    context = make_context()
    checked = {call.service for call in calls(context, enabled(context.spec))}
    assert checked == {service.name for service in enabled(context.spec) if any(e.type for e in service.endpoints)}


def test_optional_services_are_named():
    assert optional_names() == tuple(service.name for service in ALL if service.optional)
    assert "nova" not in optional_names()


def test_a_switch_that_nobody_set_stands_as_it_is_by_default():
    assert switches({}) == {service.name: service.default for service in ALL if service.optional}
    assert switches({"cinder": False})["cinder"] is False


@pytest.mark.parametrize(("port", "url"), [(443, "https://identity.acme.aloft.internal"), (8443, ":8443")])
def test_another_port_shows_in_urls(make_context, port, url):
    from dataclasses import replace

    assert replace(make_context(), edge_port=port).public("identity").endswith(url)
