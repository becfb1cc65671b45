"""What a customer's process user finds closed on the node: files, sockets and processes of others, and the node's."""

import grp
import os
import stat
from pathlib import Path

import pytest

from ...running import PATHS, aloft, node, run


def files_of(customer):
    """Every file and folder of a customer, as root sees them."""
    folders = (customer.slot.state, customer.slot.run, customer.slot.log)
    return [path for folder in folders for path in (folder, *sorted(folder.rglob("*")))]


def own(customer, kind):
    """Things of this kind that belong to the customer's own user."""
    return [str(path) for path in files_of(customer) if kind(path) and path.stat().st_uid == customer.slot.user]


def test_a_reads_no_file_of_b(a, b):
    files = [str(path) for path in files_of(b) if path.is_file()]
    for needed in ("secrets.json", "ca.key", "nova.conf", "fernet/1", "keystone.log", "ovn-sb.db", "seed.json"):
        assert any(name.endswith(needed) for name in files), f"{needed} is not among the files that are tried"
    assert a.refused([("read", path) for path in files])
    assert b.opens([("read", path) for path in own(b, Path.is_file)])


def test_a_writes_no_file_of_b(a, b):
    assert a.refused([("write", str(path)) for path in files_of(b) if path.is_file()])
    databases = [str(b.slot.state / "ovn" / name) for name in ("ovn-nb.db", "ovn-sb.db")]
    assert b.opens([("write", path) for path in databases])


def test_a_lists_no_folder_of_b_and_makes_nothing_in_it(a, b):
    folders = [str(path) for path in files_of(b) if path.is_dir()]
    assert a.refused([(what, path) for path in folders for what in ("list_folder", "make_in")])
    assert b.opens([("list_folder", path) for path in own(b, Path.is_dir)])


def test_nobody_lists_who_else_is_on_the_node(a):
    assert a.refused([("list_folder", str(path.parent)) for path in (a.slot.state, a.slot.run, a.slot.log)])


@pytest.mark.parametrize("secret", ["secrets.json", "ca/ca.key"])
def test_not_even_b_reads_what_only_the_node_needs(b, secret):
    path = b.slot.state / secret
    assert b.refused([("read", str(path))])
    assert path.read_text()


def test_a_connects_to_no_socket_of_b(a, b):
    sockets = [str(path) for path in files_of(b) if stat.S_ISSOCK(path.lstat().st_mode)]
    for service in ("keystone", "nova-api", "nova-metadata", "neutron-api", "memcached", "ovn-nb", "ovn-sb"):
        assert str(b.slot.socket(service)) in sockets
    assert a.refused([("connect", path) for path in sockets])
    assert b.opens([("connect", path) for path in sockets if Path(path).stat().st_uid == b.slot.user])


def test_a_reaches_neither_the_memcached_nor_the_ovn_databases_of_b(a, b):
    def attempts(of):
        return [
            ("memcached", str(of.slot.socket("memcached"))),
            ("ovsdb", str(of.slot.socket("ovn-nb"))),
            ("ovsdb", str(of.slot.socket("ovn-sb"))),
        ]

    assert a.refused(attempts(b))
    assert b.opens(attempts(b))


def test_a_has_no_power_over_processes_of_b(a, b):
    def attempts(of):
        return [(what, pid) for pid in of.pids.values() for what in ("signal", "trace", "memory")] + [
            ("read", f"/proc/{pid}/{name}") for pid in of.pids.values() for name in ("environ", "maps")
        ]

    assert {"keystone", "nova-api", "memcached", "ovn-sb"} <= b.pids.keys()
    assert a.refused(attempts(b))
    assert b.opens([("signal", pid) for pid in b.pids.values()])


def test_a_becomes_nobody_else(a, b):
    assert a.refused([("become", b.slot.user), ("become", 0)])
    assert a.opens([("become", a.slot.user)])


PUBLIC = (
    *(PATHS.etc / name for name in ("ca.pem", "installation.json", "node.toml")),
    PATHS.state / "golden",
    PATHS.state / "cache",
    PATHS.state / "packages.json",
    PATHS.state / "bench",
    PATHS.state / "agent/region.crt",
)
"""What every customer has alike, how the node is set up, and whose certificates this host takes: no secrets."""


def test_a_reads_nothing_of_the_node(a):
    """Neither state nor settings nor logs of what customers share; names of folders are no secret."""
    closed = [
        str(path)
        for folder in (PATHS.state, PATHS.log, PATHS.etc, Path("/etc/openstack"))
        for path in folder.glob("**/*")
        if path.is_file() and "slots" not in path.parts and not any(path.is_relative_to(one) for one in PUBLIC)
    ]
    for needed in ("rabbitmq.secret", "ca.key", "/token", "node.log", "host.pem", "instances", "clouds.yaml"):
        assert any(needed in name for name in closed), f"{needed} is not among the files that are tried"
    assert a.refused([("read", path) for path in closed])
    assert a.opens([("read", str(PATHS.etc / "ca.pem"))])


def test_a_connects_to_no_socket_of_the_node(a):
    found = [path for path in PATHS.run.rglob("*") if stat.S_ISSOCK(path.lstat().st_mode)]
    closed = [str(path) for path in found if "slots" not in path.parts and path != PATHS.database_socket]
    for needed in ("node.sock", "plane.sock", "admin.sock", "-nova.sock"):
        assert any(name.endswith(needed) for name in closed), f"{needed} is not among the sockets that are tried"
    assert a.refused([("connect", path) for path in closed])
    assert a.opens([("connect", str(PATHS.database_socket))])


def test_the_nodes_own_api_is_for_root_and_the_plane(a):
    told = PATHS.node_socket.stat()
    assert (stat.S_IMODE(told.st_mode), told.st_uid) == (0o660, 0)
    assert told.st_gid == grp.getgrnam("aloft").gr_gid
    assert node("/v1/health").status_code == 200


def passwords(customer):
    """Every password of a customer."""
    held = customer.region.secrets
    several = [word for name in ("database", "broker", "keystone") for word in held[name].values()]
    hosts = [path.read_text() for path in (customer.slot.state / "hosts").glob("*.secret")]
    return {*several, held["admin"], held["metadata"], *hosts}


def test_no_password_shows_in_the_process_list(a, b):
    secrets = {secret.encode() for secret in (*passwords(a), *passwords(b))}
    assert len(secrets) > 20
    seen = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            seen[process.name] = (process / "cmdline").read_bytes()
        except OSError:
            continue
    assert str(os.getpid()) in seen
    assert not [line for line in seen.values() if any(secret in line for secret in secrets)]


def test_no_password_shows_in_a_log(a, b):
    assert aloft("customer", "credentials", b.name).code == 0
    secrets = {secret.encode() for secret in (*passwords(a), *passwords(b))}
    logs = [path for path in PATHS.log.rglob("*") if path.is_file()]
    assert any(path.is_relative_to(b.slot.log) and path.stat().st_size for path in logs)
    assert not [path for path in logs if any(secret in path.read_bytes() for secret in secrets)]


def test_limits_are_enforced_where_the_machine_can(a):
    health = node("/v1/health").json()
    if not health["limits_enforced"]:
        pytest.skip(health["limits_reason"])
    name = Path(f"/proc/{a.pids['keystone']}/cgroup").read_text().strip().rpartition("::")[2]
    assert name.endswith(f"slots/{a.slot.number}")
    assert (Path("/sys/fs/cgroup") / name.lstrip("/") / "pids.max").read_text().strip() == "2000"


def test_a_does_not_reach_the_networks_of_a_host_on_this_machine(a):
    """OVN's southbound database asks for no password: where the link offers it must be for root alone."""
    remote = run("ovs-vsctl", "get", "Open_vSwitch", ".", "external_ids:ovn-remote").out.strip().strip('"')
    if not remote:
        pytest.skip("this machine is no host")
    kind, _, where = remote.partition(":")
    attempt = ("ovsdb", where)
    assert kind in ("unix", "tcp"), remote
    assert a.refused([attempt])
    assert a.tries([attempt], user=0) == [True]
