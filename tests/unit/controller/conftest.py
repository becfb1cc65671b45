import pytest

from aloft.base.paths import Paths
from aloft.controller.context import Context, Secrets, Slot
from aloft.controller.services import ALL
from aloft.controller.spec import ControllerSpec


@pytest.fixture
def make_context(tmp_path):
    """Make a context whose release has the few files that declarations read."""

    def make(slot=3, **spec) -> Context:
        paths = Paths(tmp_path)
        values = {"customer": "acme", "region": "dc1", "release": "2026.2", "domain": "aloft.internal", **spec}
        paste = paths.environment(values["release"]) / "etc/nova/api-paste.ini"
        paste.parent.mkdir(parents=True, exist_ok=True)
        paste.write_text("[composite:metadata]\n")
        names = {service.name for service in ALL}
        return Context(ControllerSpec(**values), Slot(slot, paths), Secrets.generate(names, names, names))

    return make
