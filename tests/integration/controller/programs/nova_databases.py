"""Empty databases of Nova's, for programs beside it."""

from types import SimpleNamespace

from nova import objects, rpc
from nova.conf import CONF
from nova.db.api import api as api_database
from nova.db.api import models as api_models
from nova.db.main import api as database
from nova.db.main import models


def make_databases(file: str) -> None:
    """Make them beside each other, and have Nova's objects use them.

    Args:
        file: path of the cell's database; that of the API has ``.api`` after it.
    """
    CONF([], project="nova", default_config_files=[])
    database.context_manager.configure(connection=f"sqlite:///{file}")
    api_database.context_manager.configure(connection=f"sqlite:///{file}.api")
    models.BASE.metadata.create_all(database.get_engine())
    api_models.BASE.metadata.create_all(api_database.get_engine())
    objects.register_all()
    rpc.NOTIFIER = rpc.LEGACY_NOTIFIER = SimpleNamespace(is_enabled=lambda: False)
