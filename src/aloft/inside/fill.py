"""Fill the tables that services would fill at their first start, so that a golden database has them already.

python -m aloft.inside.fill placement|neutron|glance CONFIG [CONFIG ...]
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path


def placement(config: str) -> None:
    """Standard traits and resource classes (``placement.deploy.update_database``)."""
    os.environ["OS_PLACEMENT_CONFIG_DIR"] = str(Path(config).parent)
    from placement import wsgi

    wsgi.init_application()


def neutron(*configs: str) -> None:
    """Segment allocations of the tunnel and VLAN types (``TypeManager.initialize``)."""
    from neutron.common import config
    from neutron.plugins.ml2 import managers

    config.register_common_config_options()
    config.init([f"--config-file={name}" for name in configs])
    managers.TypeManager().initialize()


def glance(config: str) -> None:
    """The metadata definitions that Glance ships, which pickers for flavors' and images' properties read."""
    from glance.common import config as options
    from glance.db.sqlalchemy import api, metadata

    options.parse_args([f"--config-file={config}"])
    # given a folder, it would number them in the order in which the file system happens to list them
    for file in sorted((Path(sys.prefix) / "etc/glance/metadefs").glob("*.json")):
        metadata.db_load_metadefs(api.get_engine(), str(file))


if __name__ == "__main__":
    fillers: dict[str, Callable[..., None]] = {"placement": placement, "neutron": neutron, "glance": glance}
    fillers[sys.argv[1]](*sys.argv[2:])
