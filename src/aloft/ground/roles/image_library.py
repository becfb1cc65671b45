"""The image library: Glance's API on the host; images lie here, only their records lie with the provider."""

from pathlib import Path
from urllib.parse import quote

from aloft.base.errors import PermanentError
from aloft.ground import ini, link
from aloft.ground.roles import inventory, openstack, requirements
from aloft.ground.roles.model import Context, File, Folder, Role, marked
from aloft.supervise.spec import Probe, ProcessSpec

NAME = "image-library"
REQUIREMENTS = (requirements.root, requirements.distribution, requirements.disk(2048))
"""What a host must have before anything is installed on it."""
API = "agent/glance-api"
USER = 64064
"""The numeric user that Glance runs as where the link alone connects to it; Debian gives out none of that range."""


def role(context: Context) -> Role:
    """The role on this host."""
    images, user = context.layout.images, owner(context)
    folder = images / "config"
    config = File(folder / "glance-api.conf", ini.render(sections(context)), 0o400, user, user)
    own = (images, folder, images / "store", images / "staging", images / "tasks", images / "locks")
    return Role(
        name=NAME,
        requirements=(*REQUIREMENTS, requirements.release(context.release)),
        release=context.release,
        packages=("haproxy", "qemu-utils"),
        folders=(
            openstack.link_folder(context.layout.image_socket.parent, user),
            *(Folder(path, 0o700, user, user) for path in own),
            Folder(context.layout.image_folder, 0o700),
        ),
        files=(config,),
        processes=(_api(context, config), *inventory.processes(context)),
    )


def socket(context: Context) -> Path:
    """The unix socket that Glance listens on."""
    listen = context.settings.image_library.listen
    return Path(listen) if listen else context.layout.image_socket


def owner(context: Context) -> int:
    """The numeric user that Glance runs as: the one whose folder it makes its socket in, where that is another's."""
    listen = context.settings.image_library.listen
    return Path(listen).parent.stat().st_uid if listen and Path(listen).parent.exists() else USER


def sections(context: Context) -> dict[str, ini.Options]:
    """Glance's configuration.

    Raises:
        PermanentError: the plane gave the host no database for images.
    """
    settings, images = context.settings, context.layout.images
    if settings.database is None:
        raise PermanentError(
            "The plane gave this host no database for images.", "Take the role from the host and give it again."
        )
    database = settings.database
    user, password = quote(database.user, safe=""), quote(database.password, safe="")
    etc = context.environment / "etc/glance"
    return {
        "DEFAULT": {
            **openstack.logging(),
            "enabled_backends": "library:file",
            "enabled_import_methods": "[glance-direct,copy-image]",
            "worker_self_reference_url": f"http://127.0.0.1:{link.IMAGE_LIBRARY_PORT}",
            "show_multiple_locations": False,
        },
        "glance_store": {"default_backend": "library"},
        "library": {"filesystem_store_datadir": str(images / "store"), "filesystem_thin_provisioning": True},
        "os_glance_staging_store": {"filesystem_store_datadir": str(images / "staging")},
        "os_glance_tasks_store": {"filesystem_store_datadir": str(images / "tasks")},
        "database": {
            "connection": f"mysql+pymysql://{user}:{password}@127.0.0.1:{link.DATABASE_PORT}/{database.schema_name}"
            "?charset=utf8mb4",
            "max_pool_size": 4,
            "max_overflow": 16,
            "connection_recycle_time": 1800,
            "max_retries": -1,
            "retry_interval": 1,
        },
        "keystone_authtoken": {
            **openstack.login(context, "glance"),
            "www_authenticate_uri": f"https://{settings.names.identity}/v3",
            "interface": "internal",
            "service_token_roles": "service",
            "service_token_roles_required": True,
        },
        "paste_deploy": {"flavor": "keystone", "config_file": str(etc / "glance-api-paste.ini")},
        "oslo_messaging_notifications": openstack.notifications(settings.amqp),
        "oslo_messaging_rabbit": openstack.messaging(settings.amqp),
        "oslo_concurrency": {"lock_path": str(images / "locks")},
    }


def _api(context: Context, config: File) -> ProcessSpec:
    path, user = socket(context), owner(context)
    start = f"from aloft.inside.glance import api; api({str(path)!r})"
    env = {
        **context.path_env(),
        "OS_GLANCE_CONFIG_DIR": str(config.path.parent),
    }
    return ProcessSpec(
        name=API,
        command=(str(context.environment / "bin/python"), "-c", start),
        env=marked({**env, "HOME": str(context.layout.images)}, config),
        user=user,
        group=user,
        # the edge connects through the socket's group, which it gets from the folder
        umask=0o007,
        log=context.layout.log / "glance-api.log",
        after=(link.PROCESS,),
        ready=Probe("unix", str(path)),
        start_timeout=90,
        stop_timeout=20,
    )
