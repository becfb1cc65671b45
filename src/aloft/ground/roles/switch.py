"""Open vSwitch and ovn-controller: what hypervisors and network nodes have in common."""

from aloft.ground.roles.model import Bridge, Context, Farewell, Folder, Made, Unit
from aloft.supervise.spec import Probe, ProcessSpec

PACKAGES = ("openvswitch-switch", "ovn-host")
DATABASE = "agent/ovsdb-server"
SWITCH = "agent/ovs-vswitchd"
CONTROLLER = "agent/ovn-controller"
NEED_WIRING = frozenset({CONTROLLER, "agent/neutron-ovn-metadata-agent"})
"""Processes that end badly on a switch that does not say yet where OVN's database is."""

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
INTEGRATION_BRIDGE = "br-int"
VSCTL = ("/usr/bin/ovs-vsctl", "--timeout=10")
OWNED_IDS = frozenset(
    {
        "system-id",
        "hostname",
        "ovn-remote",
        "ovn-encap-type",
        "ovn-encap-ip",
        "ovn-bridge",
        "ovn-bridge-datapath-type",
        "ovn-bridge-mappings",
        "ovn-cms-options",
    }
)
"""The entries of ``external_ids`` that are the agent's business; others are left alone."""

_QUIET = ("-vconsole:info", "-vsyslog:off", "-vfile:off", "--no-chdir")
_ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
_KILL = 9


def units() -> tuple[Unit, ...]:
    """Under systemd the distribution's Open vSwitch is used; ovn-controller is always the agent's own."""
    return (Unit("openvswitch-switch.service"), Unit("ovn-controller.service", running=False))


def folders(context: Context) -> tuple[Folder, ...]:
    """The folders of sockets and of the database; Open vSwitch's own are the distribution's where it runs it."""
    layout = context.layout
    own = Folder(layout.ovn_run)
    return (own,) if context.facts.systemd else (Folder(layout.switch_run), own, Folder(layout.switch_database.parent))


def made(context: Context) -> tuple[Made, ...]:
    """Open vSwitch's database, where the distribution did not make it."""
    if context.facts.systemd:
        return ()
    database = context.layout.switch_database
    return (Made(database, ("/usr/bin/ovsdb-tool", "create", str(database), SCHEMA)),)


def processes(context: Context) -> tuple[ProcessSpec, ...]:
    """The switch (unless systemd runs it) and ovn-controller."""
    controller = _controller(context)
    return (controller,) if context.facts.systemd else (_database(context), _switch(context), controller)


def bridges(context: Context) -> tuple[Bridge, ...]:
    """The integration bridge, whose flows ovn-controller writes."""
    return (Bridge(INTEGRATION_BRIDGE, context.facts.datapath, secure=True),)


def external_ids(context: Context) -> dict[str, str]:
    """How ovn-controller finds its database and what other hosts reach this one by (ovn-controller(8))."""
    overlay = context.settings.network.overlay
    return {
        "system-id": context.host,
        "hostname": context.host,
        "ovn-remote": f"unix:{context.layout.southbound_socket}",
        "ovn-encap-type": overlay.type,
        "ovn-encap-ip": overlay.address or context.facts.address,
        "ovn-bridge": INTEGRATION_BRIDGE,
        "ovn-bridge-datapath-type": context.facts.datapath,
    }


def farewells(context: Context, *bridges: str) -> tuple[Farewell, ...]:
    """Take the host out of the southbound database, and bridges off the machine.

    Where the agent ran Open vSwitch itself, that has ended by then, and a bridge is a mere tap device.
    """
    southbound = f"--db=unix:{context.layout.southbound_socket}"
    return (
        Farewell((("/usr/bin/ovn-sbctl", "--timeout=10", southbound, "--if-exists", "chassis-del", context.host),)),
        *(
            Farewell(
                (
                    (*VSCTL, f"--db=unix:{context.layout.switch_socket}", "--if-exists", "del-br", name),
                    ("/usr/sbin/ip", "link", "delete", name),
                )
            )
            for name in (INTEGRATION_BRIDGE, *bridges)
        ),
    )


def _database(context: Context) -> ProcessSpec:
    layout = context.layout
    return ProcessSpec(
        name=DATABASE,
        command=(
            "/usr/sbin/ovsdb-server",
            str(layout.switch_database),
            f"--remote=punix:{layout.switch_socket}",
            # what `ovs-vsctl set-manager` asks for
            "--remote=db:Open_vSwitch,Open_vSwitch,manager_options",
            f"--unixctl={layout.switch_run}/ovsdb-server.ctl",
            f"--pidfile={layout.switch_run}/ovsdb-server.pid",
            *_QUIET,
        ),
        env={**_ENV, "OVS_RUNDIR": str(layout.switch_run)},
        log=layout.log / "ovsdb-server.log",
        ready=Probe("unix", str(layout.switch_socket)),
        keep_on_shutdown=True,
        oom_score_adj=-500,
    )


def _switch(context: Context) -> ProcessSpec:
    layout = context.layout
    control = f"{layout.switch_run}/ovs-vswitchd.ctl"
    return ProcessSpec(
        name=SWITCH,
        command=(
            "/usr/sbin/ovs-vswitchd",
            f"unix:{layout.switch_socket}",
            f"--unixctl={control}",
            f"--pidfile={layout.switch_run}/ovs-vswitchd.pid",
            *_QUIET,
        ),
        env={**_ENV, "OVS_RUNDIR": str(layout.switch_run)},
        log=layout.log / "ovs-vswitchd.log",
        after=(DATABASE,),
        ready=Probe("unix", control),
        keep_on_shutdown=True,
        oom_score_adj=-500,
    )


def _controller(context: Context) -> ProcessSpec:
    layout = context.layout
    folder = f"OVN_RUNDIR={layout.ovn_run}"
    return ProcessSpec(
        name=CONTROLLER,
        command=("/usr/bin/ovn-controller", f"unix:{layout.switch_socket}", "--pidfile", *_QUIET),
        env={**_ENV, "OVN_RUNDIR": str(layout.ovn_run), "OVS_RUNDIR": str(layout.switch_run)},
        log=layout.log / "ovn-controller.log",
        after=() if context.facts.systemd else (SWITCH,),
        ready=Probe(
            "command",
            command=("/usr/bin/env", folder, "/usr/bin/ovn-appctl", "--timeout=5", "-t", "ovn-controller", "version"),
        ),
        # A polite stop takes the host's flows and its record away, which would cut off running instances. Ended at
        # once, it leaves both, as `ovn-appctl exit --restart` does, and the next one carries on from them.
        stop_signal=_KILL,
    )
