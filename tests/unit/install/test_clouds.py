"""clouds.yaml: ours is added and taken out, others' stay."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aloft.base.errors import InvalidInput
from aloft.install import clouds
from aloft.install.clouds import Login, entry, merged, put

LOGIN = Login(
    auth_url="https://identity.demo.aloft.internal/v3",
    username="admin",
    password="pw",
    project_name="admin",
    user_domain_name="Default",
    project_domain_name="Default",
    region_name="demo-1",
)
DEMO = entry(LOGIN, Path("/etc/aloft/ca.pem"))


def test_a_new_file_holds_our_cloud() -> None:
    assert yaml.safe_load(merged("", "demo", DEMO)) == {"clouds": {"demo": DEMO}}


def test_other_clouds_and_settings_stay() -> None:
    text = "clouds:\n  mine:\n    auth: {}\nclient:\n  force_ipv4: true\n"
    found = yaml.safe_load(merged(text, "demo", DEMO))
    assert found["clouds"]["mine"] == {"auth": {}}
    assert found["client"] == {"force_ipv4": True}
    assert yaml.safe_load(merged(merged(text, "demo", DEMO), "demo", None)) == yaml.safe_load(text)


def test_nothing_changes_when_ours_is_there_so_comments_stay() -> None:
    text = merged("", "demo", DEMO) + "# a comment\n"
    assert merged(text, "demo", DEMO) == text
    assert merged("# only a comment\n", "demo", None) == "# only a comment\n"


@given(st.dictionaries(st.text("abc", min_size=1), st.dictionaries(st.text("xyz"), st.integers()), max_size=4))
def test_adding_and_taking_out_leaves_the_rest(others: dict[str, dict[str, int]]) -> None:
    text = yaml.safe_dump({"clouds": others, "client": {}})
    both = merged(merged(text, "demo", DEMO), "demo", None)
    assert yaml.safe_load(both) == {"clouds": others, "client": {}}


@pytest.mark.parametrize("text", ["- a list", "clouds: [1]", "a: b: c"])
def test_a_file_that_is_no_clouds_yaml_is_not_overwritten(text: str) -> None:
    with pytest.raises(InvalidInput):
        merged(text, "demo", DEMO)


def test_the_file_is_private_and_goes_with_its_last_cloud(tmp_path: Path) -> None:
    file = tmp_path / "openstack/clouds.yaml"
    assert put(file, "demo", DEMO)
    assert file.stat().st_mode & 0o777 == 0o600
    assert not put(file, "demo", DEMO)
    assert put(file, "demo", None)
    assert not file.exists()


def test_the_password_is_not_shown() -> None:
    assert "pw" not in repr(clouds.Login(**{**LOGIN.__dict__, "password": "pw-x"}))
