"""What is said of a host, from its last report."""

from aloft.plane import hosts
from aloft.plane.records.tables import Host


def test_a_role_that_does_not_go_is_told_until_it_has_gone():
    reason = "ovn-sbctl failed: connection refused."
    host = Host(
        roles=[], report={"network": {"state": "converging", "reason": reason, "remedy": "The agent tries again."}}
    )
    account = hosts.account_of(host)
    assert account.reason == f"network: {reason}"
    assert account.remedy == "The agent tries again."
    host.report = {}
    assert "authorise" in hosts.account_of(host).step
