"""Ports that were found are written as they are, in each release's tables; doubtful ones are left to Neutron."""


async def test_found_ports_are_written_and_doubtful_ones_are_not(told):
    found = await told("make_found_ports.py")
    rows = found.pop("rows")
    assert found.pop("made") == 3
    assert found.pop("ports") == [[f"52:54:00:00:00:{last}", "Found on h1", True] for last in ("0a", "0b", "0c")]
    assert rows.pop("ipallocations") == rows.pop("ipamallocations") == 2
    assert set(rows.values()) == {3}, rows
    assert {name for name, made in found.items() if made is not None} == set()
