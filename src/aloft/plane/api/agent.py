"""The agent's API: enrolment by token, and afterwards desired state and reports by client certificate.

The edge puts the certificate's names into ``X-Aloft-Host`` and ``X-Aloft-Region`` and strips both from everybody else;
nobody but the edge can reach the plane's socket.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Query
from sqlalchemy.orm import Session

from aloft.base.errors import AloftError, TemporaryError
from aloft.ground import installer
from aloft.plane import hosts
from aloft.plane.api import types
from aloft.plane.api.callers import ThePlane
from aloft.plane.api.hosts import read_authority
from aloft.plane.node_api import NodeGrant
from aloft.plane.records.tables import Host
from aloft.plane.service import Plane

router = APIRouter(tags=["agent"])

LONGEST_WAIT = 60.0

HostHeader = Annotated[str, Header(alias="X-Aloft-Host")]
RegionHeader = Annotated[str, Header(alias="X-Aloft-Region")]


@router.post("/v1/enrol")
async def enrol(body: types.Enrolment, plane: ThePlane) -> types.Enrolled:
    """Become a host: a token and a certificate request against a certificate.

    One that failed for a passing reason, or whose answer was lost, can be repeated with the same token for as long as
    the host has not reported.
    """

    def admit() -> hosts.Admission:
        with plane.records.transaction() as work:
            silence = plane.settings.missing_seconds
            return hosts.admit(work, body.token, body.name, body.csr, body.facts, silence)

    admission = await asyncio.to_thread(admit)
    customer, region = admission.customer, admission.region
    try:
        grant = await plane.node.grant(customer, region, admission.host, body.csr, admission.roles)
    except TemporaryError:
        raise
    except AloftError as error:
        await asyncio.to_thread(_withdraw, plane, admission, error)
        raise
    await asyncio.to_thread(_granted, plane, admission, grant)
    return types.Enrolled(
        host=admission.host,
        certificate=grant.certificate,
        authority=grant.authority,
        edge_authority=await asyncio.to_thread(read_authority, plane.settings.edge_ca),
        customer=customer,
        region=region,
        agent_url=plane.settings.agent_url(customer, region),
    )


@router.get("/agent/v1/state")
async def desired_state(
    plane: ThePlane,
    host: HostHeader,
    region: RegionHeader,
    known: Annotated[int, Query(ge=0)] = 0,
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT)] = 0.0,
) -> types.DesiredState:
    """The host's desired state; held back up to ``wait`` seconds while its generation is not above ``known``.

    After that time the state is told as it is, with the generation that is known.
    """
    host_id, _ = await asyncio.to_thread(_state, plane, region, host)
    until = asyncio.get_running_loop().time() + wait
    with plane.signals.listen(hosts.topic(host_id)) as wake:
        while True:
            wake.clear()
            _, state = await asyncio.to_thread(_state, plane, region, host)
            left = until - asyncio.get_running_loop().time()
            if state.generation > known or left <= 0 or plane.signals.stopping:
                return state
            await wake.wait(left)


@router.post("/agent/v1/report")
def report(body: types.Report, plane: ThePlane, host: HostHeader, region: RegionHeader) -> types.Received:
    """Take what the host says about itself."""
    with plane.records.transaction() as work:
        row = _find(work.session, region, host, lock=True)
        roles = {name: told.model_dump() for name, told in body.roles.items()}
        hosts.take_report(work, row, body.generation, body.facts, roles, plane.settings.missing_seconds)
        return types.Received(generation=row.granted_generation)


def _granted(plane: Plane, admission: hosts.Admission, grant: NodeGrant) -> None:
    with plane.records.transaction() as work:
        host = work.session.get(Host, admission.host_id, with_for_update=True)
        if host is None or host.wanted != "present":
            raise hosts.no_such_host(admission.customer, admission.region, admission.host)
        hosts.granted(work, host, admission.generation, admission.roles, grant)


def _withdraw(plane: Plane, admission: hosts.Admission, error: AloftError) -> None:
    with plane.records.transaction() as work:
        hosts.withdraw(work, admission, error)


def _state(plane: Plane, region: str, host: str) -> tuple[str, types.DesiredState]:
    with plane.records.transaction() as work:
        row = _find(work.session, region, host, lock=False)
        granted = {"generation": 0, "roles": [], "settings": {}, **row.granted}
        release = row.region.release
        packages = {name: plane.packages.current(name) for name in (installer.TOOL, release)}
        return row.id, types.DesiredState.model_validate({**granted, "release": release, "packages": packages})


def _find(session: Session, region: str, host: str, lock: bool) -> Host:
    customer, _, name = region.partition("/")
    row = hosts.find_host(session, customer, name, host, lock=lock)
    if row.wanted != "present":
        raise hosts.no_such_host(customer, name, host)
    return row
