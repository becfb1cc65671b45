"""How the command line finds the plane, and what it makes of its answers."""

from pathlib import Path

import httpx
import pytest

from aloft.base.errors import AloftError, Conflict, InvalidInput, NotFound, PermanentError, TemporaryError
from aloft.base.paths import Paths
from aloft.cli.client import Connection, find, refusal


@pytest.fixture
def places(tmp_path: Path) -> tuple[dict[str, str], Paths]:
    """An environment with a home of its own, and a machine without any settings."""
    return {"XDG_CONFIG_HOME": str(tmp_path / "home")}, Paths(tmp_path)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(text)


def test_the_machines_settings_name_the_file_of_the_token(places: tuple[dict[str, str], Paths]) -> None:
    environment, paths = places
    token = paths.etc / "token"
    _write(paths.etc / "cli.toml", f'url = "https://plane"\nauthority = "/ca.pem"\ntoken_file = "{token}"\n')
    token.write_text("secret\n")
    found = find(environment, paths)
    assert found == Connection("https://plane", "secret", Path("/ca.pem"))
    assert "secret" not in repr(found)


def test_a_persons_own_settings_come_first_and_the_environment_before_all(
    places: tuple[dict[str, str], Paths], tmp_path: Path
) -> None:
    environment, paths = places
    _write(paths.etc / "cli.toml", 'url = "https://machine"\ntoken = "a"\n')
    _write(tmp_path / "home/aloft/cli.toml", 'url = "https://own"\ntoken = "b"\n')
    assert find(environment, paths) == Connection("https://own", "b")
    told = {**environment, "ALOFT_URL": "https://told", "ALOFT_TOKEN": "c", "ALOFT_CA": "/x"}
    assert find(told, paths) == Connection("https://told", "c", Path("/x"))


def test_a_customers_administrator_shows_a_keystone_token() -> None:
    connection = Connection("https://plane", "t", customer="demo")
    assert connection.headers() == {"X-Auth-Token": "t", "X-Aloft-Customer": "demo"}
    assert Connection("https://plane", "t").headers() == {"Authorization": "Bearer t"}
    assert Connection("https://plane").headers() == {}


def test_without_any_settings_it_is_said_what_to_do(places: tuple[dict[str, str], Paths]) -> None:
    with pytest.raises(InvalidInput) as caught:
        find(*places)
    assert "ALOFT_URL" in caught.value.remedy


def test_settings_that_are_not_toml(places: tuple[dict[str, str], Paths]) -> None:
    environment, paths = places
    _write(paths.etc / "cli.toml", "url = ")
    with pytest.raises(InvalidInput, match="TOML"):
        find(environment, paths)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, InvalidInput), (404, NotFound), (409, Conflict), (503, TemporaryError), (401, PermanentError)],
)
def test_an_answer_becomes_the_error_that_the_plane_meant(status: int, kind: type[AloftError]) -> None:
    body = {"error": {"code": "x", "message": "It is so.", "remedy": "Do this."}}
    error = refusal(httpx.Response(status, json=body))
    assert type(error) is kind
    assert (error.message, error.remedy) == ("It is so.", "Do this.")


def test_an_answer_that_is_not_the_planes() -> None:
    error = refusal(httpx.Response(502, text="<html>Bad Gateway</html>"))
    assert isinstance(error, TemporaryError)
    assert "502" in error.message
