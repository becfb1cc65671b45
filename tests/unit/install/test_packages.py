"""Debian packages: what is missing, and that services are held still without touching another's policy."""

from pathlib import Path

from aloft.install import packages

STATUS = "ii  haproxy\nii  gcc\nrc  memcached\nun  mariadb-server\n"


def test_only_packages_that_are_fully_installed_count() -> None:
    assert packages.missing(("haproxy", "memcached", "gcc", "mariadb-server"), STATUS) == (
        "memcached",
        "mariadb-server",
    )


def test_nothing_is_missing_twice() -> None:
    wanted = packages.needed()
    assert len(wanted) == len(set(wanted))


def test_units_are_switched_off_only_for_packages_that_were_installed_here() -> None:
    assert packages.units_to_mask(("haproxy", "gcc")) == ("haproxy.service",)
    assert packages.units_to_mask(()) == ()


def test_services_are_held_while_packages_are_installed(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    with packages.services_held(policy):
        assert policy.stat().st_mode & 0o111
        assert "exit 101" in policy.read_text()
    assert not policy.exists()


def test_a_policy_of_the_administrator_stays(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("mine")
    with packages.services_held(policy):
        assert policy.read_text() == "mine"
    assert policy.read_text() == "mine"


def test_a_policy_that_a_killed_run_left_is_taken_away(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text(packages.POLICY_TEXT)
    with packages.services_held(policy):
        assert policy.exists()
    assert not policy.exists()


def test_lists_are_fetched_again_when_they_are_old_or_missing(tmp_path: Path) -> None:
    assert not packages.fresh_index(tmp_path, 0.0)
    lists = tmp_path / "deb.debian.org_main_binary-amd64_Packages"
    lists.touch()
    fetched = lists.stat().st_ctime
    assert packages.fresh_index(tmp_path, fetched + 60)
    assert not packages.fresh_index(tmp_path, fetched + packages.INDEX_SECONDS + 1)
