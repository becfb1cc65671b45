"""The plane's settings."""

from pathlib import Path

import pytest

from aloft.base.errors import InvalidInput
from aloft.plane.settings import load


def test_a_file_and_the_environment_over_it(tmp_path: Path) -> None:
    file = tmp_path / "plane.toml"
    file.write_text('domain = "cloud.example"\nedge_port = 8443\n')
    settings = load(file, {"ALOFT_PLANE_EDGE_PORT": "9443"})
    assert settings.plane_url() == "https://plane.cloud.example:9443"
    assert settings.agent_url("demo", "demo-1") == "https://agent.demo-1.demo.cloud.example:9443"
    assert load(None, {}).plane_url() == "https://plane.aloft.internal"


def test_the_password_is_read_from_its_file_and_not_shown(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("s3cret\n")
    url = load(None, {"ALOFT_PLANE_DATABASE_PASSWORD_FILE": str(secret)}).database_url()
    assert url.password == "s3cret"
    assert "s3cret" not in repr(url)


@pytest.mark.parametrize("text", ["no_such = 1\n", "edge_port = 'x'\n", "= nonsense"])
def test_wrong_settings_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "plane.toml"
    file.write_text(text)
    with pytest.raises(InvalidInput):
        load(file, {})


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        load(tmp_path / "none.toml", {})
