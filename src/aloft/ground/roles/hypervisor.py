"""The hypervisor: libvirt with QEMU, Open vSwitch, nova-compute, and the metadata service for instances."""

from dataclasses import replace
from pathlib import Path

from aloft.ground import ini, link
from aloft.ground.roles import inventory, openstack, requirements, switch
from aloft.ground.roles.model import Context, Device, File, Folder, Role, Unit, marked
from aloft.ground.roles.openstack import link_folder
from aloft.ground.settings import ServiceAccount
from aloft.supervise.spec import Probe, ProcessSpec

NAME = "hypervisor"
REQUIREMENTS = (
    requirements.root,
    requirements.distribution,
    requirements.tap,
    requirements.memory(1024),
    requirements.disk(2048),
)
"""What a host must have before anything is installed on it."""
PACKAGES = (
    "libvirt-daemon-system",
    "libvirt-clients",
    "qemu-system-x86",
    "qemu-utils",
    "genisoimage",
    "dmidecode",
    "conntrack",
    "iptables",
    "haproxy",
)
VIRTLOGD = "agent/virtlogd"
LIBVIRTD = "agent/libvirtd"
COMPUTE = "agent/nova-compute"
NOVA_CONF = "nova.conf"
METADATA = "agent/neutron-ovn-metadata-agent"
DISKS = "agent/disks"

QEMU_GROUP = 64055
"""Group of ``libvirt-qemu``, whom QEMU runs as; Debian and Ubuntu reserve the number (see libvirt-daemon-system)."""

_LIBVIRT_ENV = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/root",
}


def role(context: Context) -> Role:
    """The role on this host."""
    nova = File(context.layout.config / NOVA_CONF, ini.render(nova_sections(context)))
    neutron = File(context.layout.config / "neutron-metadata.conf", ini.render(metadata_sections(context)))
    libvirt = File(context.layout.config / "libvirtd.conf", LIBVIRTD_CONF)
    state = context.layout.state
    return Role(
        name=NAME,
        requirements=(*REQUIREMENTS, requirements.release(context.release), switch.overlay(context)),
        release=context.release,
        packages=tuple(dict.fromkeys((*PACKAGES, *switch.PACKAGES))),
        units=(*switch.units(), Unit("libvirtd.service")),
        folders=(
            *switch.folders(context),
            Folder(context.layout.instances, 0o710, group=QEMU_GROUP),
            link_folder(context.layout.disks_socket.parent),
            Folder(state / "nova", 0o700),
            Folder(state / "neutron", 0o700),
        ),
        files=(nova, neutron) if context.facts.systemd else (nova, neutron, libvirt),
        made=switch.made(context),
        # libvirt asks QEMU anew, for seconds, whenever root can use KVM and QEMU's own user cannot
        devices=() if context.facts.systemd else (Device(Path("/dev/kvm"), "kvm"),),
        processes=(
            *switch.processes(context),
            *(() if context.facts.systemd else (_virtlogd(context), _libvirtd(context, libvirt))),
            _compute(context, nova),
            _metadata(context, neutron),
            *inventory.processes(context),
            _disks(context),
        ),
        external_ids=switch.external_ids(context),
        bridges=switch.bridges(context),
        farewells=switch.farewells(context),
        holds_instances=True,
    )


def kept(context: Context) -> Role:
    """The role on a host that shall lose it, while virtual machines run there: all that carries these.

    Nova's login went with the role, so nova-compute is not part of it.
    """
    nobody = ServiceAccount(username="", password="", project="")
    accounts = context.settings.keystone.model_copy(update={"nova": nobody})
    whole = role(replace(context, settings=context.settings.model_copy(update={"keystone": accounts})))
    return replace(
        whole,
        files=tuple(file for file in whole.files if file.path.name != NOVA_CONF),
        processes=tuple(process for process in whole.processes if process.name != COMPUTE),
    )


LIBVIRTD_CONF = """\
# Made by the Aloft agent; changes are overwritten.
unix_sock_group = "root"
unix_sock_rw_perms = "0700"
unix_sock_ro_perms = "0700"
auth_unix_ro = "none"
auth_unix_rw = "none"
# Several such machines on one have the same system UUID; libvirt moves nothing between two hosts that have the same.
host_uuid_source = "machine-id"
log_outputs = "3:stderr"
"""


def nova_sections(context: Context) -> dict[str, ini.Options]:
    """nova-compute's configuration."""
    settings, layout = context.settings, context.layout
    volume = settings.names.volume
    return {
        "DEFAULT": {
            **openstack.logging(),
            "host": context.host,
            "my_ip": context.facts.address,
            "state_path": str(layout.state / "nova"),
            "instances_path": str(layout.instances),
            "compute_driver": "libvirt.LibvirtDriver",
            # What happens outside of Nova is right: its records follow (sync), and nothing is ever stopped or started
            # because of them.
            "sync_power_state_interval": -1,
            "running_deleted_instance_action": "noop",
            "transport_url": openstack.transport_url(settings.amqp),
            "rpc_response_timeout": 60,
            "executor_thread_pool_size": 16,
            "report_interval": 10,
            "service_down_time": 60,
            # Nova waits this long at its end, whether there is something to wait for (2026.1) or only idle threads.
            "manager_shutdown_timeout": 5,
            "graceful_shutdown_timeout": 15,
            "resume_guests_state_on_host_boot": True,
        },
        "workarounds": {"handle_virt_lifecycle_events": False},
        # The scheduler asks the database which instances are here. What a host tells it lacks those that were adopted
        # since, and would keep them from being resized.
        "filter_scheduler": {"track_instance_changes": False},
        "libvirt": {
            "virt_type": context.facts.virtualisation,
            "cpu_mode": "host-model" if context.facts.kvm else "none",
        },
        "vnc": {
            "enabled": True,
            "server_listen": "127.0.0.1",
            # not an address: the console proxy asks for a stream of the host by this name
            "server_proxyclient_address": context.host,
            "novncproxy_base_url": f"https://{settings.names.console}/vnc_lite.html",
        },
        "neutron": {
            **openstack.client(context, "nova", settings.names.network),
            "service_metadata_proxy": True,
            "metadata_proxy_shared_secret": settings.metadata_secret,
        },
        "placement": openstack.client(context, "nova", settings.names.placement),
        # images are fetched with the token of the user who asked
        "glance": {
            "region_name": settings.region,
            "endpoint_override": f"http://{settings.names.image}:{link.HTTP_PORT}",
        },
        "cinder": {
            **openstack.login(context, "nova"),
            "os_region_name": settings.region,
            "endpoint_template": f"http://{volume}:{link.HTTP_PORT}/v3" if volume else None,
        },
        "service_user": {**openstack.login(context, "nova"), "send_service_user_token": True},
        "os_vif_ovs": {"ovsdb_connection": f"unix:{layout.switch_socket}"},
        "notifications": {"notification_format": "versioned", "notify_on_state_change": "vm_and_task_state"},
        "oslo_messaging_notifications": openstack.notifications(settings.amqp),
        "oslo_messaging_rabbit": openstack.messaging(settings.amqp),
        "oslo_concurrency": {"lock_path": str(layout.run / "locks")},
        **openstack.privileges(context, NOVA_CONF, "nova_sys_admin", "vif_plug_ovs_privileged", "privsep_osbrick"),
    }


def metadata_sections(context: Context) -> dict[str, ini.Options]:
    """The metadata agent's configuration."""
    settings, layout = context.settings, context.layout
    return {
        "DEFAULT": {
            **openstack.logging(),
            "host": context.host,
            "state_path": str(layout.state / "neutron"),
            "metadata_proxy_socket": str(_metadata_socket(context)),
            "nova_metadata_host": settings.names.metadata,
            "nova_metadata_port": link.HTTP_PORT,
            "nova_metadata_protocol": "http",
            "metadata_proxy_shared_secret": settings.metadata_secret,
            "metadata_workers": 0,
            # a third of it is the longest time, in seconds, that the agent takes to answer whether it lives
            "agent_down_time": 9,
        },
        "ovs": {"ovsdb_connection": f"unix:{layout.switch_socket}"},
        "ovn": {
            "ovn_sb_connection": f"unix:{context.layout.southbound_socket}",
            # milliseconds without a word until it asks whether the other end lives, and again until it gives it up
            "ovsdb_probe_interval": 5000,
        },
        # Run as root already; `env` stands where sudo would.
        "AGENT": {"root_helper": "/usr/bin/env"},
        "oslo_concurrency": {"lock_path": str(layout.run / "locks")},
        **openstack.privileges(
            context,
            "neutron-metadata.conf",
            "privsep",
            "privsep_ovs_vsctl",
            "privsep_namespace",
            "privsep_conntrack",
            "privsep_link",
        ),
    }


def _metadata_socket(context: Context) -> Path:
    return context.layout.run / "metadata/proxy.sock"


def _virtlogd(context: Context) -> ProcessSpec:
    return ProcessSpec(
        name=VIRTLOGD,
        command=("/usr/sbin/virtlogd",),
        env=_LIBVIRT_ENV,
        umask=0o022,
        log=context.layout.log / "virtlogd.log",
        ready=Probe("unix", str(context.layout.libvirt_run / "virtlogd-sock")),
        keep_on_shutdown=True,
    )


def _libvirtd(context: Context, config: File) -> ProcessSpec:
    return ProcessSpec(
        name=LIBVIRTD,
        command=("/usr/sbin/libvirtd", "--config", str(config.path)),
        env=marked(_LIBVIRT_ENV, config),
        umask=0o022,
        log=context.layout.log / "libvirtd.log",
        after=(VIRTLOGD,),
        ready=Probe("unix", str(context.layout.libvirt_run / "libvirt-sock")),
        keep_on_shutdown=True,
    )


def _compute(context: Context, config: File) -> ProcessSpec:
    ready = context.layout.run / "nova-compute/ready"
    python = str(context.environment / "bin/python")
    return ProcessSpec(
        name=COMPUTE,
        command=(
            python,
            "-m",
            "aloft.inside.compute",
            str(config.path),
            str(ready),
            context.facts.datapath,
            str(context.layout.state),
        ),
        env=marked(context.path_env(), config),
        umask=0o022,
        clear=(ready.parent,),
        ready=Probe("file", str(ready)),
        start_timeout=180,
        log=context.layout.log / "nova-compute.log",
        after=(link.PROCESS,) if context.facts.systemd else (link.PROCESS, LIBVIRTD, switch.SWITCH),
        stop_timeout=20,
    )


def _metadata(context: Context, config: File) -> ProcessSpec:
    return ProcessSpec(
        name=METADATA,
        command=(str(context.environment / "bin/python"), "-m", "aloft.inside.metadata", str(config.path)),
        env=marked(context.path_env(), config),
        umask=0o022,
        log=context.layout.log / "neutron-ovn-metadata-agent.log",
        clear=(_metadata_socket(context).parent,),
        # its socket is not connected to: the agent takes a connection without a request for an error
        ready=Probe("file", str(_metadata_socket(context))),
        start_timeout=120,
        after=(link.PROCESS,) if context.facts.systemd else (link.PROCESS, switch.SWITCH),
        stop_timeout=20,
    )


def _disks(context: Context) -> ProcessSpec:
    path = context.layout.disks_socket
    command = (str(context.environment / "bin/python"), "-m", "aloft.inside.disks")
    return ProcessSpec(
        name=DISKS,
        command=(*command, str(path), str(context.layout.instances)),
        env=context.path_env(),
        # the link connects through the socket's group, which it gets from the folder
        umask=0o007,
        log=context.layout.log / "disks.log",
        ready=Probe("unix", str(path)),
        oom_score_adj=-300,
    )
