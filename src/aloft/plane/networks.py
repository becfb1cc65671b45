"""A region's network template as a record: changed by an administrator, handed to Neutron and to every host."""

from sqlalchemy.orm import Session

from aloft.base.errors import Conflict
from aloft.controller import network
from aloft.controller.network import NetworkTemplate
from aloft.plane import customers, hosts, journal
from aloft.plane.records.database import Transaction
from aloft.plane.records.tables import OperationRow


def find(session: Session, customer: str, region: str) -> NetworkTemplate:
    """The template of a region.

    Raises:
        NotFound: there is no such region.
    """
    return NetworkTemplate.model_validate(customers.find_region(session, customer, region).network)


def change(work: Transaction, actor: str, customer: str, name: str, template: NetworkTemplate) -> OperationRow:
    """Want another template: Neutron is told it, and every host brings it about.

    Raises:
        InvalidInput: the template cannot be brought about.
        Conflict: the region is not there, or is being changed.
    """
    network.check(template)
    region = customers.find_region(work.session, customer, name, lock=True)
    if region.wanted != "present":
        raise Conflict(f"Region {name!r} is {region.phase}.", "Create it again, or delete it.")
    operation = journal.open_operation(work, "region.network", f"{customer}/{name}", region.id, customer, actor)
    region.network = template.model_dump(mode="json")
    region.generation += 1
    hosts.renew_all(work, region.id)
    work.work("region", region.id)
    return operation
