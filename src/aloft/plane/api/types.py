"""Types that the plane's REST API takes or gives.

Those of hosts are in :mod:`.host_types`, those of backups and settings in :mod:`.care_types`.
An addition there or here is an addition to the API.
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
HostRole = Literal["hypervisor", "network", "image-library"]


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
    """An OpenStack release; one that is ``absent`` or ``failed`` has to be prepared before a region can have it.

    ``pins`` are its present ones by the node's name of them, empty for the first ones.
    """

    name: str
    pins: str = ""
    node: str
    state: ReleaseState
    detail: str = ""
    seen: datetime


class Node(BaseModel):
    """A provider's machine that runs controllers; ``own`` is the one that the plane itself is on.

    ``detail`` says why it is down, ``controllers`` is how many of this plane's it has.
    """

    name: str
    own: bool
    address: str
    state: Literal["up", "down", "unknown"]
    detail: str
    controllers: int
    seen: datetime | None


class NewInvitation(Request):
    """A node that shall connect with this one, by its own name.

    ``address`` (``HOST`` or ``HOST:PORT``) is where it finds this one; that of the way out when left out.
    """

    name: str
    address: Annotated[str, Field(max_length=255)] | None = None


class Invitation(BaseModel):
    """The line to give to the other node: a secret. ``name`` and ``address`` are of the node that gave it out."""

    name: str
    address: str
    invitation: str


class NewNode(Request):
    """A node to connect with, by the invitation that it gave out.

    ``address`` is where it is found, if not where it said; ``own_address`` where it finds this one (``HOST:PORT``).
    """

    invitation: Annotated[SecretStr, Field(max_length=65536)]
    address: Annotated[str, Field(max_length=255)] | None = None
    own_address: Annotated[str, Field(max_length=255)] | None = None


class NewMove(Request):
    """Where to move a customer, with ``any_time`` though its maintenance window is closed."""

    node: str
    any_time: bool = False


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
    node: str
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

    No change older than ``behind_seconds`` is missing there; ``trouble`` is why the last shipment failed. ``checked``
    is when all of it was last read and found to be what was written, and ``check_failure`` why it was not since.
    ``late`` is whether somebody has to look at it.
    """

    name: str
    url: str
    role: str
    shipped: datetime | None
    behind_seconds: float
    trouble: str
    late: bool
    checked: datetime | None
    check_failure: str


class Status(BaseModel):
    """The health of everything: ``healthy`` when nothing in it is unwell."""

    healthy: bool
    node: Node
    peers: list[Node]
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
