"""The client of a node's local API (HTTP over a unix socket), and the shapes that it answers with.

What is sent has the node's own types; what comes back is read by types that know only what the plane needs, so that a
node may be a version ahead.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import httpx
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from aloft.base.errors import AloftError, Conflict, InvalidInput, NotFound, PermanentError, TemporaryError
from aloft.controller.rules import CustomerRules
from aloft.controller.spec import ControllerSpec
from aloft.plane.errors import NodeUnreachable
from aloft.plane.operations import StepState

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

ReleaseState = Literal["ready", "installed", "preparing", "absent", "failed"]
"""``ready`` runs its zygotes, ``installed`` can do so at once, ``preparing`` is on its way, others need preparing."""

Phase = Literal["building", "ready", "degraded", "failed", "deleting"]

ANSWER_SECONDS = 15.0
GRANT_SECONDS = 60.0
RULES_SECONDS = 60.0
REPOSITORY_SECONDS = 120.0
PEER_SECONDS = 60.0


class NodeStep(BaseModel):
    """One step of what the node is doing to a controller or a release."""

    name: str
    state: StepState = "pending"
    started: datetime | None = None
    ended: datetime | None = None
    detail: str = ""


class NodeError(BaseModel):
    """Why the node could not do it."""

    message: str
    remedy: str = ""


class NodeComponent(BaseModel):
    """The state of one process."""

    name: str
    state: str
    pid: int | None = None
    since: float = 0.0
    restarts: int = 0
    reason: str = ""


class NodeHealth(BaseModel):
    """The health of what all customers of a node share; ``name`` is the node's own."""

    name: str = ""
    components: list[NodeComponent]


class NodePeer(BaseModel):
    """Another node that the node is connected with; ``detail`` says why it is down."""

    name: str
    address: str
    state: Literal["up", "down"]
    detail: str = ""
    controllers: int = 0


class NodeInvitation(BaseModel):
    """What another node needs to connect with the one that gave it out: a secret."""

    name: str
    port: int
    authority: str
    bundle: str = Field(repr=False)


class NodeController(BaseModel):
    """A controller as the node sees it; ``revision`` is raised by every change.

    ``node`` is the peer that it is on; empty is the node that was asked.
    """

    customer: str
    region: str
    release: str
    pins: str = ""
    slot: int | None = None
    phase: Phase
    revision: int = 0
    steps: list[NodeStep] = []
    error: NodeError | None = None
    endpoints: dict[str, str] = {}
    components: list[NodeComponent] = []
    node: str = ""


class NodeJob(BaseModel):
    """A job as the node sees it; ``revision`` is raised by every change."""

    state: Literal["running", "succeeded", "failed"]
    steps: list[NodeStep] = []
    error: NodeError | None = None
    result: dict[str, Any] = {}
    revision: int = 0


class NodeRepository(BaseModel):
    """A place for backups that the node knows; ``shipped`` is up to when it has all changes (Unix seconds).

    No change older than ``behind`` seconds is missing there, ``late`` is whether that is too long.
    """

    name: str
    url: str
    role: str
    shipped: datetime | None = None
    behind: float = 0.0
    trouble: str = ""
    late: bool = False


class NodeSnapshot(BaseModel):
    """A backup that lies in a repository, whoever made it."""

    id: str
    time: datetime
    tags: dict[str, str] = {}
    original: str = ""


class NodeRelease(BaseModel):
    """A release as the node sees it; ``reason`` says why it failed.

    One that is ready may be ``renewing``: other pins of it are being installed beside those in use.
    """

    name: str
    pins: str = ""
    state: ReleaseState
    renewing: bool = False
    reason: str = ""
    steps: list[NodeStep] = []


class NodeGrant(BaseModel):
    """What a host is given: its certificate, the authority of its region, and the settings of its roles."""

    certificate: str
    authority: str
    settings: dict[str, Any] = {}


class NodeCredentials(BaseModel):
    """How a customer's administrator logs in."""

    auth_url: str
    username: str
    password: str = Field(repr=False)
    project_name: str
    user_domain_name: str
    project_domain_name: str
    region_name: str
    cacert: str | None = None


_CONTROLLERS = TypeAdapter(list[NodeController])
_RELEASES = TypeAdapter(list[NodeRelease])
_COMPONENTS = TypeAdapter(list[NodeComponent])
_REPOSITORIES = TypeAdapter(list[NodeRepository])
_SNAPSHOTS = TypeAdapter(list[NodeSnapshot])
_PEERS = TypeAdapter(list[NodePeer])
_RULES = TypeAdapter(dict[str, CustomerRules])
_KINDS: dict[int, type[AloftError]] = {400: InvalidInput, 422: InvalidInput, 404: NotFound, 409: Conflict}


class NodeApi:
    """A node's local API.

    Every call raises :class:`NodeUnreachable` when the node does not answer, and the error of
    :mod:`aloft.base.errors` that fits the status when it refuses.
    """

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(socket), limits=httpx.Limits(max_connections=200)),
            base_url="http://node",
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=3.0),
        )

    async def health(self) -> NodeHealth:
        """The node's name, and the shared components' health."""
        return _parse(NodeHealth, await self._call("GET", "/v1/health"))

    async def processes(self) -> list[NodeComponent]:
        """The state of every process on the node."""
        return _parse_list(_COMPONENTS, await self._call("GET", "/v1/processes"), "processes")

    async def controllers(self) -> list[NodeController]:
        """Every controller on the node."""
        return _parse_list(_CONTROLLERS, await self._call("GET", "/v1/controllers"), "controllers")

    async def controller(
        self, customer: str, region: str, known: int | None = None, wait: float = 0.0
    ) -> NodeController | None:
        """One controller; ``None`` when the node has none.

        Args:
            customer: the customer's name.
            region: the region's name.
            known: with ``wait``, answer as soon as the revision is another one than this.
            wait: seconds.
        """
        params = {} if known is None else {"wait": f"{wait:g}", "known": str(known)}
        try:
            body = await self._call("GET", _path(customer, region), params=params, patience=ANSWER_SECONDS + wait)
        except NotFound:
            return None
        return _parse(NodeController, body)

    async def put_controller(self, specification: ControllerSpec) -> None:
        """Ask for a controller; asking again for the same changes nothing."""
        path = _path(specification.customer, specification.region)
        await self._call("PUT", path, json=specification.model_dump(mode="json"))

    async def delete_controller(self, customer: str, region: str) -> None:
        """Ask for a controller to be torn down; one that is not there is fine."""
        await self._absent_is_fine(_path(customer, region))

    async def credentials(self, customer: str, region: str) -> NodeCredentials:
        """How the customer's administrator logs in."""
        return _parse(NodeCredentials, await self._call("GET", _path(customer, region) + "/credentials"))

    async def grant(
        self, customer: str, region: str, host: str, csr: str | None, roles: list[str], replace: bool = False
    ) -> NodeGrant:
        """Give a host the settings of its roles, and with a request (PEM) a certificate.

        Args:
            customer: the customer's name.
            region: the region's name.
            host: the host's name.
            csr: certificate request; ``None`` when no certificate is wanted.
            roles: what it is authorised to do.
            replace: whether its former certificates shall open nothing any more.
        """
        path = f"{_path(customer, region)}/hosts/{host}"
        body = await self._call(
            "POST", path, json={"csr": csr, "roles": roles, "replace": replace}, patience=GRANT_SECONDS
        )
        return _parse(NodeGrant, body)

    async def revoke(self, customer: str, region: str, host: str) -> None:
        """Take a host's grant back; one that is not there is fine."""
        await self._absent_is_fine(f"{_path(customer, region)}/hosts/{host}")

    async def rules(self) -> dict[str, CustomerRules]:
        """The rules of every customer that has some."""
        return _parse_rules(await self._call("GET", "/v1/rules"))

    async def put_rules(self, customer: str, wanted: CustomerRules) -> None:
        """Have the node bring a customer's rules about; they hold when this returns."""
        body = wanted.model_dump(mode="json")
        await self._call("PUT", f"/v1/rules/{customer}", json=body, patience=RULES_SECONDS)

    async def forget_rules(self, customer: str) -> None:
        """Have a customer's rules forgotten; it is fine when there are none."""
        await self._absent_is_fine(f"/v1/rules/{customer}")

    async def put_job(self, job: str, wanted: dict[str, Any]) -> None:
        """Begin a job; asking again for the same changes nothing."""
        await self._call("PUT", f"/v1/jobs/{job}", json=wanted)

    async def job(self, job: str, known: int, wait: float) -> NodeJob:
        """How far a job has come, as soon as its revision is another one than ``known``, or after ``wait`` seconds."""
        params = {"wait": f"{wait:g}", "known": str(known)}
        return _parse(
            NodeJob, await self._call("GET", f"/v1/jobs/{job}", params=params, patience=ANSWER_SECONDS + wait)
        )

    async def abort_job(self, job: str) -> None:
        """Ask a job to give up what may still be given up."""
        await self._call("POST", f"/v1/jobs/{job}/abort")

    async def forget_job(self, job: str) -> None:
        """Have a job forgotten; one that is not there is fine."""
        await self._absent_is_fine(f"/v1/jobs/{job}")

    async def put_records(self, customer: str, rows: dict[str, Any]) -> None:
        """Have the node bring the plane's records of a customer to the repositories with what else changes."""
        await self._call("PUT", f"/v1/records/{customer}", json=rows)

    async def repositories(self) -> list[NodeRepository]:
        """Every place for backups that the node knows."""
        return _parse_list(_REPOSITORIES, await self._call("GET", "/v1/repositories"), "repositories")

    async def put_repository(self, name: str, wanted: dict[str, Any]) -> list[NodeRepository]:
        """Have the node know a place for backups."""
        body = await self._call("PUT", f"/v1/repositories/{name}", json=wanted)
        return _parse_list(_REPOSITORIES, body, "repositories")

    async def remove_repository(self, name: str) -> None:
        """Have the node forget a place for backups; what lies there stays."""
        await self._call("DELETE", f"/v1/repositories/{name}")

    async def repository_password(self, name: str) -> str:
        """What encrypts a repository."""
        return str((await self._call("GET", f"/v1/repositories/{name}/password"))["password"])

    async def snapshots(self, name: str, customer: str | None) -> list[NodeSnapshot]:
        """The backups in a repository, the oldest first; of all customers when none is named."""
        params = {} if customer is None else {"customer": customer}
        body = await self._call("GET", f"/v1/repositories/{name}/snapshots", params=params, patience=REPOSITORY_SECONDS)
        return _parse_list(_SNAPSHOTS, body, "snapshots")

    async def peers(self) -> list[NodePeer]:
        """The other nodes that it is connected with, each asked now how it is."""
        return _parse_list(_PEERS, await self._call("GET", "/v1/peers"), "peers")

    async def invite(self, peer: str) -> NodeInvitation:
        """Let another node connect with this one."""
        return _parse(NodeInvitation, await self._call("POST", "/v1/invitations", json={"peer": peer}))

    async def put_peer(self, name: str, wanted: dict[str, Any]) -> NodePeer:
        """Connect with a node that gave out an invitation: ``address``, ``authority``, ``bundle``, ``own_address``."""
        return _parse(NodePeer, await self._call("PUT", f"/v1/peers/{name}", json=wanted, patience=PEER_SECONDS))

    async def remove_peer(self, name: str, lost: bool = False) -> None:
        """Have the node forget another one; refused while that one serves controllers, unless it is lost."""
        await self._call("DELETE", f"/v1/peers/{name}", params={"lost": lost})

    async def releases(self) -> list[NodeRelease]:
        """Every release that the node knows."""
        return _parse_list(_RELEASES, await self._call("GET", "/v1/releases"), "releases")

    async def prepare(self, release: str) -> None:
        """Make a release ready; asking again changes nothing."""
        await self._call("POST", f"/v1/releases/{release}/prepare")

    async def logs(self, process: str, lines: int, follow: bool, customer: str | None = None) -> AsyncIterator[bytes]:
        """The last lines of a process's log, and with ``follow`` whatever comes after them.

        Args:
            process: its name.
            lines: how many to begin with.
            follow: whether to go on.
            customer: whose process it is, so that it is looked for on the node that the customer is on.
        """
        params = {"lines": str(lines), "follow": "true" if follow else "false"}
        if customer is not None:
            params["customer"] = customer
        timeout = httpx.Timeout(ANSWER_SECONDS, read=None if follow else ANSWER_SECONDS)
        request = self._client.build_request("GET", f"/v1/logs/{process}", params=params, timeout=timeout)
        try:
            answer = await self._client.send(request, stream=True)
        except httpx.HTTPError as error:
            raise _unreachable(error) from error
        if answer.is_error:
            await answer.aread()
            await answer.aclose()
            raise _refusal(answer)
        return _stream(answer)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def _absent_is_fine(self, path: str) -> None:
        try:
            await self._call("DELETE", path)
        except NotFound:
            return

    async def _call(self, method: str, path: str, patience: float = ANSWER_SECONDS, **options: Any) -> Any:
        try:
            answer = await self._client.request(method, path, timeout=httpx.Timeout(patience, connect=3.0), **options)
        except httpx.HTTPError as error:
            raise _unreachable(error) from error
        if answer.is_error:
            raise _refusal(answer)
        return answer.json() if answer.content else None


async def _stream(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()


def _path(customer: str, region: str) -> str:
    return f"/v1/controllers/{customer}/{region}"


def _unreachable(error: httpx.HTTPError) -> NodeUnreachable:
    return NodeUnreachable(
        f"The node does not answer ({type(error).__name__}).",
        "It is started again by itself; if this lasts, look at `aloft doctor` and the node's log.",
    )


def _refusal(answer: httpx.Response) -> AloftError:
    message, remedy = f"The node answered with status {answer.status_code}.", ""
    try:
        error = answer.json()["error"]
        message, remedy = str(error["message"]), str(error.get("remedy", ""))
    except (ValueError, KeyError, TypeError):
        pass
    if answer.status_code in (429, 502, 503, 504):
        return TemporaryError(message, remedy)
    return _KINDS.get(answer.status_code, PermanentError)(message, remedy)


def _parse(model: type[M], body: Any) -> M:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise _strange(error) from error


def _parse_list(adapter: TypeAdapter[list[T]], body: Any, key: str) -> list[T]:
    try:
        return adapter.validate_python(body[key] if isinstance(body, dict) else body)
    except (ValidationError, KeyError) as error:
        raise _strange(error) from error


def _parse_rules(body: Any) -> dict[str, CustomerRules]:
    try:
        return _RULES.validate_python(body)
    except ValidationError as error:
        raise _strange(error) from error


def _strange(error: Exception) -> PermanentError:
    return PermanentError(f"The node's answer is not understood: {error}.", "The node and the plane differ in version.")
