"""Nova's conductor, which makes a host known to the scheduler at once."""

import logging
from typing import Any

from nova import exception
from nova.conductor import manager
from nova.objects import host_mapping

_log = logging.getLogger(__name__)


class Conductor(manager.ConductorManager):  # type: ignore[misc]  # Nova is not typed
    """The conductor, which maps a host to the region's cell in the moment in which its hypervisor is recorded.

    Upstream leaves that to a periodic task. Until it has run, the scheduler can choose the host, for Placement has
    heard of it, and every instance that it puts there fails.
    """

    def object_action(self, context: Any, objinst: Any, objmethod: str, args: Any, kwargs: Any) -> Any:
        """Perform an action on an object."""
        done = super().object_action(context, objinst, objmethod, args, kwargs)
        if (objinst.obj_name(), objmethod) == ("ComputeNode", "create"):
            _map_hosts(context)
        return done


def _map_hosts(context: Any) -> None:
    """Map all hosts that are not; what does not succeed is left to the periodic task."""
    try:
        host_mapping.discover_hosts(context.elevated())
    except exception.HostMappingExists:
        _log.debug("A host was mapped by the periodic task in this moment.")
    except Exception:
        _log.exception("A host could not be mapped to its cell; that is tried again within a minute.")
