"""A volume that is attached or detached on a host is written into each release's tables, once."""

VM = "6f1f1d7e-0000-4000-8000-000000000001"
VOLUME = "0b1e2d3c-1111-4222-8333-123456789abc"


async def test_a_volume_that_came_on_the_host_is_mapped_and_one_that_went_is_detached_by_nova(told):
    found = await told("follow_volumes.py")
    assert found["came"] == [["attach", VOLUME]]
    assert found["there"] == [["/dev/vda", "local", None, 0], ["/dev/vdb", "volume", VOLUME, -1]]
    assert (found["again"], found["same"]) == ([], True)
    assert found["went"] == [["detach", VOLUME]]
    assert found["detached"] == [f"/servers/{VM}/os-volume_attachments/{VOLUME}"]
    # until Nova has done that; it finds no other disk by that name
    far = ["/dev/vdc", "local", None, -1]
    assert found["left"] == [["/dev/" + VOLUME, "volume", VOLUME, -1], ["/dev/vda", "local", None, 0], far]
    assert found["space"] == [1, 1], "neither a volume nor a disk elsewhere takes of the space that Nova offers"
