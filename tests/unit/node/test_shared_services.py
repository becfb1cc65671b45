"""How MariaDB and RabbitMQ are declared, and what is let through to them."""

from pathlib import Path

import pytest

from aloft.base.errors import InvalidInput
from aloft.base.paths import Paths
from aloft.node import mariadb
from aloft.node.database import Database

PATHS = Paths(Path("/srv/x"))


def test_another_setting_is_another_process() -> None:
    plain = mariadb.process(PATHS, mariadb.Settings())
    assert plain == mariadb.process(PATHS, mariadb.Settings())
    assert plain.fingerprint() != mariadb.process(PATHS, mariadb.Settings(redo_log_mib=512)).fingerprint()


def test_the_database_does_not_listen_on_the_network() -> None:
    lines = mariadb.configuration(PATHS, mariadb.Settings()).splitlines()
    assert "skip_networking" in lines
    assert "innodb_flush_log_at_trx_commit = 1" in lines
    assert f"socket = {PATHS.database_socket}" in lines


@pytest.mark.parametrize("name", ["", "1a", "A", "a-b", "a`b", "a'b", "a.b", "a\nb", "x" * 64])
async def test_names_that_would_need_quoting_are_refused(name: str) -> None:
    database = Database(PATHS)
    with pytest.raises(InvalidInput):
        await database.create_schemas([name])
    with pytest.raises(InvalidInput):
        await database.drop_schemas([name])
    with pytest.raises(InvalidInput):
        await database.ensure_user("fine", "pw", [name])
    with pytest.raises(InvalidInput):
        await database.ensure_user(name, "pw", ["fine"])
    with pytest.raises(InvalidInput):
        await database.drop_user(name)
