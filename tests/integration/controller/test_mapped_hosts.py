"""A host that has just come can be chosen by the scheduler without every instance there failing."""


async def test_a_host_is_mapped_in_the_moment_in_which_its_hypervisor_is_recorded(told):
    seen = await told("map_host.py")
    assert seen == {"before": None, "after": "region", "unmapped": 0, "again": "region"}
