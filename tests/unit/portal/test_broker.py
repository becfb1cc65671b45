import asyncio
import contextlib
from pathlib import Path

import pytest

from aloft.portal.events import broker
from aloft.portal.events.broker import Notifications
from aloft.portal.events.hub import Hub
from aloft.portal.settings import Notifying, Settings, Vhosts


class Falling(Notifications):
    """Falls down once by a fault that nobody thought of."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.followed = 0
        self.again = asyncio.Event()

    async def _region(self, region: str, where: Notifying, hub: Hub) -> None:
        self.followed += 1
        if self.followed == 1:
            raise RuntimeError("nobody thought of it")
        self.again.set()
        await asyncio.Event().wait()


async def test_a_region_is_followed_again_after_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "LOOK_SECONDS", 0.0)
    where = Notifying(vhost="demo-1", port=5672, password=tmp_path / "password")
    regions: Vhosts = {"demo": {"demo-1": where}}
    monkeypatch.setattr(Settings, "vhosts", lambda _settings, customer: regions[customer])
    notifications = Falling(Settings(domain="example"))
    following = asyncio.create_task(notifications.follow("demo", Hub()))
    await notifications.again.wait()
    following.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await following
    assert notifications.followed == 2
