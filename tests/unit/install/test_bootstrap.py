"""The bootstrap: who needs root, what uv is told about the registry, when something is made anew."""

import subprocess
import sys
from pathlib import Path

import pytest

from aloft.base.paths import Paths
from aloft.install import bootstrap

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("line", "root"),
    [
        ("up", True),
        ("up --no-demo", True),
        ("up --help", False),
        ("down", True),
        ("destroy --yes", True),
        ("test", True),
        ("test integration", True),
        ("test unit journeys", True),
        ("test unit", False),
        ("test lint types unit", False),
        ("status --json", False),
        ("", False),
    ],
)
def test_only_what_changes_the_machine_needs_root(line: str, root: bool) -> None:
    assert bootstrap.wants_root(line.split()) is root


def test_it_runs_on_a_machine_with_nothing_but_python() -> None:
    code = f"import sys; sys.path.insert(0, {str(CHECKOUT / 'src')!r}); import aloft.install.bootstrap"
    subprocess.run([sys.executable, "-I", "-S", "-B", "-c", code], check=True)


def test_uv_uses_the_mirror_and_the_certificates_that_pip_is_set_up_for() -> None:
    pip = {"global.index-url": "https://mirror/simple", "global.cert": "/ca.pem", "global.find-links": "/a /b"}
    settings = bootstrap.registry_settings({}, pip)
    assert settings["UV_DEFAULT_INDEX"] == "https://mirror/simple"
    assert settings["SSL_CERT_FILE"] == "/ca.pem"
    assert settings["UV_FIND_LINKS"] == "/a,/b"


def test_pips_variables_win_over_its_files() -> None:
    settings = bootstrap.registry_settings({"PIP_INDEX_URL": "https://b"}, {"global.index-url": "https://a"})
    assert settings["UV_DEFAULT_INDEX"] == "https://b"


def test_extra_indexes_are_searched_as_pip_does() -> None:
    settings = bootstrap.registry_settings({}, {"global.extra-index-url": "file:///a file:///b"})
    assert settings["UV_INDEX"] == "file:///a file:///b"
    assert settings["UV_INDEX_STRATEGY"] == "unsafe-best-match"


def test_settings_of_uv_itself_are_left_alone() -> None:
    environ = {"UV_DEFAULT_INDEX": "https://own", "SSL_CERT_FILE": "/own.pem", "UV_HTTP_TIMEOUT": "5"}
    assert bootstrap.registry_settings(environ, {"global.index-url": "https://a", "global.cert": "/c"}) == {}


def test_without_certificates_of_its_own_the_systems_are_trusted() -> None:
    assert bootstrap.registry_settings({}, {})["UV_SYSTEM_CERTS"] == "1"


def make_checkout(folder: Path) -> Path:
    for name in ("README.md", "LICENSE", "pyproject.toml", "uv.lock", "src/aloft/a.py", "releases/x/release.toml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_a_changed_source_makes_a_new_wheel_but_keeps_the_dependencies(tmp_path: Path) -> None:
    checkout, environment = make_checkout(tmp_path), bootstrap.tool_environment(Paths(tmp_path))
    before = bootstrap.stamp_of(checkout, environment)
    (checkout / "src/aloft/a.py").write_text("changed")
    after = bootstrap.stamp_of(checkout, environment)
    assert before.dependencies == after.dependencies
    assert before.sources != after.sources


def test_a_changed_lock_makes_new_dependencies(tmp_path: Path) -> None:
    checkout, environment = make_checkout(tmp_path), bootstrap.tool_environment(Paths(tmp_path))
    before = bootstrap.stamp_of(checkout, environment)
    (checkout / "uv.lock").write_text("changed")
    assert before.dependencies != bootstrap.stamp_of(checkout, environment).dependencies


def test_compiled_files_change_nothing(tmp_path: Path) -> None:
    checkout, environment = make_checkout(tmp_path), bootstrap.tool_environment(Paths(tmp_path))
    before = bootstrap.stamp_of(checkout, environment)
    (checkout / "src/aloft/__pycache__").mkdir()
    (checkout / "src/aloft/__pycache__/a.pyc").write_text("x")
    assert before == bootstrap.stamp_of(checkout, environment)


def test_an_environment_that_was_not_finished_has_no_stamp(tmp_path: Path) -> None:
    assert bootstrap.read_stamp(tmp_path) is None
    (tmp_path / bootstrap.STAMP).write_text("{half")
    assert bootstrap.read_stamp(tmp_path) is None


def test_without_root_the_tests_need_nothing_of_the_host(tmp_path: Path) -> None:
    environment = bootstrap.development_environment(Paths(tmp_path), tmp_path, root=False, home=tmp_path)
    assert environment.prefix == tmp_path / ".venv"
    assert environment.extras == ()
