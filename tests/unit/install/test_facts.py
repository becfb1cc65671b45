"""Reading the machine's own tables."""

from pathlib import Path

from aloft.base.paths import Paths
from aloft.install import facts

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0
   1: 0100007F:1BA8 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0
"""


def test_only_listening_ports_count() -> None:
    assert facts.listeners(TABLE) == {443: "4711"}


def test_quotes_in_os_release_are_taken_off(tmp_path: Path) -> None:
    (tmp_path / "os-release").write_text('ID=debian\nVERSION_ID="12"\n# comment\n')
    assert facts.os_release(tmp_path / "os-release") == {"ID": "debian", "VERSION_ID": "12"}
    assert facts.os_release(tmp_path / "none") == {}


def test_a_process_is_ours_by_its_folders() -> None:
    paths = Paths(Path("/"))
    assert facts.is_ours("/usr/sbin/haproxy -f /var/lib/aloft/edge/haproxy.cfg", paths)
    assert not facts.is_ours("/usr/sbin/haproxy -f /etc/haproxy/haproxy.cfg", paths)


def test_a_registry_in_a_folder_only_has_to_exist(tmp_path: Path) -> None:
    assert facts.ask_registry({"UV_DEFAULT_INDEX": f"file://{tmp_path}"}) == ""
    assert "does not exist" in facts.ask_registry({"UV_DEFAULT_INDEX": f"file://{tmp_path}/none"})


def test_a_registry_that_refuses_is_named_without_its_password() -> None:
    problem = facts.ask_registry({"UV_DEFAULT_INDEX": "http://me:secret@127.0.0.1:1/simple"}, attempts=1)
    assert "127.0.0.1" in problem
    assert "secret" not in problem
