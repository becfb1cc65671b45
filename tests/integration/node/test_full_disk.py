"""A real MariaDB on a disk that fills up: what is loaded says so, what is there is read on, room is enough."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aloft.base.errors import PermanentError
from aloft.base.paths import Paths
from aloft.node import mariadb
from aloft.node.database import Database

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

SMALL = mariadb.Settings(connections=50, tables=400, buffer_pool_mib=64, redo_log_mib=16)
DISK = "400m"
ROWS = 5000
TABLE = "CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(4000))"


@pytest.fixture
def small_disk(paths: Paths) -> Iterator[Path]:
    """The node's state on a disk of its own."""
    paths.state.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(paths.state)], check=True)
    yield paths.state
    subprocess.run(["umount", "--lazy", str(paths.state)], check=True)


def fill(folder: Path) -> Path:
    """Take all the room that there is."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 16)):
                pass
        except OSError:
            return filler
    raise AssertionError("the disk has no end")


async def test_what_finds_no_room_says_so_and_is_loaded_when_there_is_some(
    small_disk: Path, paths: Paths, daemon: Callable[..., Any], tmp_path: Path
) -> None:
    server = daemon(mariadb.process(paths, SMALL), lambda: mariadb.initialise(paths, SMALL))
    server.start()
    database = Database(paths)
    await server.ready(database.ping)
    await database.create_schemas(["s1_nova", "s2_nova"])
    await database.execute("s1_nova", [TABLE])
    dump = tmp_path / "large.sql"
    dump.write_text(f"{TABLE};\n" + f"INSERT INTO t (what) VALUES ('{'x' * 4000}');\n" * ROWS)

    filler = fill(small_disk)
    with pytest.raises(PermanentError, match=r"full|space|Errcode: 28"):
        await database.load("s2_nova", dump)
    assert (await database.execute("s1_nova", ["SELECT COUNT(*) FROM t"]))[0][0] == 0  # reading goes on
    filler.unlink()
    await database.drop_schemas(["s2_nova"])
    await database.create_schemas(["s2_nova"])
    await database.load("s2_nova", dump)
    assert (await database.execute("s2_nova", ["SELECT COUNT(*) FROM t"]))[0][0] == ROWS
