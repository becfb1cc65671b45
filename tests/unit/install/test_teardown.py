"""What `destroy` removes, and what it leaves."""

from pathlib import Path

from aloft.base.paths import Paths
from aloft.install import teardown


def test_environments_are_kept_when_asked(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    for folder in (paths.etc, paths.state, paths.opt):
        folder.mkdir(parents=True)
    teardown.remove_files(paths, keep_environments=True)
    assert paths.opt.exists()
    assert not paths.state.exists()
    teardown.remove_files(paths, keep_environments=False)
    assert not teardown.remains(paths)
