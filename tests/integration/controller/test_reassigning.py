"""An instance is given to another project in all of its records, and what becomes of its disks is read there."""

VOLUME = "22222222-2222-2222-2222-222222222222"


async def test_an_instance_goes_to_another_project_in_all_records(told):
    seen = await told("reassign_instance.py")
    assert seen["projects"] == ["web", "web", "web"]
    assert seen["view"] == ["web", 0.0], "the service knows that it did that itself"
    assert seen["care"] == [True, True, {VOLUME: True}]
