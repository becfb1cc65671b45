"""What a controller shall be, and what the node says of it: the boundary types of the node's local API."""

from typing import Literal

from pydantic import Field

from aloft.controller.network import Model, NetworkTemplate

Phase = Literal["building", "ready", "degraded", "failed", "deleting"]
StepState = Literal["pending", "running", "done", "failed"]


class ControllerLimits(Model):
    """What all processes of the controller together may use; ``None`` is unlimited."""

    memory_mib: int | None = Field(None, ge=256)
    cpu_cores: float | None = Field(None, gt=0)


class ControllerSpec(Model):
    """One region of one customer, as it shall be.

    Args:
        customer: the customer's name, a DNS label.
        region: the region's name, a DNS label.
        release: OpenStack release, such as ``2026.2``.
        pins: which pins of the release it runs with, as the node names them (:mod:`aloft.controller.environment`).
        domain: the provider's DNS domain.
        identity: whether this controller hosts the customer's Keystone.
        identity_region: the region that hosts it; ``None`` when it is this one.
        services: optional services by name, on or off; what is not named has the service's default.
        limits: memory and CPU of the whole controller.
        network: the region's network template.
    """

    customer: str
    region: str
    release: str
    pins: str = ""
    domain: str
    identity: bool = True
    identity_region: str | None = None
    services: dict[str, bool] = Field(default_factory=dict)
    limits: ControllerLimits = Field(default_factory=lambda: ControllerLimits(memory_mib=None, cpu_cores=None))
    network: NetworkTemplate = Field(default_factory=NetworkTemplate)

    @property
    def key(self) -> str:
        """``customer/region``."""
        return f"{self.customer}/{self.region}"

    @property
    def environment(self) -> str:
        """The name of the environment of the release that it runs from."""
        return f"{self.release}-{self.pins}" if self.pins else self.release


class Step(Model):
    """One step of building or tearing down; times are Unix seconds."""

    name: str
    state: StepState = "pending"
    started: float | None = None
    ended: float | None = None
    detail: str = ""


class Problem(Model):
    """What went wrong and what to do about it."""

    message: str
    remedy: str = ""


class Component(Model):
    """One process of the controller, as the supervisor sees it."""

    name: str
    state: str
    pid: int | None = None
    since: float = 0.0
    restarts: int = 0
    reason: str = ""


class ControllerStatus(Model):
    """What there is of a controller; ``revision`` grows with every change of it.

    ``node`` is the peer that it is on; empty is the node that was asked.
    """

    customer: str
    region: str
    release: str
    pins: str = ""
    slot: int | None
    phase: Phase
    revision: int
    steps: tuple[Step, ...] = ()
    error: Problem | None = None
    endpoints: dict[str, str] = Field(default_factory=dict)
    components: tuple[Component, ...] = ()
    node: str = ""


class Credentials(Model):
    """How the customer's administrator logs in."""

    auth_url: str
    username: str
    password: str
    project_name: str
    user_domain_name: str = "Default"
    project_domain_name: str = "Default"
    region_name: str
    cacert: str
