"""Types of the plane's REST API about backups, upgrades and what customers' administrators set."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, SecretStr

from aloft.controller.rules import AccessRules
from aloft.plane.api.types import BackupStatus, Operation, Repository, Request
from aloft.plane.toggles import LONGEST_TRIAL_SECONDS, TRIAL_SECONDS, Bounds, Window


class BackupOverview(BaseModel):
    """How all backups stand: each customer's, and each place for them."""

    healthy: bool
    customers: list[BackupStatus]
    repositories: list[Repository]


class Backup(BaseModel):
    """A backup of a customer: ``made``, ``proved`` once it was restored and compared, ``suspect`` when that failed.

    ``copies`` has for each secondary repository an empty text, or why there is no copy in it. ``node`` is the only one
    that can read it, where it lies in a folder of a node.
    """

    id: str
    customer: str
    state: Literal["made", "proved", "suspect"]
    detail: str
    repository: str
    node: str | None
    snapshot: str
    bytes_read: int
    bytes_added: int
    copies: dict[str, str]
    made: datetime
    proved: datetime | None


class BackupPolicy(BaseModel):
    """When a customer is backed up (hours and minutes, UTC), and for how many days backups are kept."""

    customer: str
    enabled: bool
    at: str
    keep_days: int


class BackupPolicyChange(Request):
    """What can be changed of a policy; what is left out stays."""

    enabled: bool | None = None
    at: str | None = None
    keep_days: Annotated[int, Field(ge=1, le=3650)] | None = None


class AccessChange(Request):
    """Source networks (CIDR) to set, by kind; an empty list lets all in, what is left out stays."""

    portal: list[str] | None = None
    api: list[str] | None = None
    links: list[str] | None = None


class CustomerSettingsChange(Request):
    """What a customer's administrator sets; what is left out stays, and ``window`` may be ``null`` for any time.

    ``confirm_within`` is within how many seconds ``access`` must be confirmed, or it holds no more.
    """

    services: dict[str, bool] | None = None
    access: AccessChange | None = None
    backup: BackupPolicyChange | None = None
    window: Window | None = None
    log_days: Annotated[int, Field(ge=0, le=3650)] | None = None
    confirm_within: Annotated[int, Field(ge=5, le=LONGEST_TRIAL_SECONDS)] = TRIAL_SECONDS


class CustomerSettings(BaseModel):
    """What holds for a customer.

    ``access`` holds now; with ``confirm_until`` only until then, and after that ``confirmed`` holds again. ``services``
    are by region. ``bounds`` is what the provider allows.
    """

    customer: str
    services: dict[str, dict[str, bool]]
    access: AccessRules
    confirm_until: datetime | None
    confirmed: AccessRules
    backup: BackupPolicy
    window: Window | None
    window_open: bool
    log_days: int
    bounds: Bounds


class SettingsChanged(BaseModel):
    """What holds now, and the operations that bring services about."""

    settings: CustomerSettings
    operations: list[Operation]


class Confirmation(Request):
    """Networks that are on trial shall hold for good; with ``even_if_shut_out`` also against the caller."""

    even_if_shut_out: bool = False


class NewRestore(Request):
    """A customer to bring back: from a backup on record, or from a snapshot in a repository.

    With ``at`` what changed after the backup is replayed up to that moment.
    """

    customer: str
    at: AwareDatetime | None = None
    backup: str | None = None
    repository: str | None = None
    snapshot: str | None = None


class RestoreAll(Request):
    """Bring back all customers that lie in a repository."""

    repository: str


class NewUpgradePlan(Request):
    """An upgrade to rehearse; the newest release when none is named. The present one can be when it has other pins."""

    release: str | None = None


class NewUpgrade(NewUpgradePlan):
    """An upgrade to do.

    With ``despite_hosts`` though hosts are missing or not well, with ``any_time`` though the maintenance window is
    closed.
    """

    despite_hosts: bool = False
    any_time: bool = False


class NewWave(NewUpgrade):
    """Upgrades of many customers, of all that have an older release when none is named.

    The ``canary`` goes first, alone, and must have run well for ``soak_minutes`` before the others follow, ``at_once``
    at the same time; each in its maintenance window, unless ``any_time``.
    """

    customers: list[str] = Field(default_factory=list)
    canary: str = ""
    soak_minutes: Annotated[int, Field(ge=0, le=100_000)] = 0
    at_once: Annotated[int, Field(ge=1, le=100)] = 1


class Upgrade(BaseModel):
    """Which release serves a customer, which is kept for the way back (or empty) since when, and what is under way.

    ``pins`` are those of the release that serve it, by the node's name of them.
    """

    customer: str
    release: str
    pins: str
    kept: str
    since: datetime | None
    operation: Operation | None


class Wave(BaseModel):
    """The wave of upgrades that is under way, or the last one; and where each customer stands."""

    operation: Operation | None
    customers: list[Upgrade]


class NewRepository(Request):
    """A place for backups; see ``aloft backup repository add --help`` for addresses and credentials."""

    url: Annotated[str, Field(max_length=1000)]
    role: Literal["primary", "secondary"] = "primary"
    password: SecretStr | None = None
    credentials: dict[Literal["aws", "ssh", "known-hosts"], SecretStr] = Field(default_factory=dict)


class RepositoryPassword(BaseModel):
    """What encrypts a repository."""

    repository: str
    password: str
