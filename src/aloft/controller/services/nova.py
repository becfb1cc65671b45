"""Nova: APIs, conductor, scheduler, console proxy, Placement and the region's sync in one process."""

from aloft.controller.context import Context, Slot
from aloft.controller.declare import Endpoint, Files, Process, Service, answers
from aloft.controller.ini import Sections, render
from aloft.controller.services import shared, sync

NOVNC = "/usr/share/novnc"


def _sections(context: Context) -> Sections:
    return {
        "DEFAULT": {
            **shared.logging(),
            **shared.rpc_pool(),
            "transport_url": context.transport_url("nova"),
            "host": "controller",
            "my_ip": "127.0.0.1",
            "state_path": str(context.slot.state / "nova"),
            "service_down_time": 60,
            "report_interval": 10,
            "osapi_compute_unique_server_name_scope": "",
            "cpu_allocation_ratio": None,
            "dhcp_domain": None,
            # An adopted instance is resized where it is; any other one may be.
            "allow_resize_to_same_host": True,
        },
        "api": {"auth_strategy": "keystone", "dhcp_domain": f"{context.spec.region}.{context.spec.customer}"},
        "api_database": shared.database(context, "nova", "nova_api"),
        "database": shared.database(context, "nova", "nova"),
        "wsgi": {"api_paste_config": str(context.environment / "etc/nova/api-paste.ini")},
        "keystone_authtoken": shared.authtoken(context, "nova"),
        "service_user": shared.service_user(context, "nova"),
        "keystone": shared.client(context, "nova"),
        "placement": shared.client(context, "nova"),
        "cinder": {
            **shared.login(context, "nova"),
            "os_region_name": context.spec.region,
            "catalog_info": "block-storage::internalURL",
        },
        "glance": shared.client(context, "nova"),
        "neutron": {
            **shared.client(context, "nova"),
            "service_metadata_proxy": True,
            "metadata_proxy_shared_secret": context.secrets.metadata,
        },
        "cache": {
            "enabled": True,
            "backend": "dogpile.cache.pymemcache",
            "memcache_servers": f"unix:{context.slot.socket('memcached')}",
        },
        "notifications": {
            "notification_format": "versioned",
            "notify_on_state_change": "vm_and_task_state",
        },
        "conductor": {"workers": 1},
        "scheduler": {"workers": 1},
        "filter_scheduler": {
            "track_instance_changes": False,
            # Nova's own list, the one that keeps adopted instances on their hosts, and flavors' for host aggregates
            "enabled_filters": "ComputeFilter,ComputeCapabilitiesFilter,ImagePropertiesFilter,"
            "ServerGroupAntiAffinityFilter,ServerGroupAffinityFilter,SameHostFilter,"
            "AggregateInstanceExtraSpecsFilter",
        },
        # Hosts get a newer release one after another: say nothing to them that the oldest would not understand.
        "upgrade_levels": {"compute": "auto"},
        "vnc": {"enabled": True, "novncproxy_base_url": context.public("console", "/vnc_lite.html")},
        "oslo_messaging_notifications": shared.notifications(context, "nova"),
        "oslo_messaging_rabbit": shared.messaging(),
        "oslo_concurrency": shared.concurrency(context),
    }


def _files(context: Context) -> Files:
    return {
        "nova/nova.conf": render(_sections(context)),
        "nova/api-paste.ini": (context.environment / "etc/nova/api-paste.ini").read_text(),
    }


CELL0 = "00000000-0000-0000-0000-000000000000"
CELL1 = "00000000-0000-0000-0000-000000000001"


def _cells(slot: Slot) -> dict[str, tuple[str, ...]]:
    """Map the two cells with URLs that Nova fills in from its own config, so that no password lies in the table."""
    database = "{scheme}://{username}:{password}@{hostname}/%s?{query}"
    transport = "{scheme}://{username}:{password}@{hostname}:{port}/{path}"
    cells = (
        (CELL0, "cell0", "none:///", database % slot.schema("nova_cell0")),
        (CELL1, "cell1", transport, database % slot.schema("nova")),
    )
    return {
        "nova_api": tuple(
            "INSERT INTO cell_mappings (created_at, uuid, name, transport_url, database_connection, disabled)"  # noqa: S608
            f" VALUES (UTC_TIMESTAMP(), '{uuid}', '{name}', '{broker}', '{url}', 0)"
            " ON DUPLICATE KEY UPDATE transport_url = VALUES(transport_url),"
            " database_connection = VALUES(database_connection)"
            for uuid, name, broker, url in cells
        )
    }


SERVICE = Service(
    name="nova",
    project="nova",
    schemas=("nova_api", "nova", "nova_cell0"),
    copies={"nova_cell0": "nova"},
    migrate=(
        ("nova-manage", "--config-file", "{conf}/nova/nova.conf", "api_db", "sync"),
        ("nova-manage", "--config-file", "{conf}/nova/nova.conf", "db", "sync", "--local_cell"),
    ),
    upgrade={
        "nova_api": ("nova-manage", "--config-file", "{conf}/nova/nova.conf", "api_db", "sync"),
        "nova": ("nova-manage", "--config-file", "{conf}/nova/nova.conf", "db", "sync"),  # cell0, too
    },
    online=(("nova-manage", "--config-file", "{conf}/nova/nova.conf", "db", "online_data_migrations"),),
    status=("nova-status", "--config-file", "{conf}/nova/nova.conf", "upgrade", "check"),
    rows=_cells,
    broker=True,
    roles=("admin", "service"),
    endpoints=(
        Endpoint(
            label="compute",
            process="nova-api",
            type="compute",
            path="/v2.1",
            description="OpenStack Compute",
            check="/v2.1/servers",
        ),
        Endpoint(label="metadata", process="nova-metadata"),
        Endpoint(label="console", process="nova-novncproxy"),
        Endpoint(label="streams", process="streams"),
    ),
    processes=(
        Process(
            name="nova-api",
            entry="aloft.inside.nova:controller",
            arguments=lambda context: {
                "socket": str(context.slot.socket("nova-api")),
                "metadata_socket": str(context.slot.socket("nova-metadata")),
                "console_socket": str(context.slot.socket("nova-novncproxy")),
                "streams_socket": str(context.slot.socket("streams")),
                "images_socket": str(context.slot.socket("images")),
                "library_socket": str(context.slot.socket("library")),
                "web": NOVNC,
                "placement_socket": str(context.slot.socket("placement")),
                "sync_socket": str(context.slot.socket("sync")),
                "sync_config": str(context.conf / sync.CONFIG),
            },
            env=lambda context: {
                "OS_NOVA_CONFIG_DIR": str(context.conf / "nova"),
                "OS_PLACEMENT_CONFIG_DIR": str(context.conf / "placement"),
            },
            after=("memcached", "keystone"),
            ready=answers("nova-api"),
            listens=("nova-api", "nova-metadata", "nova-novncproxy", "placement"),
        ),
    ),
    files=_files,
)
