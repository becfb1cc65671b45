"""Neutron with ML2/OVN: API, maintenance and periodic workers in one process."""

from aloft.controller.context import Context
from aloft.controller.declare import Endpoint, Files, Process, Service, answers
from aloft.controller.ini import render
from aloft.controller.network import ml2_sections
from aloft.controller.services import shared


def _files(context: Context) -> Files:
    template = ml2_sections(context.spec.network)
    return {
        "neutron/neutron.conf": render(
            {
                "DEFAULT": {
                    **shared.logging(),
                    **shared.rpc_pool(),
                    "transport_url": context.transport_url("neutron"),
                    "host": "controller",
                    "auth_strategy": "keystone",
                    "core_plugin": "ml2",
                    "service_plugins": "ovn-router,qos,trunk,port_forwarding",
                    "state_path": str(context.slot.state / "neutron"),
                    "api_paste_config": str(context.environment / "etc/neutron/api-paste.ini"),
                    "allow_overlapping_ips": None,
                    "notify_nova_on_port_status_changes": True,
                    "notify_nova_on_port_data_changes": True,
                    "dns_domain": f"{context.spec.region}.{context.spec.customer}.",
                    "rpc_workers": 0,
                    "api_workers": 1,
                    "global_physnet_mtu": context.spec.network.overlay.mtu,
                },
                "database": shared.database(context, "neutron", "neutron"),
                "keystone_authtoken": shared.authtoken(context, "neutron"),
                "nova": {**shared.login(context, "neutron"), "endpoint_type": "internal"},
                "placement": shared.client(context, "neutron"),
                "oslo_messaging_notifications": shared.notifications(context, "neutron"),
                "oslo_messaging_rabbit": shared.messaging(),
                "oslo_concurrency": shared.concurrency(context),
            }
        ),
        "neutron/ml2_conf.ini": render(
            {
                "ml2": {
                    "type_drivers": "local,flat,vlan,geneve,vxlan",
                    **template["ml2"],
                    "mechanism_drivers": "ovn",
                    "extension_drivers": "port_security,qos",
                    "overlay_ip_version": 4,
                },
                "ml2_type_flat": template["ml2_type_flat"],
                "ml2_type_vlan": template["ml2_type_vlan"],
                "ml2_type_geneve": {"vni_ranges": "1:4000", "max_header_size": 38},
                "ml2_type_vxlan": {"vni_ranges": "4001:5000"},
                "securitygroup": {"enable_security_group": True},
                "ovn": {
                    "ovn_nb_connection": f"unix:{context.slot.socket('ovn-nb')}",
                    "ovn_sb_connection": f"unix:{context.slot.socket('ovn-sb')}",
                    "ovn_metadata_enabled": True,
                    "neutron_sync_mode": "off",  # the maintenance tasks repair what differs; a full scan takes 20 s
                    # by way of the network hosts: a hypervisor need not have a card in the physical network
                    "enable_distributed_floating_ip": False,
                    "ovn_emit_need_to_frag": True,
                },
            }
        ),
    }


def _env(context: Context) -> dict[str, str]:
    files = (context.conf / "neutron/neutron.conf", context.conf / "neutron/ml2_conf.ini")
    return {"OS_NEUTRON_CONFIG_FILES": ";".join(map(str, files)), "ASGI_WORKERS": "1"}


SERVICE = Service(
    name="neutron",
    project="neutron",
    schemas=("neutron",),
    migrate=(
        (
            "neutron-db-manage",
            "--config-file",
            "{conf}/neutron/neutron.conf",
            "--config-file",
            "{conf}/neutron/ml2_conf.ini",
            "upgrade",
            "heads",
        ),
        ("python", "-m", "aloft.inside.fill", "neutron", "{conf}/neutron/neutron.conf", "{conf}/neutron/ml2_conf.ini"),
    ),
    status=(
        "neutron-status",
        "--config-file",
        "{conf}/neutron/neutron.conf",
        "--config-file",
        "{conf}/neutron/ml2_conf.ini",
        "upgrade",
        "check",
    ),
    broker=True,
    roles=("admin", "service"),
    endpoints=(
        Endpoint(
            label="network",
            process="neutron-api",
            type="network",
            description="OpenStack Networking",
            check="/v2.0/networks",
        ),
    ),
    processes=(
        Process(
            name="neutron-api",
            entry="aloft.inside.neutron:controller",
            arguments=lambda context: {"socket": str(context.slot.socket("neutron-api"))},
            env=_env,
            after=("memcached", "ovn-nb", "ovn-sb"),
            ready=answers("neutron-api"),
            listens=("neutron-api",),
        ),
    ),
    files=_files,
)
