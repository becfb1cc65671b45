"""Open vSwitch and ovn-controller: what hypervisors and network nodes have in common."""

from aloft.ground.facts import Card, Facts
from aloft.ground.roles.model import Bridge, Context, Farewell, Folder, Lack, Made, Requirement, Role, Unit
from aloft.ground.settings import PhysicalNetwork
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

NAMING_IDS = frozenset({"system-id", "hostname"})
"""Those of them that Open vSwitch gives itself when it starts; they stay when the last role goes."""

MADE = "external_ids:aloft=made"
"""The mark of a bridge that the agent made."""

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


def physical(context: Context) -> dict[str, PhysicalNetwork]:
    """The physical networks that this host takes part in, by their names.

    A network node has them all. Others have those that a card of theirs carries: instances can be on them directly.
    """
    networks = context.settings.network.physical_networks
    gateway = "network" in context.roles
    return {name: one for name, one in sorted(networks.items()) if gateway or one.interface}


def bridges(context: Context) -> tuple[Bridge, ...]:
    """The integration bridge, whose flows ovn-controller writes, and those of the physical networks."""
    datapath = context.facts.datapath
    return (
        Bridge(INTEGRATION_BRIDGE, datapath, secure=True),
        *(
            Bridge(one.bridge, datapath, address=one.address or "", interface=one.interface or "")
            for one in physical(context).values()
        ),
    )


def encapsulation(context: Context) -> str:
    """The address that other hosts reach this one by for the traffic of project networks; see :func:`overlay`."""
    card = _end(context, context.facts)
    return context.settings.network.overlay.address or (
        _first(card) if card and card.addresses else context.facts.address
    )


def overlay(context: Context) -> Requirement:
    """The card that the region's template names for the overlay must be there, and fit for it."""
    wanted = context.settings.network.overlay

    def check(facts: Facts) -> Lack | None:
        if not wanted.interface:
            return None
        remedy = "Set it up on the host, or name another in the region's network template (--overlay-interface)."
        card = _end(context, facts)
        if card is None:
            return Lack(f"The overlay shall use {wanted.interface}, and this host has no such card.", remedy)
        if not card.addresses and not wanted.address:
            return Lack(f"The overlay shall use {card.name}, which has no address on this host.", remedy)
        if wanted.mtu and card.mtu and card.mtu < wanted.mtu:
            return Lack(
                f"The overlay's network has an MTU of {wanted.mtu}, and {card.name} of this host one of {card.mtu}:"
                " large packets would get lost.",
                f"Give it the same (ip link set dev {card.name} mtu {wanted.mtu}, if its network carries that), or"
                " lower the one in the region's network template (--mtu).",
            )
        return None

    return check


def external_ids(context: Context) -> dict[str, str]:
    """How ovn-controller finds its database and what other hosts reach this one by (ovn-controller(8))."""
    overlay = context.settings.network.overlay
    mappings = ",".join(f"{name}:{one.bridge}" for name, one in physical(context).items())
    return {
        **({"ovn-bridge-mappings": mappings} if mappings else {}),
        "system-id": context.host,
        "hostname": context.host,
        "ovn-remote": f"unix:{context.layout.southbound_socket}",
        "ovn-encap-type": overlay.type,
        "ovn-encap-ip": encapsulation(context),
        "ovn-bridge": INTEGRATION_BRIDGE,
        "ovn-bridge-datapath-type": context.facts.datapath,
    }


def farewells(context: Context) -> tuple[Farewell, ...]:
    """Take the host out of the southbound database; bridges go by :func:`aloft.ground.plan.unwire`."""
    southbound = f"--db=unix:{context.layout.southbound_socket}"
    return (
        Farewell((("/usr/bin/ovn-sbctl", "--timeout=10", southbound, "--if-exists", "chassis-del", context.host),)),
    )


def alone(context: Context) -> Role:
    """Open vSwitch without any role's use of it: what takes bridges off the machine once the roles have gone."""
    if context.facts.systemd:
        return Role("switch")
    return Role("switch", folders=folders(context), processes=(_database(context), _switch(context)))


def _end(context: Context, facts: Facts) -> Card | None:
    """The card with the host's end of the overlay; for a bridge that is still to be made, the one that goes into it."""
    name = context.settings.network.overlay.interface
    coming = {one.bridge: one.interface for one in physical(context).values()}
    found = [card for card in facts.cards if card.name in (name, coming.get(name or ""))]
    return next((card for card in found if card.addresses), found[0] if found else None)


def _first(card: Card) -> str:
    """A card's first address, an IPv4 one where it has one."""
    addresses = [address.partition("/")[0] for address in card.addresses]
    return next((address for address in addresses if ":" not in address), addresses[0])


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
