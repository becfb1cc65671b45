"""What the roles declare for a host."""

import configparser
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from aloft.base.errors import PermanentError
from aloft.base.paths import Paths
from aloft.base.pki import Authority
from aloft.ground import ini, link, plan
from aloft.ground.edges import Place
from aloft.ground.facts import Card
from aloft.ground.layout import Layout
from aloft.ground.roles import ALL, hypervisor, image_library, network, report, switch
from aloft.ground.settings import Accounts, Desired, NetworkSettings, Overlay, PhysicalNetwork

from .conftest import STATE, make_context


def parsed(file):
    reader = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    reader.read_string(file.content)
    return reader


def file_named(role, name):
    return next(file for file in role.files if file.path.name == name)


def ids(specs):
    return {spec.name.removeprefix("agent/") for spec in specs}


def test_an_unsupervised_hypervisor_runs_everything_itself():
    assert ids(hypervisor.role(make_context(systemd=False)).processes) == {
        "ovsdb-server", "ovs-vswitchd", "ovn-controller", "virtlogd", "libvirtd", "nova-compute",
        "neutron-ovn-metadata-agent", "disks",
    }  # fmt: skip


def test_under_systemd_the_distributions_daemons_are_used():
    role = hypervisor.role(make_context(systemd=True))
    assert ids(role.processes) == {"ovn-controller", "nova-compute", "neutron-ovn-metadata-agent", "disks"}
    assert {unit.name for unit in role.units if unit.running} == {"libvirtd.service", "openvswitch-switch.service"}
    assert {unit.name for unit in role.units if not unit.running} == {"ovn-controller.service"}
    names = {spec.name for spec in role.processes} | {link.PROCESS}
    assert all(set(spec.after) <= names for spec in role.processes)


def test_what_instances_need_outlives_the_agent():
    specs = {spec.name: spec for spec in hypervisor.role(make_context()).processes}
    assert {name for name, spec in specs.items() if spec.keep_on_shutdown} == {
        switch.DATABASE, switch.SWITCH, hypervisor.VIRTLOGD, hypervisor.LIBVIRTD,
    }  # fmt: skip
    # a polite stop would take the flows away
    assert specs[switch.CONTROLLER].stop_signal == 9


@pytest.mark.parametrize(("kvm", "kind", "mode"), [(True, "kvm", "host-model"), (False, "qemu", "none")])
def test_virtualisation_follows_the_processor(kvm, kind, mode):
    nova = parsed(file_named(hypervisor.role(make_context(kvm=kvm)), "nova.conf"))
    assert (nova["libvirt"]["virt_type"], nova["libvirt"]["cpu_mode"]) == (kind, mode)


def test_nova_reaches_the_region_through_the_link_only():
    nova = parsed(file_named(hypervisor.role(make_context()), "nova.conf"))
    assert nova["DEFAULT"]["transport_url"] == "rabbit://s0-host-a:br%2Fok%40er%24$@127.0.0.1:17672/s0".replace(
        "$@", "@"
    )
    for section in ("neutron", "placement", "glance"):
        assert nova[section]["endpoint_override"].endswith(".demo-1.demo.aloft.internal:17680")
    assert nova["placement"]["auth_url"] == "http://identity.demo.aloft.internal:17680/v3"
    # oslo.config would take a lone dollar for a reference
    assert nova["placement"]["password"] == "nova-$$ecret"


def test_the_scheduler_is_not_told_which_instances_are_here_since_it_would_not_learn_of_those_adopted_later():
    nova = parsed(file_named(hypervisor.role(make_context()), "nova.conf"))
    assert nova["filter_scheduler"]["track_instance_changes"] == "false"


def test_nothing_privileged_is_started_by_sudo():
    role = hypervisor.role(make_context())
    for name in ("nova.conf", "neutron-metadata.conf"):
        config = parsed(file_named(role, name))
        helpers = [config[section]["helper_command"] for section in config.sections() if "priv" in section]
        assert helpers
        assert all(helper.startswith("/opt/aloft/envs/2026.2/bin/privsep-helper") for helper in helpers)


def test_a_changed_config_replaces_the_process():
    state = {**STATE, "settings": {**STATE["settings"], "metadata_secret": "another"}}
    settings = Desired.model_validate(state).settings
    context = make_context()
    changed = type(context)(**{**vars(context), "settings": settings})

    def prints(ctx):
        return {spec.name: spec.fingerprint() for spec in hypervisor.role(ctx).processes}

    before, after = prints(context), prints(changed)
    assert {name for name in before if before[name] != after[name]} == {hypervisor.COMPUTE, hypervisor.METADATA}


def test_secrets_do_not_show():
    for build in ALL.values():
        role = build(make_context())
        shown = repr(role) + "".join(" ".join(spec.command) + str(spec.env) for spec in role.processes)
        assert not any(secret in shown for secret in ("nova-$ecret", "br/ok@er", "d@ta", "shared'"))
        assert all(file.mode in (0o600, 0o400) for file in role.files)


def test_the_network_role_is_a_gateway_with_its_bridges():
    role = network.role(make_context(openvswitch=False))
    assert role.external_ids["ovn-cms-options"] == "enable-chassis-as-gw"
    assert role.external_ids["ovn-bridge-mappings"] == "external:br-ex"
    assert {bridge.name: bridge.datapath for bridge in role.bridges} == {"br-int": "netdev", "br-ex": "netdev"}
    assert "ovn-cms-options" not in hypervisor.role(make_context()).external_ids


def named(roles=("hypervisor",), overlay=None, **cards):
    """A context with this overlay, and physical networks: one with a card, one without."""
    context = make_context(cards=tuple(Card(name, "52:54:00:00:00:01", True, *rest) for name, rest in cards.items()))
    networks = {
        "external": PhysicalNetwork(bridge="br-ex"),
        "office": PhysicalNetwork(bridge="br-office", interface="eth2"),
    }
    network = NetworkSettings(physical_networks=networks, overlay=Overlay(**(overlay or {})))
    settings = context.settings.model_copy(update={"network": network})
    return replace(context, roles=roles, settings=settings)


def test_a_hypervisor_takes_part_in_networks_that_a_card_of_its_own_carries():
    alone, both = named(), named(("hypervisor", "network"))
    assert hypervisor.role(alone).external_ids["ovn-bridge-mappings"] == "office:br-office"
    assert [bridge.name for bridge in hypervisor.role(alone).bridges] == ["br-int", "br-office"]
    mappings = {build(both).external_ids["ovn-bridge-mappings"] for build in (hypervisor.role, network.role)}
    assert mappings == {"external:br-ex,office:br-office"}


@pytest.mark.parametrize(
    ("overlay", "end"),
    [
        ({}, "192.0.2.7"),
        ({"address": "203.0.113.9", "interface": "eth3"}, "203.0.113.9"),
        ({"interface": "eth3"}, "198.51.100.3"),
        ({"interface": "eth3", "mtu": 9000}, "198.51.100.3"),
        ({"interface": "eth6"}, "2001:db8::6"),
    ],
)
def test_the_overlay_ends_where_the_template_says(overlay, end):
    cards = {"eth3": (("2001:db8::3/64", "198.51.100.3/24"), 9000), "eth6": (("2001:db8::6/64",), 1500)}
    context = named(overlay=overlay, **cards)
    role = hypervisor.role(context)
    assert role.external_ids["ovn-encap-ip"] == end
    assert plan.lacks(role, context.facts) == []


@pytest.mark.parametrize(
    "cards",
    [
        {"eth2": (("198.51.100.2/24",), 1500)},
        {"eth2": ((), 1500), "br-office": (("198.51.100.2/24",), 1500)},
    ],
    ids=["before the card goes into the bridge", "after it"],
)
def test_the_overlay_may_end_at_a_bridge_that_the_role_itself_makes(cards):
    context = named(overlay={"interface": "br-office"}, **cards)
    role = hypervisor.role(context)
    assert role.external_ids["ovn-encap-ip"] == "198.51.100.2"
    assert plan.lacks(role, context.facts) == []


@pytest.mark.parametrize(
    ("overlay", "said"),
    [
        ({"interface": "eth9"}, "no such card"),
        ({"interface": "eth4"}, "no address"),
        ({"interface": "eth3", "mtu": 9000}, "MTU of 9000, and eth3 of this host one of 1500"),
    ],
)
def test_a_card_that_is_not_fit_for_the_overlay_is_told_with_a_remedy(overlay, said):
    context = named(overlay=overlay, eth3=(("198.51.100.3/24",), 1500), eth4=((), 1500))
    for build in (hypervisor.role, network.role):
        (lack,) = plan.lacks(build(context), context.facts)
        assert said in lack.reason
        assert lack.remedy


def test_two_roles_declare_the_switch_alike():
    one = {spec.name: spec for spec in hypervisor.role(make_context()).processes}
    other = {spec.name: spec for spec in network.role(make_context()).processes}
    assert other.items() <= one.items()


def test_the_image_library_keeps_its_records_behind_the_link():
    role = image_library.role(make_context())
    glance = parsed(role.files[0])
    assert (
        glance["database"]["connection"] == "mysql+pymysql://s0_glance:d%40ta@127.0.0.1:17674/s0_glance?charset=utf8mb4"
    )
    assert role.processes[0].ready.target == "/run/aloft/slots/0/library.sock"


def test_an_image_library_without_a_database_says_so():
    settings = Desired.model_validate({**STATE, "settings": {**STATE["settings"], "database": None}}).settings
    context = make_context()
    with pytest.raises(PermanentError, match="no database"):
        image_library.role(type(context)(**{**vars(context), "settings": settings}))


def test_a_host_that_lacks_something_hears_what_to_do():
    role = hypervisor.role(make_context())
    poor = make_context(memory_mib=512, distribution="gentoo", tun=False, releases=(), root=False).facts
    lacks = plan.lacks(role, poor)
    assert len(lacks) == 5
    assert all(lack.reason and lack.remedy for lack in lacks)
    assert plan.lacks(role, make_context().facts) == []


def test_ini_refuses_a_line_break():
    with pytest.raises(ValueError, match="line break"):
        ini.render({"a": {"b": "c\n[d]"}})


def test_settings_are_not_needed_before_the_first_grant():
    assert Desired.model_validate({"generation": 0, "roles": [], "release": "2026.2", "settings": {}}).settings is None


@pytest.mark.skipif(not Path("/usr/sbin/haproxy").exists(), reason="asks HAProxy itself")
def test_the_links_configuration_is_one_that_haproxy_takes(tmp_path):
    context = make_context()
    layout = Layout.of(Paths(tmp_path), tmp_path)
    authority = Authority.open(tmp_path / "ca", "ca")
    layout.bundle.write_bytes(authority.issue_server(["host-1"]).bundle)
    for path in (layout.authority, layout.region_authority):
        path.write_bytes(authority.certificate)
    names = context.settings.names
    carried = link.Link(
        edge="192.0.2.1",
        edge_port=443,
        tunnels=(link.Tunnel("amqp", 17672, "amqp.x"), link.Tunnel("db", 17674, "db.x")),
        http_names=names.http(),
        http_ports=(17680, 7080),
        address="192.0.2.7",
        image_library=tmp_path / "glance.sock",
        disks=tmp_path / "disks.sock",
        image_name=names.image,
        libraries=(("host-1", "192.0.2.7"), ("host-2", "192.0.2.8")),
    )
    text = link.config(carried, layout)
    assert "verifyhost amqp.x" in text
    assert "default-server ssl verify required" in text
    assert "bind 192.0.2.7:19293 ssl" in text
    assert text.count("backup sni") == 1
    path = tmp_path / "link.cfg"
    path.write_text(text)
    done = subprocess.run(["/usr/sbin/haproxy", "-c", "-f", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_link_knows_which_of_its_servers_lead_to_another_place_of_the_edge():
    rest = "2 0 1 1 56 1 0 1 0 0 0 0 -"
    state = f"""1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight
3 amqp 1 edge 192.0.2.1 {rest} 443 - 0 0 - - 0
4 image.x 1 host-2 192.0.2.8 {rest} 9292 - 0 0 - - 0
4 image.x 2 edge 192.0.2.2 {rest} 443 - 0 0 - - 0
5 compute.x 1 edge 192.0.2.2 {rest} 8443 - 0 0 - - 0
"""
    assert link.elsewhere(state, Place("192.0.2.2", 443)) == ["amqp/edge", "compute.x/edge"]


@pytest.mark.parametrize(
    ("states", "silent"),
    [("20", []), ("02", []), ("00", ["host-1", "host-2"]), ("", [])],
)
def test_a_link_knows_when_no_library_of_the_site_answers(states, silent):
    rest = "0 1 1 56 1 0 1 0 0 0 0 0 - 9292 - 0 0 - - 0"
    state = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state\n4 image.x 9 edge 192.0.2.1 2 " + rest
    for number, up in enumerate(states, 1):
        state += f"\n4 image.x {number} host-{number} 192.0.2.{number} {up} {rest}"
    assert link.all_down(state + f"\n5 compute.x 1 edge 192.0.2.1 0 {rest}", "image.x") == silent


def test_a_host_tells_what_it_is_good_for_before_it_has_a_role():
    told = report(make_context(tun=False, memory_mib=512).facts)
    assert [lack["remedy"] for lack in told["lacks"]["network"]] == ["Load the module: modprobe tun"]
    assert len(told["lacks"]["hypervisor"]) == 2
    assert told["lacks"]["image-library"] == []


def test_a_hypervisor_that_cannot_lose_its_role_yet_runs_on_without_novas_login():
    context = make_context(systemd=False)
    left = replace(context, settings=context.settings.model_copy(update={"keystone": Accounts()}))
    whole, kept = hypervisor.role(context), hypervisor.kept(left)
    assert ids(whole.processes) - ids(kept.processes) == {"nova-compute"}
    assert {file.path.name for file in whole.files} - {file.path.name for file in kept.files} == {"nova.conf"}
    with pytest.raises(PermanentError, match="login"):
        hypervisor.role(left)
