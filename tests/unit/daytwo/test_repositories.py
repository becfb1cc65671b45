"""Which repositories there are, and who may read their secrets."""

import pytest
from pydantic import SecretStr

from aloft.base.errors import Conflict, InvalidInput, NotFound
from aloft.base.paths import Paths
from aloft.daytwo.repositories import Repositories, RepositoryRequest


@pytest.fixture
def repositories(tmp_path):
    return Repositories(Paths(tmp_path))


def test_without_anybody_asking_there_is_a_folder(repositories):
    primary = repositories.primary()
    assert (primary.name, primary.role) == ("local", "primary")
    assert len(repositories.password("local")) > 30
    assert primary.password.stat().st_mode & 0o777 == 0o400
    assert primary.credentials.stat().st_mode & 0o777 == 0o700


def test_another_primary_takes_the_place_of_the_folder(repositories):
    repositories.primary()
    repositories.put("far", RepositoryRequest(url="sftp:user@far:/srv"))
    assert repositories.primary().name == "far"
    assert [one.name for one in repositories.secondary()] == ["local"]


def test_there_is_one_primary(repositories):
    repositories.put("far", RepositoryRequest(url="/srv/far"))
    with pytest.raises(Conflict, match="far"):
        repositories.put("near", RepositoryRequest(url="/srv/near"))
    repositories.put("near", RepositoryRequest(url="/srv/near", role="secondary"))


def test_a_password_stays_what_it_was(repositories):
    repositories.put("far", RepositoryRequest(url="/srv/far", password=SecretStr("kept")))
    repositories.put("far", RepositoryRequest(url="/srv/elsewhere"))
    assert repositories.password("far") == "kept"
    assert repositories.get("far").url == "/srv/elsewhere"


@pytest.mark.parametrize(
    ("name", "url"),
    [("Far", "/srv"), ("../x", "/srv"), ("far", "srv"), ("far", "ftp:x"), ("far", "/a\nb"), ("far", "append:/srv")],
)
def test_what_cannot_be_is_refused(repositories, name, url):
    with pytest.raises(InvalidInput):
        repositories.put(name, RepositoryRequest(url=url))


def test_what_is_forgotten_is_gone(repositories):
    repositories.put("far", RepositoryRequest(url="/srv/far"))
    repositories.remove("far")
    with pytest.raises(NotFound):
        repositories.get("far")
