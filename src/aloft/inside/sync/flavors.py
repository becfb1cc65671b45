"""A flavor for the sizes that a virtual machine has: one that fits exactly, else a private one made for it."""

import contextlib
import uuid
from collections.abc import Mapping
from typing import Any

from nova import exception, objects

from aloft.sync.made import Flavor as Made


class Flavors:
    """Nova's flavors.

    Args:
        context: an administrator's.
    """

    def __init__(self, context: Any) -> None:
        self._context = context
        self._found: dict[tuple[int, int, int, int], Any] = {}
        self._allowed: set[tuple[str, str]] = set()

    def refresh(self) -> None:
        """Forget what was seen of flavors: administrators change them."""
        self._found.clear()
        self._allowed.clear()

    def fit(self, vcpus: int, memory_mib: int, root_gib: int, other_gib: int, project: str) -> Any:
        """The flavor for these sizes: a public one without special traits, else a private one that the project may use.

        Args:
            vcpus: number of virtual processors.
            memory_mib: memory.
            root_gib: size of the root disk.
            other_gib: sum of the further disks.
            project: identifier.
        """
        if not self._found:
            for flavor in objects.FlavorList.get_all(self._context, filters={"is_public": True}):
                if not flavor.extra_specs and not flavor.disabled:
                    sizes = (flavor.vcpus, flavor.memory_mb, flavor.root_gb, flavor.ephemeral_gb)
                    self._found.setdefault(sizes, flavor)
        sizes = (vcpus, memory_mib, root_gib, other_gib)
        if sizes not in self._found:
            self._found[sizes] = self._private(*sizes)
        flavor = self._found[sizes]
        self.share(flavor, project)
        return flavor

    def share(self, flavor: Any, project: str) -> None:
        """Have a project use a flavor."""
        if not flavor.is_public and (flavor.flavorid, project) not in self._allowed:
            with contextlib.suppress(exception.FlavorAccessExists):
                flavor.add_access(project)
            self._allowed.add((flavor.flavorid, project))

    def restore(self, flavor: Made, project: str) -> Any:
        """The flavor that an instance was made with: the one with its identifier, made anew where it was lost.

        Who may use it was lost with it; the instance's project may.
        """
        try:
            found = objects.Flavor.get_by_flavor_id(self._context, flavor.ident)
        except exception.FlavorNotFound:
            found = self._create(
                flavor.name, flavor.ident, (flavor.vcpus, flavor.memory_mib, flavor.root_gib, flavor.ephemeral_gib),
                "Made anew for an instance whose record was lost", flavor.extra_specs, flavor.swap_mib,
            )  # fmt: skip
        self.share(found, project)
        return found

    def _private(self, vcpus: int, memory_mib: int, root_gib: int, other_gib: int) -> Any:
        name = f"aloft-{vcpus}c-{memory_mib}m-{root_gib}g" + (f"-{other_gib}g" if other_gib else "")
        try:
            return objects.Flavor.get_by_name(self._context, name)
        except exception.FlavorNotFoundByName:
            pass
        sizes = (vcpus, memory_mib, root_gib, other_gib)
        return self._create(name, str(uuid.uuid4()), sizes, "Made for a virtual machine that was found on its host")

    def _create(
        self,
        name: str,
        ident: str,
        sizes: tuple[int, int, int, int],
        why: str,
        specs: Mapping[str, str] | None = None,
        swap_mib: int = 0,
    ) -> Any:
        """Make a private flavor."""
        vcpus, memory_mib, root_gib, other_gib = sizes
        flavor = objects.Flavor(
            self._context,
            name=name,
            flavorid=ident,
            vcpus=vcpus,
            memory_mb=memory_mib,
            root_gb=root_gib,
            ephemeral_gb=other_gib,
            swap=swap_mib,
            rxtx_factor=1.0,
            vcpu_weight=0,
            disabled=False,
            is_public=False,
            description=why,
            extra_specs=dict(specs or {}),
            projects=[],
        )
        flavor.create()
        return objects.Flavor.get_by_name(self._context, name)
