"""What a host lets itself be asked for."""

from aloft.ground.streams import console_ports

ROWS = [
    # sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
    "0: 0100007F:170C 00000000:0000 0A 00000000:00000000 00:00000000 00000000 64055 0 1",
    "1: 0100007F:170D 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 2",
    "2: 00000000:170E 00000000:0000 0A 00000000:00000000 00:00000000 00000000 64055 0 3",
    "3: 0100007F:170F 0100007F:9999 01 00000000:00000000 00:00000000 00000000 64055 0 4",
]


def test_only_what_a_virtual_machine_listens_on_can_be_reached():
    assert console_ports(ROWS, 64055) == {5900}
