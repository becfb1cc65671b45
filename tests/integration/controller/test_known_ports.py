"""Neutron, when it connects to OVN, takes notice only of ports of which something else is on record."""


async def test_only_what_is_news_is_taken_notice_of(told):
    noticed = await told("hear_of_ports.py")
    assert noticed == {"up": ["just-up", "came-up", "external", "no-port"], "down": ["went-down"]}
