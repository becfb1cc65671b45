"""What libvirt writes in XML is understood as it is meant."""

from aloft.ground.inventory import definition
from aloft.sync.inventory import NOVA_NAMESPACE, Disk, Graphics, Nic, Subnet

STORED = """
<domain type='kvm'>
  <name>web</name><uuid>C0FFEE00-0000-4000-8000-000000000001</uuid><title>The web</title>
  <metadata>
    <nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1"><nova:name>x</nova:name></nova:instance>
  </metadata>
  <memory unit='GiB'>2</memory><currentMemory unit='MiB'>1024</currentMemory>
  <vcpu current='2'>4</vcpu>
  <os firmware='efi'><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><loader secure='yes' type='pflash'/></os>
  <devices>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/d/web.qcow2'/>
      <backingStore type='file'><source file='/d/base'/></backingStore>
      <target dev='vda' bus='virtio'/><serial>s1</serial><boot order='1'/></disk>
    <disk type='network' device='disk'><source protocol='rbd' name='pool/image'/><target dev='vdb'/></disk>
    <disk type='volume' device='disk'><source pool='p' volume='v'/><target dev='vdc'/><shareable/></disk>
    <interface type='bridge'><mac address='52:54:00:AA:00:01'/><source bridge='br-int'/><vlan><tag id='7'/></vlan>
      <virtualport type='openvswitch'><parameters interfaceid='p1'/></virtualport><link state='down'/></interface>
    <interface type='network'><mac address='52:54:00:aa:00:02'/><source network='default' portgroup='g'/></interface>
    <serial type='pty'><log file='/log'/></serial>
    <graphics type='vnc' port='-1' listen='127.0.0.1'/>
  </devices>
</domain>"""


def test_a_domain() -> None:
    domain = definition.domain(STORED, STORED)
    assert (domain.uuid, domain.name, domain.title) == ("c0ffee00-0000-4000-8000-000000000001", "web", "The web")
    assert (domain.vcpus, domain.vcpus_max, domain.memory_kib, domain.memory_max_kib) == (2, 4, 1 << 20, 2 << 20)
    assert (domain.machine, domain.firmware, domain.secure_boot) == ("pc-q35-7.2", "efi", True)
    assert (domain.console, domain.console_log) == (True, "/log")
    assert domain.graphics == (Graphics("vnc", "127.0.0.1", None),)
    assert domain.made_by_nova
    assert "<ns0:name" in domain.metadata[NOVA_NAMESPACE]
    assert (domain.next_vcpus, domain.next_memory_kib) == (None, None)


def test_its_disks_in_their_order() -> None:
    assert definition.domain(STORED, STORED).disks == (
        Disk("sda", "sata", "cdrom", readonly=True),
        Disk(
            "vda",
            "virtio",
            "disk",
            "file",
            "/d/web.qcow2",
            format="qcow2",
            backing="/d/base",
            serial="s1",
            boot_order=1,
        ),
        Disk("vdb", "", "disk", "network", "rbd:pool/image"),
        Disk("vdc", "", "disk", "volume", pool="p", volume="v", shareable=True),
    )


def test_its_cards_in_their_order() -> None:
    assert definition.domain(STORED, STORED).nics == (
        Nic(
            "52:54:00:aa:00:01",
            source="ovs",
            name="br-int",
            bridge="br-int",
            vlans=(7,),
            interface_id="p1",
            link_up=False,
        ),
        Nic("52:54:00:aa:00:02", source="network", name="default", portgroup="g"),
    )


def test_what_the_next_start_will_bring_is_told_where_it_differs() -> None:
    live = STORED.replace("current='2'", "current='3'").replace("1024", "512")
    domain = definition.domain(live, STORED)
    assert (domain.vcpus, domain.next_vcpus) == (3, 2)
    assert (domain.memory_kib, domain.next_memory_kib) == (512 << 10, 1024 << 10)


def test_networks() -> None:
    nat = definition.network(
        "<network><name>n</name><uuid>U</uuid><forward mode='nat'/><bridge name='virbr0'/><mtu size='1400'/>"
        "<ip address='192.0.2.1' netmask='255.255.255.0'><dhcp/></ip>"
        "<ip family='ipv6' address='2001:db8::1'/></network>"
    )
    assert (nat.uuid, nat.mode, nat.bridge, nat.mtu) == ("u", "nat", "virbr0", 1400)
    assert nat.subnets == (Subnet("192.0.2.0/24", "192.0.2.1", True), Subnet("2001:db8::/64", "2001:db8::1"))
    switched = definition.network(
        "<network><name>n</name><uuid>u</uuid><forward mode='bridge'/><bridge name='br0'/>"
        "<virtualport type='openvswitch'/><portgroup name='blue'><vlan><tag id='3'/></vlan></portgroup></network>"
    )
    assert (switched.mode, switched.portgroups) == ("ovs", {"blue": (3,)})


def test_pools_and_snapshots() -> None:
    pool = definition.pool(
        "<pool type='dir'><name>p</name><uuid>u</uuid><capacity unit='bytes'>7</capacity>"
        "<target><path>/p</path></target></pool>"
    )
    assert (pool.name, pool.path, pool.capacity) == ("p", "/p", 7)
    snapshot = definition.snapshot(
        "<domainsnapshot><name>s</name><creationTime>5</creationTime><state>running</state>"
        "<parent><name>r</name></parent></domainsnapshot>",
        current=True,
    )
    assert (snapshot.name, snapshot.created_at, snapshot.parent, snapshot.current) == ("s", 5.0, "r", True)
