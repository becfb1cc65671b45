"""How the node speaks with RabbitMQ's management."""

import httpx
import pytest

from aloft.base.errors import TemporaryError
from aloft.base.paths import Paths
from aloft.node.broker import Broker
from aloft.node.rabbitmq import Settings


def _broker(tmp_path, monkeypatch, closed):
    """A broker whose server closes the connection on the first ``closed`` calls; and what was asked of it."""
    asked = []

    def answer(request):
        asked.append(f"{request.method} {request.url.path}")
        if len(asked) <= closed:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return httpx.Response(200, json=[]) if request.method == "GET" else httpx.Response(204)

    broker = Broker(Paths(tmp_path), Settings())
    monkeypatch.setattr(broker, "_client", lambda: httpx.AsyncClient(transport=httpx.MockTransport(answer)))
    return broker, asked


async def test_a_connection_that_was_just_closed_is_no_failure(tmp_path, monkeypatch):
    broker, asked = _broker(tmp_path, monkeypatch, 1)
    await broker.delete_user("s3-host-h1")
    assert asked == ["DELETE /api/users/s3-host-h1"] * 2


async def test_a_broker_that_goes_on_closing_is_told(tmp_path, monkeypatch):
    broker, asked = _broker(tmp_path, monkeypatch, 2)
    with pytest.raises(TemporaryError, match="does not answer"):
        await broker.delete_user("s3-host-h1")
    assert len(asked) == 2


@pytest.mark.parametrize("taken", ["user", "vhost"])
async def test_a_user_is_made_again_once_it_or_its_virtual_host_was_taken_away(tmp_path, monkeypatch, taken):
    broker, asked = _broker(tmp_path, monkeypatch, 0)
    await broker.keep_user("s3-host-h1", "secret", "s3")
    made = len(asked)
    await broker.keep_user("s3-host-h1", "secret", "s3")
    assert len(asked) == made, "it is there"
    await (broker.delete_user("s3-host-h1") if taken == "user" else broker.delete_vhost("s3"))
    await broker.keep_user("s3-host-h1", "secret", "s3")
    assert len(asked) == 2 * made + 1
