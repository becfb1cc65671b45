"""What the plane wants of a host, as it arrives: checked once here, typed everywhere else."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class EdgePlace(_Settings):
    """An address or a name, and the only port that the host needs."""

    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 443


class Edge(EdgePlace):
    """Where the provider's edge is, and where ``others`` are to be tried when it does not answer, in this order."""

    others: tuple[EdgePlace, ...] = ()


class Names(_Settings):
    """The names by which the edge knows the services of the host's region."""

    identity: str
    compute: str
    network: str
    image: str
    placement: str
    metadata: str
    amqp: str
    ovn: str
    db: str
    agent: str
    console: str = ""
    streams: str = ""
    volume: str = ""
    sync: str = ""

    def http(self) -> tuple[str, ...]:
        """The names that speak HTTP to the host's services."""
        names = (self.identity, self.compute, self.network, self.image, self.volume, self.placement, self.metadata)
        return tuple(name for name in (*names, self.sync) if name)


class Broker(_Settings):
    """The host's login at the message broker. ``options`` go into ``[oslo_messaging_rabbit]`` as they are."""

    user: str
    password: str = Field(repr=False)
    vhost: str
    options: dict[str, str | int | bool] = {}


class ServiceAccount(_Settings):
    """A service's login at Keystone."""

    username: str
    password: str = Field(repr=False)
    project: str
    domain: str = "Default"


class Accounts(_Settings):
    """The logins that the host's services use; those that no role of the host needs are not there."""

    nova: ServiceAccount | None = None
    glance: ServiceAccount | None = None


class DatabaseLogin(_Settings):
    """The image library's schema."""

    user: str
    password: str = Field(repr=False)
    schema_name: str = Field(alias="schema")


class PhysicalNetwork(_Settings):
    """A network outside of OpenStack that the host's bridge leads to.

    ``interface`` is a network card that becomes part of the bridge; ``address`` (with prefix length) is given to the
    bridge itself, so that the machine takes part in that network.
    """

    bridge: str
    interface: str | None = None
    address: str | None = None


class Overlay(_Settings):
    """How hosts carry the traffic of project networks among each other.

    This host's end of it is ``address``, or else the first address of ``interface``, or else the address to the default
    gateway. ``mtu`` is that of the network between the hosts.
    """

    type: Literal["geneve", "vxlan"] = "geneve"
    interface: str | None = None
    address: str | None = None
    mtu: int | None = None


class NetworkSettings(_Settings):
    """Overlay and physical networks."""

    physical_networks: dict[str, PhysicalNetwork] = {}
    overlay: Overlay = Overlay()


class Peer(_Settings):
    """Another host of the region, and its address in the site's network."""

    host: str
    address: str


class ImageLibrarySettings(_Settings):
    """Where this host's image library listens on the provider's own node, and the region's libraries.

    ``listen`` is a unix socket that the edge can reach; other hosts have a socket of their own.
    """

    listen: str | None = None
    libraries: tuple[Peer, ...] = ()


class Settings(_Settings):
    """Everything that the roles of a host need to know about their region."""

    customer: str
    region: str
    domain: str
    edge: Edge
    names: Names
    amqp: Broker
    keystone: Accounts
    metadata_secret: str = Field(repr=False)
    database: DatabaseLogin | None = None
    network: NetworkSettings = NetworkSettings()
    image_library: ImageLibrarySettings = ImageLibrarySettings()


class Desired(_Settings):
    """The plane's answer to ``GET /agent/v1/state``: what the host shall be, as of ``generation``.

    ``packages`` says which build of the agent (``tool``) and of the release the host shall have;
    ``keep_instances`` that the role ``hypervisor`` may go though instances run. ``attempt`` counts how often a person
    asked for another try of what failed.
    """

    generation: int
    roles: tuple[str, ...] = ()
    release: str = ""
    settings: Settings | None = None
    packages: dict[str, str] = {}
    keep_instances: bool = False
    attempt: int = 0

    @field_validator("settings", mode="before")
    @classmethod
    def _nothing(cls, value: Any) -> Any:
        """Before a host's first grant the plane has no settings for it yet."""
        return value or None
