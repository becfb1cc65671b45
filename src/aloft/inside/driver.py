"""Nova's libvirt driver, with adopted instances operated as they are defined.

An instance is adopted when its ``system_metadata`` says so (:data:`aloft.sync.keys.ADOPTED`). Its domain was there
before: its name, its disks and its definition are not Nova's. Stock code makes a definition anew from the database at
each start, hard reboot and resize, which would rename the domain, look for disks where Nova keeps them, and lose what
the administrator wrote. So these paths, and those that have no meaning for such a domain, never reach stock code.
"""

import functools
import inspect
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import libvirt
from keystoneauth1 import exceptions as keystone
from nova import conf, exception, objects, utils
from nova import context as nova_context
from nova.compute import power_state, task_states, vm_states
from nova.scheduler.client import report
from nova.virt import driver as virt_driver
from nova.virt import images
from nova.virt.libvirt import config as libvirt_config
from nova.virt.libvirt import driver as libvirt_driver

from aloft.base.errors import AloftError
from aloft.inside import domains
from aloft.sync.keys import ADOPTED, DELETE_DISKS, YES
from aloft.sync.room import reserve

_log = logging.getLogger(__name__)

CONF = conf.CONF
COPY_SECONDS = 4 * 3600.0
"""The longest time for the copy of a disk."""


def adopted(instance: Any) -> bool:
    """Whether an instance's domain was there before it."""
    return bool(instance.system_metadata.get(ADOPTED) == YES)


def for_adopted(method: Callable[..., Any]) -> Callable[..., Any]:
    """Do this to adopted instances only; all others go to the stock driver's method of the same name and arguments."""
    place = list(inspect.signature(method).parameters).index("instance")

    @functools.wraps(method)
    def chosen(driver: Any, *given: Any, **named: Any) -> Any:
        instance = named["instance"] if "instance" in named else given[place - 1]
        if adopted(instance):
            return method(driver, *given, **named)
        return getattr(libvirt_driver.LibvirtDriver, method.__name__)(driver, *given, **named)

    return chosen


class Driver(libvirt_driver.LibvirtDriver):  # type: ignore[misc]  # nova ships no types
    """See the module; :mod:`aloft.inside.compute` puts it in the place of Nova's own."""

    # Power

    @for_adopted
    def power_on(self, context: Any, instance: Any, *more: Any, **options: Any) -> None:
        """Start an instance as it is defined."""
        domains.start(self._domain(instance))

    @for_adopted
    def reboot(
        self, context: Any, instance: Any, network_info: Any, reboot_type: str, *more: Any, **options: Any
    ) -> None:
        """Restart an instance as it is defined."""
        domain = self._domain(instance)
        if reboot_type == "SOFT" and domain.isPersistent() and self._soft_rebooted(instance):
            return
        domains.restart(domain, self._definitions)

    @for_adopted
    def suspend(self, context: Any, instance: Any) -> None:
        """Save an instance's memory and end it."""
        self._domain(instance).managedSave(0)

    @for_adopted
    def resume(self, context: Any, instance: Any, *more: Any, **options: Any) -> None:
        """Let a saved instance go on."""
        domains.start(self._domain(instance))

    @for_adopted
    def resume_state_on_host_boot(self, context: Any, instance: Any, *more: Any, **options: Any) -> None:
        """Leave an instance that ran when its host went down alone: whether it starts, libvirt was told."""

    # Its end

    @for_adopted
    def destroy(
        self, context: Any, instance: Any, network_info: Any, block_device_info: Any = None, *more: Any, **options: Any
    ) -> None:
        """Delete an instance; its disks are kept, unless its user said otherwise.

        Raises:
            InstanceInvalidState: nobody deletes the instance; what Nova wants would lose its definition.
        """
        if instance.task_state == task_states.RESIZE_REVERTING:
            self._destroy(instance)  # its definition is put back by what follows
        elif instance.task_state == task_states.DELETING or instance.vm_state in (
            vm_states.SOFT_DELETED, vm_states.DELETED,
        ):  # fmt: skip
            self._delete_adopted(instance)
            self.cleanup(context, instance, network_info, block_device_info)
        else:
            raise self._refusal(instance, str(instance.task_state))

    @for_adopted
    def cleanup(
        self, context: Any, instance: Any, network_info: Any, block_device_info: Any = None, *more: Any, **options: Any
    ) -> None:
        """Take the volumes of an instance that was ended off the host, and nothing else."""
        for volume in virt_driver.block_device_info_get_mapping(block_device_info):
            if volume.get("connection_info"):
                self._disconnect_volume(context, volume["connection_info"], instance)

    # Size

    @for_adopted
    def migrate_disk_and_power_off(
        self,
        context: Any,
        instance: Any,
        dest: str,
        flavor: Any,
        network_info: Any,
        block_device_info: Any = None,
        timeout: int = 0,
        retry_interval: int = 0,
    ) -> str:
        """Begin a resize. The instance stays where it is, and so do its disks.

        Raises:
            InstanceFaultRollback: it cannot go to another host this way, or has NUMA nodes.
        """
        if dest not in (self.get_host_ip_addr(), CONF.my_ip):
            raise exception.InstanceFaultRollback(self._refusal(instance, "moving it to another host"))
        try:
            domains.resized(self._domain(instance).XMLDesc(0), flavor.vcpus, flavor.memory_mb)
        except AloftError as error:
            raise exception.InstanceFaultRollback(exception.ResizeError(reason=str(error))) from error
        self.power_off(instance, timeout, retry_interval)
        return "[]"

    @for_adopted
    def finish_migration(
        self,
        context: Any,
        migration: Any,
        instance: Any,
        disk_info: str,
        network_info: Any,
        image_meta: Any,
        resize_instance: bool,
        allocations: Any,
        block_device_info: Any = None,
        power_on: bool = True,
        **options: Any,
    ) -> None:
        """End a resize."""
        self._fit(instance, instance.flavor, power_on)

    @for_adopted
    def finish_revert_migration(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        migration: Any,
        block_device_info: Any = None,
        power_on: bool = True,
        **options: Any,
    ) -> None:
        """Take a resize back."""
        self._fit(instance, instance.flavor, power_on)

    @for_adopted
    def confirm_migration(self, context: Any, migration: Any, instance: Any, network_info: Any) -> None:
        """Forget nothing: a resize left nothing behind that would be needed to take it back."""

    # Image, console

    @for_adopted
    def snapshot(self, context: Any, instance: Any, image_id: str, update_task_state: Any) -> None:
        """Make an image of an instance's disk; it runs on meanwhile.

        Raises:
            InstanceInvalidState: it has no disk that can be copied.
        """
        domain = self._domain(instance)
        own = domains.drives(domain.XMLDesc(0))
        if not own:
            raise self._refusal(instance, "making an image of it: it has no disk of its own on this host")
        update_task_state(task_state=task_states.IMAGE_PENDING_UPLOAD)
        name = self._image_api.get(context, image_id)["name"]
        metadata = self._create_snapshot_metadata(instance.image_meta, instance, "qcow2", name)
        told = metadata["properties"]  # Glance takes no property without a value, such as a kernel that there is not
        metadata["properties"] = {key: value for key, value in told.items() if value is not None}
        folder = Path(CONF.libvirt.snapshots_directory)
        folder.mkdir(parents=True, exist_ok=True)
        with utils.tempdir(dir=str(folder)) as place:
            Path(place).chmod(0o701)  # QEMU runs as somebody else and writes here
            copy = Path(place) / "disk"
            if domain.isActive():
                domains.copy_drive(domain, own[0], copy, COPY_SECONDS)
            else:
                images.convert_image(own[0].path, str(copy), own[0].format, "qcow2")
            update_task_state(task_state=task_states.IMAGE_UPLOADING, expected_state=task_states.IMAGE_PENDING_UPLOAD)
            with copy.open("rb") as content:
                self._image_api.update(context, image_id, metadata, content)

    @for_adopted
    def get_console_output(self, context: Any, instance: Any) -> Any:
        """The end of what an instance wrote to its serial console.

        Raises:
            ConsoleNotAvailable: its definition has no log of it.
        """
        log = domains.serial_log(self._domain(instance).XMLDesc(0))
        if not log:
            raise exception.ConsoleNotAvailable
        return self._get_console_output_file(instance, log) if Path(log).exists() else ""

    # Network cards

    @for_adopted
    def plug_vifs(self, instance: Any, network_info: Any) -> None:
        """Leave an instance's cards to libvirt, which connects them."""

    @for_adopted
    def unplug_vifs(self, instance: Any, network_info: Any) -> None:
        """Leave an instance's cards to libvirt, which disconnects them."""

    @for_adopted
    def attach_interface(self, context: Any, instance: Any, image_meta: Any, vif: Any) -> None:
        """Add a card.

        Raises:
            InterfaceAttachFailed: libvirt refuses it.
        """
        guest = self._host.get_guest(instance)
        self.vif_driver.plug(instance, vif)
        card = self.vif_driver.get_config(instance, vif, image_meta, instance.flavor, CONF.libvirt.virt_type)
        try:
            guest.attach_device(card, persistent=guest.has_persistent_configuration(), live=self._is_live(guest))
        except libvirt.libvirtError as error:
            _log.exception("A card cannot be added to %s", instance.uuid)
            self.vif_driver.unplug(instance, vif)
            raise exception.InterfaceAttachFailed(instance_uuid=instance.uuid) from error

    @for_adopted
    def detach_interface(self, context: Any, instance: Any, vif: Any) -> None:
        """Take a card away; it is known by its MAC, whatever it is plugged into."""
        guest = self._host.get_guest(instance)
        get = functools.partial(_card, guest, vif["address"].lower())
        try:
            self._detach_with_retry(guest, instance.uuid, get, device_name=vif["address"])
        except exception.DeviceNotFound:
            _log.warning("The card %s of %s is gone already", vif["address"], instance.uuid)

    # Its name

    @for_adopted
    def inject_network_info(self, instance: Any, nw_info: Any) -> None:
        """Have an instance's domain called and described as the instance is.

        Nova has no call for that, and no use for this one with libvirt; the sync service makes it after a change. What
        it sent along may be out of date when it arrives.
        """
        instance.refresh()
        domains.describe(self._domain(instance), instance.display_name, instance.display_description or "")

    # What makes no sense for a domain that is not Nova's

    @for_adopted
    def spawn(self, context: Any, instance: Any, *more: Any, **options: Any) -> None:
        """Refuse to build an instance anew.

        Raises:
            InstanceInvalidState: always.
        """
        raise self._refusal(instance, "building it anew")

    @for_adopted
    def rescue(self, context: Any, instance: Any, *more: Any, **options: Any) -> None:
        """Refuse to start an instance from another disk.

        Raises:
            InstanceNotRescuable: always.
        """
        raise exception.InstanceNotRescuable(instance_id=instance.uuid, reason="It is started only as it is defined.")

    @for_adopted
    def check_can_live_migrate_source(self, context: Any, instance: Any, *more: Any, **options: Any) -> Any:
        """Refuse to move an instance: libvirt moves it, and OpenStack follows.

        Raises:
            MigrationPreCheckError: always.
        """
        raise exception.MigrationPreCheckError(
            reason=f"{instance.uuid} was made outside of OpenStack: move it with libvirt, and OpenStack follows."
        )

    # What others take

    def update_provider_tree(self, provider_tree: Any, nodename: str, allocations: Any = None) -> None:
        """Tell Placement what the host has; what domains take of it beyond their allocations counts as reserved.

        Those that are no instances have none, and those of adopted instances are what there was room for.
        """
        super().update_provider_tree(provider_tree, nodename, allocations)
        known = self._allocated(provider_tree.data(nodename).uuid)
        others = domains.taken(self._host.get_connection(), known, Path(CONF.instances_path))
        inventory = provider_tree.data(nodename).inventory
        for name, amount in zip(("VCPU", "MEMORY_MB", "DISK_GB"), others, strict=True):
            if name in inventory:
                reserve(inventory[name], amount)
        provider_tree.update_inventory(nodename, inventory)

    def _allocated(self, provider: str) -> dict[str, dict[str, int] | None]:
        """What instances on this host have been given of it, by UUID; ``None`` where that cannot be told."""
        context = nova_context.get_admin_context()
        here = objects.InstanceList.get_uuids_by_host(context, CONF.host)
        try:
            found = report.report_client_singleton().get_allocations_for_resource_provider(context, provider)
        except (exception.ResourceProviderAllocationRetrievalFailed, keystone.ClientException) as error:
            _log.warning("What is allocated of this host cannot be told: %s", error)
            return dict.fromkeys(here)
        held = {uuid: dict(one["resources"]) for uuid, one in found.allocations.items()}
        return {**{uuid: {} for uuid in here}, **held}

    # What stock code does when it starts an instance that it made

    def _hard_reboot(self, context: Any, instance: Any, *more: Any, **options: Any) -> None:
        """End an instance and define and start it anew, as before, but lose no definition when that fails."""
        with domains.defined(self._host.get_connection(), instance.uuid, self._definitions):
            super()._hard_reboot(context, instance, *more, **options)

    def _create_guest_with_network(self, context: Any, xml: str, instance: Any, *more: Any, **options: Any) -> Any:
        """Define and start an instance, as before, but leave the definition that it had when that fails."""
        with domains.defined(self._host.get_connection(), instance.uuid, self._definitions):
            return super()._create_guest_with_network(context, xml, instance, *more, **options)

    # Parts

    def _domain(self, instance: Any) -> Any:
        return self._host._get_domain(instance)

    def _soft_rebooted(self, instance: Any) -> bool:
        try:
            return bool(self._soft_reboot(instance))
        except libvirt.libvirtError as error:
            _log.warning("%s cannot be restarted softly: %s", instance.uuid, error)
            return False

    def _delete_adopted(self, instance: Any) -> None:
        try:
            domain = self._domain(instance)
        except exception.InstanceNotFound:
            return
        connection = domain.connect()
        had = domains.remove(domain, self._definitions)
        if instance.metadata.get(DELETE_DISKS) == YES:
            gone = domains.delete_drives(connection, had)
            _log.info("Deleted with %s: %s", instance.uuid, ", ".join(gone) or "no disks")
        else:
            _log.info("Kept of %s: %s", instance.uuid, ", ".join(drive.path for drive in had) or "no disks")

    def _fit(self, instance: Any, flavor: Any, power_on: bool) -> None:
        """Give an adopted instance the processors and memory of a flavor."""
        domain = self._domain(instance)
        domains.resize(domain, flavor.vcpus, flavor.memory_mb, self._definitions)
        if power_on:
            domains.start(domain)

    @property
    def _definitions(self) -> Path:
        """Where definitions are kept before they are replaced or taken away."""
        return Path(CONF.state_path) / "definitions"

    def _is_live(self, guest: Any) -> bool:
        return guest.get_power_state(self._host) in (power_state.RUNNING, power_state.PAUSED)

    def _refusal(self, instance: Any, what: str) -> Exception:
        _log.warning("Refused for the adopted instance %s: %s", instance.uuid, what)
        return exception.InstanceInvalidState(  # type: ignore[no-any-return]  # nova ships no types
            attr="system_metadata", instance_uuid=instance.uuid, state="adopted", method=what
        )


def _card(guest: Any, mac: str, from_persistent_config: bool = False) -> Any:
    """A guest's network card by its MAC, or ``None``."""
    cards = guest.get_all_devices(libvirt_config.LibvirtConfigGuestInterface, from_persistent_config)
    return next((card for card in cards if (card.mac_addr or "").lower() == mac), None)
