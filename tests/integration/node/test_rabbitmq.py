"""A real RabbitMQ: users open their own virtual host only, and it heals by itself."""

import asyncio
import json
import os
import struct
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from aiormq.exceptions import ChannelAccessRefused

from aloft.base.errors import PermanentError, TemporaryError
from aloft.base.paths import Paths
from aloft.node import rabbitmq
from aloft.node.broker import LISTENER, Broker
from aloft.portal.events.broker import Notifications
from aloft.portal.events.hub import Hub
from aloft.portal.settings import Settings

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
def settings(free_port: Callable[[], int]) -> rabbitmq.Settings:
    port = free_port()
    return rabbitmq.Settings(
        amqp_port=port, management_port=free_port(), distribution_port=free_port(), node=f"test{port}@localhost",
        memory_mib=512,
    )  # fmt: skip


@pytest.fixture
async def server(paths: Paths, settings: rabbitmq.Settings, daemon: Callable[..., Any]) -> AsyncIterator[Any]:
    made = daemon(rabbitmq.process(paths, settings), lambda: rabbitmq.initialise(paths, settings))
    made.start()
    await made.ready(lambda: answers(paths, settings))
    yield made


async def answers(paths: Paths, settings: rabbitmq.Settings) -> None:
    """Both doors are open: clients' and administrators'."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", settings.amqp_port)
    except OSError as error:
        raise TemporaryError("not yet") from error
    writer.close()
    await Broker(paths, settings).ping()


async def opens(port: int, user: str, password: str, vhost: str) -> bool:
    """Log in over AMQP 0-9-1 and open a virtual host; whether that is allowed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def method() -> tuple[int, int]:
        kind, _, size = struct.unpack(">BHI", await reader.readexactly(7))
        payload = await reader.readexactly(size + 1)
        assert kind == 1
        return struct.unpack(">HH", payload[:4])

    def send(group: int, number: int, arguments: bytes) -> None:
        payload = struct.pack(">HH", group, number) + arguments
        writer.write(struct.pack(">BHI", 1, 0, len(payload)) + payload + b"\xce")

    def short(text: str) -> bytes:
        return bytes([len(text)]) + text.encode()

    try:
        writer.write(b"AMQP\x00\x00\x09\x01")
        assert await method() == (10, 10)  # connection.start
        login = f"\0{user}\0{password}".encode()
        send(10, 11, struct.pack(">I", 0) + short("PLAIN") + struct.pack(">I", len(login)) + login + short("en_US"))
        if await method() != (10, 30):  # connection.tune, or it was closed
            return False
        send(10, 31, struct.pack(">HIH", 2047, 131072, 0))
        send(10, 40, short(vhost) + b"\0\0")
        return await method() == (10, 41)  # connection.open-ok
    except (asyncio.IncompleteReadError, ConnectionError):
        return False
    finally:
        writer.close()


async def test_users_open_their_own_vhost_only(paths: Paths, settings: rabbitmq.Settings, server: Any) -> None:
    broker = Broker(paths, settings)
    for slot in ("s1", "s2"):
        for _ in range(2):
            await broker.ensure_vhost(slot)
            await broker.ensure_user(f"{slot}-nova", f"pw-{slot}", slot)
    port = settings.amqp_port
    assert await opens(port, "s1-nova", "pw-s1", "s1")
    assert await opens(port, "s2-nova", "pw-s2", "s2")
    assert not await opens(port, "s1-nova", "pw-s1", "s2")
    assert not await opens(port, "s1-nova", "pw-s1", "/")
    assert not await opens(port, "s1-nova", "pw-s2", "s1")
    assert not await opens(port, "guest", "guest", "/")
    await broker.ensure_user("s1-nova", "new", "s2")
    assert not await opens(port, "s1-nova", "new", "s1")
    assert await opens(port, "s1-nova", "new", "s2")
    for _ in range(2):
        await broker.delete_user("s1-nova")
        await broker.delete_vhost("s1")
    assert await broker.vhosts() == {"/", "s2"}
    assert await broker.users() == {rabbitmq.ADMINISTRATOR, "s2-nova"}
    with pytest.raises(PermanentError):
        await broker.ensure_user("s3-nova", "pw", "missing")


async def test_the_portal_hears_what_services_tell_and_may_do_nothing_else(
    paths: Paths, settings: rabbitmq.Settings, server: Any, tmp_path: Path
) -> None:
    broker = Broker(paths, settings)
    await broker.ensure_vhost("s1")
    await broker.ensure_user("s1-nova", "pw", "s1")
    await broker.ensure_listener("heard", {"s1"})
    await broker.ensure_vhost("s2")
    (tmp_path / "password").write_text("heard\n")
    where = {"vhost": "s1", "port": settings.amqp_port, "password": str(tmp_path / "password")}
    (tmp_path / "vhosts").write_text(json.dumps({"demo": {"demo-1": where}}))
    told = Settings(broker_user=LISTENER, vhosts_file=tmp_path / "vhosts")
    hub = Hub()
    url = f"amqp://{{}}@127.0.0.1:{settings.amqp_port}/s1"
    async with await aio_pika.connect(url.format("s1-nova:pw")) as nova:
        channel = await nova.channel()
        waiting = await channel.declare_queue("notifications.info", durable=True)
        await waiting.bind("nova", "notifications.info")
        payload = {"nova_object.data": {"uuid": "i1", "tenant_id": "p1"}}
        notified = json.dumps({"event_type": "instance.update", "payload": payload}).encode()
        with hub.listen("", None) as listener:
            following = asyncio.create_task(Notifications(told).follow("demo", hub))
            await listener.bell.wait()
            assert listener.missed, "what happened before it listened was told to nobody"
            listener.bell.clear()
            exchange = await channel.get_exchange("nova")
            await exchange.publish(aio_pika.Message(notified), "notifications.info")
            await listener.bell.wait()
            assert [event.id for _, event in listener.waiting] == ["i1"]
        following.cancel()
        assert await waiting.get(fail=False) is None, "nothing waits for those who never come"
    async with await aio_pika.connect(url.format(f"{LISTENER}:heard")) as portal:
        for forbidden in (
            lambda channel: channel.declare_queue("compute"),
            lambda channel: channel.get_queue("notifications.info", ensure=False),
        ):
            channel = await portal.channel()
            with pytest.raises(ChannelAccessRefused):
                queue = await forbidden(channel)
                await queue.get(fail=False)
        channel = await portal.channel()
        with pytest.raises(ChannelAccessRefused):
            exchange = await channel.get_exchange("nova", ensure=False)
            await exchange.publish(aio_pika.Message(b"lie"), "compute", mandatory=True)
    assert await opens(settings.amqp_port, LISTENER, "heard", "s2")
    assert not await opens(settings.amqp_port, LISTENER, "heard", "/")


async def test_it_listens_on_the_loopback_only_and_without_a_port_mapper(
    settings: rabbitmq.Settings, server: Any
) -> None:
    ss = await asyncio.create_subprocess_exec("ss", "-Hltnp", stdout=subprocess.PIPE)
    shown, _ = await ss.communicate()
    own = [line.split()[3] for line in shown.decode().splitlines() if f"pid={server.pid}," in line]
    ports = (settings.amqp_port, settings.management_port, settings.distribution_port)
    assert sorted(own) == sorted(f"127.0.0.1:{port}" for port in ports)


async def test_kill_9_loses_nothing_and_heals(paths: Paths, settings: rabbitmq.Settings, server: Any) -> None:
    broker = Broker(paths, settings)
    await broker.ensure_vhost("s1")
    await broker.ensure_user("s1-nova", "pw", "s1")
    server.stop(9)
    server.start()
    await server.ready(lambda: answers(paths, settings))
    assert await opens(settings.amqp_port, "s1-nova", "pw", "s1")
    server.stop(9)
    for name in ("cluster_nodes.config", "nodes_running_at_shutdown"):
        (paths.state / "rabbitmq/mnesia" / name).write_bytes(b"")
    server.start()
    await server.ready(lambda: answers(paths, settings))
    assert await opens(settings.amqp_port, "s1-nova", "pw", "s1")
    assert server.stop() == 0


def test_secrets_are_closed_to_others(paths: Paths, settings: rabbitmq.Settings) -> None:
    rabbitmq.initialise(paths, settings)
    password = rabbitmq.administrator_password(paths)
    rabbitmq.initialise(paths, settings)
    assert rabbitmq.administrator_password(paths) == password
    for name in ("rabbitmq.conf", "rabbitmq.secret", "rabbitmq", "rabbitmq/.erlang.cookie"):
        assert (paths.state / name).stat().st_mode & 0o007 == 0
    assert password not in str(rabbitmq.process(paths, settings))
