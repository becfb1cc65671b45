"""What carries rows from one copy of a schema to another."""

from aloft.daytwo.carry import (
    STATED,
    Table,
    difference_query,
    loss_query,
    statements,
    tables,
    uncarried,
    with_dependents,
)

THING = Table(("id", "name"), ("id",))


def test_tables_are_read_with_their_columns_and_keys_in_order() -> None:
    rows = [("a", "x", 1), ("a", "y", 1), ("a", "z", 0), ("b", "only", 0)]
    assert tables(rows) == {"a": Table(("x", "y", "z"), ("x", "y")), "b": Table(("only",), ())}


def test_rows_of_equal_tables_go_or_are_made_anew() -> None:
    delete, insert = statements("s1_nova", "s2_nova", "things", THING, THING)
    assert delete.startswith("DELETE t FROM `s2_nova`.`things` AS t LEFT JOIN `s1_nova`.`things` AS s")
    assert "BINARY t.`name` <=> BINARY s.`name`" in delete, "texts that differ in case only count as different"
    assert insert.startswith("INSERT INTO `s2_nova`.`things` (`id`, `name`) SELECT s.`id`, s.`name`")


def test_rows_keep_what_only_the_target_has() -> None:
    wider = Table(("id", "name", "fresh"), ("id",))
    delete, change, insert = statements("a", "b", "things", THING, wider)
    assert "NOT (" not in delete and change.endswith(
        "ON DUPLICATE KEY UPDATE `id` = VALUES(`id`), `name` = VALUES(`name`)"
    )
    assert "fresh" not in delete + change + insert


def test_a_table_without_a_key_is_made_anew_as_a_whole() -> None:
    bare = Table(("name",), ())
    assert statements("a", "b", "things", bare, bare) == [
        "DELETE FROM `b`.`things`",
        "INSERT INTO `b`.`things` (`name`) SELECT s.`name` FROM `a`.`things` AS s",
    ]


def test_what_the_target_has_no_place_for_is_named() -> None:
    here = {"things": Table(("id", "gone"), ("id",)), "old": THING}
    assert uncarried(here, {"things": THING, "new": THING}) == [("things", "gone"), ("old", "")]
    query = loss_query("a", "things", "gone", ("id", "gone"))
    assert query.startswith("SELECT `id`, `gone` FROM `a`.`things` WHERE") and "DEFAULT(`gone`)" in query
    assert loss_query("a", "old", "", THING.columns) == "SELECT `id`, `name` FROM `a`.`old`"


def test_rows_that_are_not_so_in_the_other_copy_are_listed() -> None:
    query = difference_query("a", "b", "things", THING, Table(("id", "name", "fresh"), ("id",)))
    assert "t.`id` IS NULL OR NOT (BINARY t.`id` <=> BINARY s.`id` AND BINARY t.`name`" in query
    assert "fresh" not in query
    assert "JOIN" not in difference_query("a", "b", "things", THING, Table(("name",), ()))


def test_what_services_state_of_themselves_comes_with_new_rows_only() -> None:
    services = Table(("id", "host", "version"), ("id",))
    delete, change, insert = statements("a", "b", "services", services, services, STATED["nova.services"])
    assert "version" not in delete
    assert "BINARY t.`version`" not in change and "`version` = VALUES" not in change
    assert "s.`version`" in insert


def test_rows_that_go_with_others_count_as_written_too() -> None:
    pairs = [("ports", "bindings"), ("bindings", "levels"), ("levels", "ports"), ("other", "more")]
    assert with_dependents(["ports", "tags"], pairs) == {"ports", "tags", "bindings", "levels"}
    assert with_dependents([], pairs) == frozenset()
