"""What travels between a host and its region survives the journey, and nothing else is let in."""

import json

import pytest

from aloft.sync.inventory import Domain, Inventory, Report, read_report
from aloft.sync.wire import MalformedMessage

VM = {"uuid": "c0ffee00-0000-4000-8000-000000000001", "name": "vm", "state": "running"}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([], "Domain must be an object"),
        ({**VM, "colour": "red"}, "unknown field 'colour'"),
        ({"uuid": "x", "name": "y"}, "lacks the field 'state'"),
        ({**VM, "state": "asleep"}, "Domain.state must be one of"),
        ({**VM, "vcpus": "2"}, "Domain.vcpus must be of type int"),
        ({**VM, "vcpus": True}, "Domain.vcpus must be of type int"),
        ({**VM, "disks": [{"target": "vda", "capacity": "1"}]}, "Domain.disks[0].capacity must be of type int"),
        ({**VM, "disks": {}}, "Domain.disks must be a list"),
        ({**VM, "metadata": {"a": 1}}, "Domain.metadata.a must be of type str"),
    ],
)
def test_what_is_not_of_the_agreed_form_is_refused_with_its_place(data: object, told: str) -> None:
    with pytest.raises(MalformedMessage) as refusal:
        Domain.from_json(data)
    assert told in refusal.value.message


def test_defaults_are_left_out() -> None:
    assert Domain.from_json(VM).to_json() == VM


def test_numbers_without_fraction_are_times_too() -> None:
    assert Inventory.from_json({"taken_at": 5}).taken_at == 5.0


def test_deltas_follow_each_other() -> None:
    delta = {"at": 1.0, "part": "domains", "key": "x"}
    with pytest.raises(MalformedMessage, match="Delta 3 comes after 1"):
        read_report({"epoch": "e", "sent_at": 1, "deltas": [{**delta, "sequence": 1}, {**delta, "sequence": 3}]})
    with pytest.raises(MalformedMessage, match="Delta 2 comes after a snapshot"):
        read_report({"epoch": "e", "sent_at": 1, "snapshot": {"taken_at": 1}, "deltas": [{**delta, "sequence": 2}]})
    report = Report.from_json({"epoch": "e", "sent_at": 1, "snapshot": {"taken_at": 1}})
    assert read_report(json.loads(json.dumps(report.to_json()))) == report
