"""The process that tells the region what is on the host; hypervisors and image libraries have it."""

import sys

from aloft.ground import link
from aloft.ground.roles.model import Context
from aloft.supervise.spec import ProcessSpec

PROCESS = "agent/inventory"
LIBVIRT_URI = "qemu:///system"


def processes(context: Context) -> tuple[ProcessSpec, ...]:
    """The process, with what the host's roles have to tell; none in a region without sync."""
    layout, name = context.layout, context.settings.names.sync
    if not name:
        return ()
    looks: list[str] = []
    if "hypervisor" in context.roles:
        looks += ["--libvirt", LIBVIRT_URI, "--switch", str(layout.switch_socket)]
        looks += ["--instances", str(layout.instances)]
    if "image-library" in context.roles:
        looks += ["--images", str(layout.image_folder), "--memory", str(layout.state / "image-hashes.json")]
    return (
        ProcessSpec(
            name=PROCESS,
            # the agent's own interpreter: it has libvirt's binding, and nothing of OpenStack is needed
            command=(
                sys.executable,
                *("-m", "aloft.ground.inventory", "--link", f"127.0.0.1:{link.HTTP_PORT}", "--name", name),
                *looks,
            ),
            # one heap for all threads: they take turns anyway, and it keeps the process small
            env={**context.path_env(), "MALLOC_ARENA_MAX": "1"},
            log=layout.log / "inventory.log",
            after=(link.PROCESS,),
            umask=0o077,
        ),
    )
