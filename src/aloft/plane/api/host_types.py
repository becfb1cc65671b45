"""What the plane's API takes and gives of hosts and their agents."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from aloft.plane.api.types import HostRole, HostStateName, Request


class RoleReport(BaseModel):
    """What a host says about one of its roles; ``done`` is the share of the work, 0 to 1."""

    model_config = ConfigDict(extra="allow")

    state: Annotated[str, Field(max_length=32)] = "converging"
    step: Annotated[str, Field(max_length=500)] = ""
    done: float | None = None
    reason: Annotated[str, Field(max_length=4000)] = ""
    remedy: Annotated[str, Field(max_length=4000)] = ""


class HostSoftware(BaseModel):
    """What a host runs: OpenStack's release, and the build of each package by the host's word and as it shall be."""

    release: str
    wanted: dict[str, str]
    running: dict[str, str]


class Lack(BaseModel):
    """What a host lacks for a role, and what to do about it."""

    reason: str = ""
    remedy: str = ""


class Host(BaseModel):
    """A customer's machine that runs the agent.

    ``since`` is when it came into its state; for one that is missing, when it was last heard of. ``step`` and ``done``
    (0 to 1) say how far it is, ``reason`` and ``remedy`` what is wrong. ``lacks`` is what it has not for each role.
    """

    customer: str
    region: str
    name: str
    roles: list[HostRole]
    state: HostStateName
    since: datetime | None
    step: str
    done: float | None
    reason: str
    remedy: str
    drained: bool
    warnings: list[str]
    lacks: dict[str, list[Lack]]
    software: HostSoftware
    generation: int
    reported_generation: int
    report: dict[str, RoleReport]
    facts: dict[str, Any]
    created: datetime
    reported: datetime | None


class RolloutHost(BaseModel):
    """A host in a rollout: ``settled`` runs what it shall, ``trial`` is looked at, ``waiting`` comes later."""

    name: str
    progress: Literal["settled", "trial", "waiting", "reverted"]
    release: str
    packages: dict[str, str]
    reason: str = ""


class Rollout(BaseModel):
    """How the hosts of a region come to the software that they shall run; ``halted`` says why none goes on."""

    release: str
    packages: dict[str, str]
    halted: str
    hosts: list[RolloutHost]


class HostHistory(BaseModel):
    """A state that a host came into."""

    id: int
    at: datetime
    state: HostStateName
    before: str
    detail: str
    remedy: str


InstancesFate = Literal["keep", "migrate", "delete"]


class HostRoles(Request):
    """The roles that a host is authorised to have.

    ``instances`` says what shall become of the instances on it when it loses the role ``hypervisor``.
    """

    roles: list[HostRole]
    instances: InstancesFate | None = None


class HostInstance(BaseModel):
    """An instance on a host."""

    id: str
    name: str
    status: str


class HostDrain(Request):
    """No new instances come to a host; with ``migrate`` those that are there are moved away."""

    migrate: bool = False


class NewHostToken(Request):
    """Leave to enrol hosts; ``lifetime`` in seconds."""

    roles: list[HostRole] = Field(default=[])
    uses: Annotated[int, Field(ge=1, le=1000)] = 1
    lifetime: Annotated[int, Field(ge=60, le=30 * 86400)] = 3600


class HostToken(BaseModel):
    """A host token, without the token itself."""

    id: str
    roles: list[HostRole]
    uses_left: int
    created_by: str
    created: datetime
    expires: datetime


class IssuedHostToken(HostToken):
    """A new host token; the only time that the token itself is shown.

    ``plane_url`` is where the host enrols; ``authority`` is the certificate authority (PEM) that it must trust there;
    ``line`` is what to paste on a bare machine, as root.
    """

    token: str
    line: str
    plane_url: str
    authority: str


class Enrolment(Request):
    """A machine that wants to become a host: its token, certificate request (PEM), name and facts."""

    token: Annotated[str, Field(max_length=200)]
    csr: Annotated[str, Field(max_length=16384)]
    name: str
    facts: dict[str, Any] = Field(default={})


class Enrolled(BaseModel):
    """What a new host is given.

    ``certificate`` and ``authority`` are for the link (its region's CA); ``edge_authority`` is the CA of the edge's own
    certificate. All are PEM.
    """

    host: str
    certificate: str
    authority: str
    edge_authority: str
    customer: str
    region: str
    agent_url: str


class CertificateRequest(Request):
    """A host's request for another certificate (PEM), by its present one."""

    csr: Annotated[str, Field(max_length=16384)]


class HostCertificate(BaseModel):
    """A host's new certificate and what it shall trust; all are PEM."""

    certificate: str
    authority: str
    edge_authority: str


class DesiredState(BaseModel):
    """What a host shall be.

    ``release`` is OpenStack's release on this host, ``packages`` the build of the agent (``tool``) and of the release.
    ``keep_instances`` allows that the role ``hypervisor`` goes though instances run. ``attempt`` counts how often
    another try of what failed was asked for.
    """

    generation: int
    roles: list[HostRole]
    release: str
    keep_instances: bool
    attempt: int
    settings: dict[str, Any]
    packages: dict[str, str]


class Report(Request):
    """What a host says about itself."""

    generation: Annotated[int, Field(ge=0)]
    facts: dict[str, Any] = Field(default={})
    roles: dict[str, RoleReport] = Field(default={})


class Received(BaseModel):
    """A report was taken; ``generation`` is the present one of the desired state."""

    generation: int
