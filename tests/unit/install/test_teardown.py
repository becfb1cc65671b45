"""What `destroy` takes out of the system's files, and what it leaves."""

from pathlib import Path

from aloft.base.paths import Paths
from aloft.install import teardown

HOSTS = """\
127.0.0.1 localhost
# Aloft: begin
127.0.0.1 plane.aloft.internal
# Aloft: end
10.0.0.1 printer
# Aloft agent: begin
127.0.0.1 compute.demo-1.demo.aloft.internal
# Aloft agent: end
"""


def test_only_our_blocks_leave_the_hosts_file() -> None:
    assert teardown.without_blocks(HOSTS) == "127.0.0.1 localhost\n10.0.0.1 printer\n"
    assert teardown.without_blocks("127.0.0.1 localhost\n") == "127.0.0.1 localhost\n"


def test_environments_are_kept_when_asked(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    for folder in (paths.etc, paths.state, paths.opt):
        folder.mkdir(parents=True)
    teardown.remove_files(paths, keep_environments=True)
    assert paths.opt.exists()
    assert not paths.state.exists()
    teardown.remove_files(paths, keep_environments=False)
    assert not teardown.remains(paths)
