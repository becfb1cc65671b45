"""A connection to OVN through the link is asked whether it lives, though it begins at a unix socket."""


async def test_unix_sockets_are_probed_once_told_to(told):
    assert await told("probe_unix_sockets.py") == [0, 5000]
