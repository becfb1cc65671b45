"""What Nova wrote into a definition is read back."""

from aloft.sync.inventory import NOVA_NAMESPACE, Domain
from aloft.sync.made import NOTHING, made, number_of

TEXT = f"""<nova:instance xmlns:nova="{NOVA_NAMESPACE}"><nova:package version="34.0.0"/>
<nova:name>web &amp; co</nova:name>
<nova:creationTime>2026-11-20 10:00:00</nova:creationTime>
<nova:flavor name="m1.tiny" id="f1"><nova:memory>64</nova:memory><nova:disk>1</nova:disk><nova:swap>0</nova:swap>
<nova:ephemeral>0</nova:ephemeral><nova:vcpus>2</nova:vcpus>
<nova:extraSpecs><nova:extraSpec name="hw:cpu_policy">shared</nova:extraSpec></nova:extraSpecs></nova:flavor>
<nova:image uuid="i1"><nova:containerFormat>bare</nova:containerFormat><nova:diskFormat>raw</nova:diskFormat>
<nova:minDisk>1</nova:minDisk><nova:minRam>0</nova:minRam>
<nova:properties><nova:property name="hw_rng_model">virtio</nova:property></nova:properties></nova:image>
<nova:owner><nova:user uuid="u1">ada</nova:user><nova:project uuid="p1">lab</nova:project></nova:owner>
<nova:root type="image" uuid="i1"/>
<nova:ports><nova:port uuid="6207bcb1-e041-46f5-9356-3d2abaebc32c"/></nova:ports></nova:instance>"""


def domain(text: str) -> Domain:
    return Domain("00000000-0000-0000-0000-000000000001", "instance-1", "running", metadata={NOVA_NAMESPACE: text})


def test_owner_name_image_and_flavor_are_read() -> None:
    told = made(domain(TEXT))
    assert (told.project, told.user, told.name, told.image) == ("p1", "u1", "web & co", "i1")
    assert told.ports == ("6207bcb1-e041-46f5-9356-3d2abaebc32c",)
    assert told.created_at == 1795168800.0
    assert told.image_properties == {
        "container_format": "bare", "disk_format": "raw", "min_disk": "1", "min_ram": "0", "hw_rng_model": "virtio",
    }  # fmt: skip
    assert told.flavor is not None
    assert (told.flavor.name, told.flavor.ident, told.flavor.vcpus, told.flavor.memory_mib) == ("m1.tiny", "f1", 2, 64)
    assert told.flavor.extra_specs == {"hw:cpu_policy": "shared"}


def test_a_flavor_that_is_not_told_in_full_is_none() -> None:
    assert made(domain(TEXT.replace("<nova:vcpus>2</nova:vcpus>", ""))).flavor is None


def test_others_domains_and_broken_text_tell_nothing() -> None:
    assert made(Domain("u", "n", "running")) == NOTHING
    assert made(domain("<nova:instance>")) == NOTHING


def test_the_number_that_nova_named_a_domain_after_is_read() -> None:
    told = {NOVA_NAMESPACE: TEXT}
    assert number_of(Domain("u", "instance-0000002a", "running", metadata=told)) == 42
    assert number_of(Domain("u", "web", "running", metadata=told)) is None
    assert number_of(Domain("u", "instance-0000002a", "running")) is None
