"""A backup's files are what its manifest says, or it is refused."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aloft.base.errors import PermanentError
from aloft.daytwo.metadata import Manifest, difference, digests, room_for, verify
from aloft.daytwo.restic import RepositoryDamaged

DIGESTS = st.dictionaries(st.sampled_from("ab"), st.dictionaries(st.sampled_from("tu"), st.sampled_from("01")))


@pytest.fixture
def backup(tmp_path):
    (tmp_path / "regions/dc1").mkdir(parents=True)
    (tmp_path / "regions/dc1/secrets.json").write_text("{}")
    (tmp_path / "records.json").write_text("{}")
    manifest = Manifest(
        customer="acme",
        made=datetime(2026, 1, 1, tzinfo=UTC),
        log=("binlog.1", 4),
        server="s",
        regions={},
        digests=digests(tmp_path),
    )
    (tmp_path / "manifest.json").write_text(manifest.model_dump_json())
    return tmp_path


def test_what_is_whole_is_taken(backup):
    assert verify(backup).customer == "acme"


@pytest.mark.parametrize("name", ["records.json", "regions/dc1/secrets.json", "regions/dc1/new"])
def test_a_file_that_was_changed_or_added_is_noticed(backup, name):
    (backup / name).write_text("changed")
    with pytest.raises(RepositoryDamaged, match=name.rpartition("/")[2]):
        verify(backup)


@pytest.mark.parametrize("name", ["records.json", "manifest.json"])
def test_a_file_that_is_missing_is_noticed(backup, name):
    (backup / name).unlink()
    with pytest.raises(RepositoryDamaged):
        verify(backup)


@given(DIGESTS, DIGESTS)
def test_two_sets_of_tables_differ_exactly_where_they_do(one, other):
    found = difference(one, other)
    assert found == difference(other, one)
    flat = [{f"{s}.{t}": d for s, tables in side.items() for t, d in tables.items()} for side in (one, other)]
    assert set(found) == {name for name, _ in flat[0].items() ^ flat[1].items()}


def test_a_full_disk_is_noticed_before_anything_is_begun(tmp_path):
    room_for(tmp_path, 1)
    with pytest.raises(PermanentError, match="Free some space"):
        room_for(tmp_path, 1 << 60)
