"""Types that the plane's REST API takes or gives; those of backups and settings are in :mod:`.care_types`.

An addition here is an addition to the API.
"""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from aloft.plane.access.policy import Role
from aloft.plane.node_api import ReleaseState
from aloft.plane.operations import OperationState, StepState

T = TypeVar("T")

RegionPhase = Literal["pending", "building", "ready", "degraded", "failed", "deleting"]
CustomerState = Literal["creating", "active", "failed", "deleting"]
HostStateName = Literal["pending", "converging", "ok", "degraded", "failed", "missing"]
HostRole = Literal["hypervisor", "network", "block-storage", "image-library", "vsphere-gateway"]


class Request(BaseModel):
    """A request body: unknown fields are refused, so that a misspelt one is not silently ignored."""

    model_config = ConfigDict(extra="forbid")


class Items(BaseModel, Generic[T]):
    """A list of things."""

    items: list[T]


class ErrorDetail(BaseModel):
    """What happened and what to do about it; ``code`` is for programs, the rest for people."""

    code: str
    message: str
    remedy: str = ""


class ErrorBody(BaseModel):
    """The body of every answer that is an error."""

    error: ErrorDetail


class Health(BaseModel):
    """Whether the plane itself works."""

    status: Literal["ok", "degraded"]
    version: str
    database: Literal["ok", "down"]


class Step(BaseModel):
    """One step of an operation."""

    name: str
    state: StepState
    started: datetime | None = None
    ended: datetime | None = None
    detail: str = ""


class Operation(BaseModel):
    """A change that somebody asked for, and how far it has come.

    ``revision`` is raised by every change of it; ``resumable`` is whether the plane goes on with it after a crash;
    ``result`` is what came of it, where there is more to say than that it succeeded.
    """

    id: str
    kind: str
    customer: str | None
    subject: str
    actor: str
    state: OperationState
    steps: list[Step]
    progress: Annotated[float, Field(ge=0, le=1)]
    error: ErrorDetail | None
    resumable: bool
    revision: int
    result: dict[str, Any]
    created: datetime
    started: datetime | None
    ended: datetime | None


class Accepted(BaseModel):
    """A change was accepted; follow its operation."""

    operation: Operation


class Limits(Request):
    """What a controller may use; ``null`` is unlimited."""

    memory_mib: Annotated[int, Field(ge=256)] | None = None
    cpu_cores: Annotated[float, Field(gt=0)] | None = None


class NewRegion(Request):
    """A region to create; the first is called ``<customer>-1`` and the release is the newest if not said."""

    name: str | None = None
    release: str | None = None
    services: dict[str, bool] = {}
    limits: Limits = Limits()


class NewCustomer(Request):
    """A customer to create, with its first region, which hosts its Keystone."""

    name: str
    display_name: Annotated[str, Field(max_length=200)] = ""
    region: NewRegion = NewRegion()


class CustomerChange(Request):
    """What can be changed of a customer."""

    display_name: Annotated[str, Field(min_length=1, max_length=200)]


class RegionChange(Request):
    """What can be changed of a region; what is left out stays."""

    services: dict[str, bool] | None = None
    limits: Limits | None = None


class Component(BaseModel):
    """The health of one process; ``since`` in Unix seconds."""

    name: str
    state: str
    pid: int | None = None
    since: float = 0.0
    restarts: int = 0
    reason: str = ""


class Region(BaseModel):
    """A region and its controller."""

    customer: str
    name: str
    release: str
    node: str
    slot: int | None
    identity: bool
    services: dict[str, bool]
    limits: Limits
    generation: int
    phase: RegionPhase
    endpoints: dict[str, str]
    components: list[Component]
    error: ErrorDetail | None
    created: datetime
    ready: datetime | None


class Customer(BaseModel):
    """A customer and its regions."""

    name: str
    display_name: str
    state: CustomerState
    created: datetime
    regions: list[Region]


class Credentials(BaseModel):
    """How a customer's administrator logs in to OpenStack."""

    auth_url: str
    username: str
    password: str
    project_name: str
    user_domain_name: str
    project_domain_name: str
    region_name: str
    cacert: str | None = None


class Release(BaseModel):
    """An OpenStack release; one that is ``absent`` or ``failed`` has to be prepared before a region can have it."""

    name: str
    node: str
    state: ReleaseState
    detail: str = ""
    seen: datetime


class Node(BaseModel):
    """A provider's machine that runs controllers."""

    name: str
    address: str
    state: Literal["up", "down", "unknown"]
    detail: str
    seen: datetime | None


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

    roles: list[HostRole] = []
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


class Event(BaseModel):
    """Something that happened."""

    id: int
    at: datetime
    kind: str
    customer: str | None
    subject: str
    data: dict[str, Any]


class AuditEntry(BaseModel):
    """Who did what to what, and whether it was let."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    customer: str | None
    outcome: Literal["accepted", "refused"]
    detail: dict[str, Any]


class Account(BaseModel):
    """An account of the provider."""

    name: str
    roles: list[Role]
    disabled: bool
    has_password: bool
    created: datetime


class NewAccount(Request):
    """An account to create."""

    name: str
    roles: Annotated[list[Role], Field(min_length=1)]
    password: SecretStr | None = None


class AccountChange(Request):
    """What can be changed of an account; what is left out stays."""

    roles: Annotated[list[Role], Field(min_length=1)] | None = None
    password: SecretStr | None = None
    disabled: bool | None = None


class Login(Request):
    """A login; ``lifetime`` of the token in seconds."""

    account: str
    password: SecretStr
    lifetime: Annotated[int, Field(ge=60, le=90 * 86400)] = 12 * 3600


class Token(BaseModel):
    """A token of an account, without the token itself."""

    id: str
    account: str
    created: datetime
    expires: datetime


class IssuedToken(Token):
    """A new token; the only time that the token itself is shown."""

    token: str


class Me(BaseModel):
    """Who the caller is."""

    kind: Literal["account", "customer"]
    name: str
    customer: str | None
    roles: list[str]


class RegionStatus(BaseModel):
    """The health of one region."""

    customer: str
    region: str
    release: str
    phase: RegionPhase
    error: ErrorDetail | None
    components: list[Component]


class HostStatus(BaseModel):
    """The health of one host."""

    customer: str
    region: str
    host: str
    state: HostStateName


class BackupStatus(BaseModel):
    """Whether a customer's backups are as they should be; ``age_seconds`` is of the newest one that is not suspect."""

    customer: str
    state: Literal["ok", "late", "suspect", "none", "off"]
    age_seconds: float | None
    proved: bool
    copies: dict[str, str]


class Repository(BaseModel):
    """A place for backups, without its secrets; ``shipped`` is up to when it has all changes, by the binary logs.

    No change older than ``behind_seconds`` is missing there; ``trouble`` is why the last shipment failed; ``late`` is
    whether somebody has to look at it.
    """

    name: str
    url: str
    role: str
    shipped: datetime | None
    behind_seconds: float
    trouble: str
    late: bool


class Status(BaseModel):
    """The health of everything: ``healthy`` when nothing in it is unwell."""

    healthy: bool
    node: Node
    shared: list[Component]
    regions: list[RegionStatus]
    hosts: list[HostStatus]
    backups: list[BackupStatus]
    repositories: list[Repository]


class Snapshot(BaseModel):
    """A backup that lies in a repository; ``original`` is the id that it had before it was copied there."""

    id: str
    customer: str
    made: datetime
    original: str


class Enrolment(Request):
    """A machine that wants to become a host: its token, certificate request (PEM), name and facts."""

    token: Annotated[str, Field(max_length=200)]
    csr: Annotated[str, Field(max_length=16384)]
    name: str
    facts: dict[str, Any] = {}


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
    facts: dict[str, Any] = {}
    roles: dict[str, RoleReport] = {}


class Received(BaseModel):
    """A report was taken; ``generation`` is the present one of the desired state."""

    generation: int
