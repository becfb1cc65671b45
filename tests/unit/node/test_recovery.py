"""Which backups are of customers that there were at the end."""

import pytest

from aloft.daytwo.restic import Snapshot
from aloft.node.recovery import of_one_that_is_there


@pytest.mark.parametrize(
    ("ids", "there"),
    [({"acme": "1"}, True), ({"acme": "2"}, False), ({"acme": ""}, True), ({"bolt": "1"}, False), ({}, False)],
)
def test_a_backup_of_a_customer_that_had_the_name_before_is_not_restored(ids, there):
    backup = Snapshot("s", "2026-01-01T00:00:00+00:00", {"customer": "acme", "id": "1"})
    assert of_one_that_is_there(backup, ids) is there
