"""What `destroy` removes, and what it leaves."""

from pathlib import Path

import pytest

from aloft.base.paths import Paths
from aloft.ground.layout import Layout
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


def test_definitions_of_nova_go_where_libvirt_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teardown.shutil, "which", lambda program: None)
    layout = Layout.of(Paths(tmp_path))
    layout.libvirt_definitions.mkdir(parents=True)
    (layout.libvirt_run / "qemu").mkdir(parents=True)
    made, other = (layout.libvirt_definitions / f"{name}.xml" for name in ("instance-00000001", "payroll"))
    made.write_text(f'<domain><metadata><nova:instance xmlns:nova="{teardown.NOVA_MARK}/1.1"/></metadata></domain>')
    other.write_text("<domain><name>payroll</name></domain>")
    assert teardown.remove_instances(layout) == "removed 1"
    assert not made.exists()
    assert other.exists()
    assert teardown.remove_instances(layout) == "there are none"
