"""What is done to one of OVN's databases so that it holds what another holds."""

from aloft.daytwo.ovn import differences, unchanged

SWITCH = {"_version": "v1", "name": "s", "ports": ["uuid", "p"]}
PORT = {"_version": "v2", "name": "p", "addresses": "unknown"}


def test_nothing_is_done_where_nothing_differs_but_versions():
    assert differences({"Switch": {"a": SWITCH}}, {"Switch": {"a": {**SWITCH, "_version": "v9"}}}) == []


def test_only_what_differs_is_done():
    wanted = {"Switch": {"a": {**SWITCH, "ports": ["set", []]}, "b": SWITCH}, "Port": {}}
    found = {"Switch": {"a": SWITCH}, "Port": {"p": PORT}}
    assert differences(wanted, found) == [
        {"op": "update", "table": "Switch", "where": [["_uuid", "==", ["uuid", "a"]]], "row": {"ports": ["set", []]}},
        {"op": "insert", "table": "Switch", "uuid": "b", "row": {"name": "s", "ports": ["uuid", "p"]}},
        {"op": "delete", "table": "Port", "where": [["_uuid", "==", ["uuid", "p"]]]},
    ]


def test_a_transaction_is_for_rows_as_they_were_found():
    (told,) = unchanged({"Port": {"p": PORT}})
    assert told["op"] == "wait" and told["timeout"] == 0
    assert told["rows"] == [{"_uuid": ["uuid", "p"], "_version": "v2"}]
