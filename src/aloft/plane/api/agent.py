"""The agent's API: enrolment by token, and afterwards desired state and reports by client certificate.

The edge puts the certificate's names into ``X-Aloft-Host`` and ``X-Aloft-Region`` and strips both from everybody else;
nobody but the edge can reach the plane's socket.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from sqlalchemy.orm import Session

from aloft.base.errors import AloftError, TemporaryError
from aloft.plane import desired, enrolment, hosts
from aloft.plane.api import host_types
from aloft.plane.api.callers import ThePlane
from aloft.plane.api.hosts import read_authority
from aloft.plane.records.tables import Host, utcnow
from aloft.plane.reports import Heard
from aloft.plane.service import Plane

router = APIRouter(tags=["agent"])

LONGEST_WAIT = 60.0

HostHeader = Annotated[str, Header(alias="X-Aloft-Host")]
RegionHeader = Annotated[str, Header(alias="X-Aloft-Region")]


@router.post("/v1/enrol")
async def enrol(body: host_types.Enrolment, plane: ThePlane) -> host_types.Enrolled:
    """Become a host: a token and a certificate request against a certificate.

    One that failed for a passing reason, or whose answer was lost, can be repeated with the same token for as long as
    the host has not reported.
    """

    def admit() -> enrolment.Admission:
        with plane.records.transaction() as work:
            return enrolment.admit(work, body.token, body.name, body.csr, body.facts, plane.rollouts.target)

    admission = await asyncio.to_thread(admit)
    plane.presence.forget(admission.host_id)
    customer, region = admission.customer, admission.region
    try:
        grant = await plane.node.grant(customer, region, admission.host, body.csr, admission.roles, replace=True)
    except TemporaryError:
        raise
    except AloftError as error:
        await asyncio.to_thread(_withdraw, plane, admission, error)
        raise

    def keep() -> None:
        with plane.records.transaction() as work:
            enrolment.granted(work, admission, grant)

    await asyncio.to_thread(keep)
    return host_types.Enrolled(
        host=admission.host,
        certificate=grant.certificate,
        authority=grant.authority,
        edge_authority=await asyncio.to_thread(read_authority, plane.settings.edge_ca),
        customer=customer,
        region=region,
        agent_url=plane.settings.agent_url(customer, region),
    )


@router.get("/agent/v1/state", response_model=host_types.DesiredState)
async def desired_state(
    plane: ThePlane,
    host: HostHeader,
    region: RegionHeader,
    known: Annotated[int, Query(ge=0)] = 0,
    wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT)] = 0.0,
) -> Response:
    """The host's desired state; held back up to ``wait`` seconds while its generation is not above ``known``.

    After that time the state is told as it is, with the generation that is known.
    """
    entry = await plane.directory.find(region, host)
    until = asyncio.get_running_loop().time() + wait
    with plane.signals.listen(hosts.topic(entry.host_id)) as wake:
        while True:
            wake.clear()
            entry = await plane.directory.find(region, host)
            left = until - asyncio.get_running_loop().time()
            if entry.generation > known or left <= 0 or plane.signals.stopping:
                return Response(entry.document, media_type="application/json")
            await wake.wait(left)


@router.post("/agent/v1/report")
async def report(
    body: host_types.Report, plane: ThePlane, host: HostHeader, region: RegionHeader
) -> host_types.Received:
    """Take what the host says about itself; when that is nothing new, it only counts as a sign of life."""
    entry = await plane.directory.find(region, host)
    roles = {name: told.model_dump() for name, told in body.roles.items()}
    heard = desired.digest(body.generation, body.facts, roles)
    plane.presence.touch(entry.host_id, utcnow())
    if heard != entry.heard or entry.state == "missing":
        if not await plane.reports.take(Heard(entry.host_id, body.generation, body.facts, roles)):
            raise hosts.no_such_host(*region.partition("/")[::2], host)
        await asyncio.sleep(0)  # what the commit rang is heard first
        plane.directory.note(entry.host_id, heard)
    return host_types.Received(generation=entry.generation)


@router.post("/agent/v1/certificate")
async def renew_certificate(
    body: host_types.CertificateRequest, plane: ThePlane, host: HostHeader, region: RegionHeader
) -> host_types.HostCertificate:
    """Give the host another certificate, long before the present one ends; that one stays good until then."""
    enrolment.check_csr(body.csr)

    def roles() -> list[str]:
        with plane.records.transaction() as work:
            row = _find(work.session, region, host)
            name = hosts.subject(row)
            work.audit(f"host:{name}", "host.certificate", name, row.region.customer.name)
            return list(row.roles)

    granted = await asyncio.to_thread(roles)
    customer, _, name = region.partition("/")
    grant = await plane.node.grant(customer, name, host, body.csr, granted)
    return host_types.HostCertificate(
        certificate=grant.certificate,
        authority=grant.authority,
        edge_authority=await asyncio.to_thread(read_authority, plane.settings.edge_ca),
    )


def _withdraw(plane: Plane, admission: enrolment.Admission, error: AloftError) -> None:
    with plane.records.transaction() as work:
        enrolment.withdraw(work, admission, error)


def _find(session: Session, region: str, host: str) -> Host:
    customer, _, name = region.partition("/")
    row = hosts.find_host(session, customer, name, host, lock=True)
    if row.wanted != "present":
        raise hosts.no_such_host(customer, name, host)
    return row
