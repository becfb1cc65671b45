"""A node that speaks the local API over a real unix socket, and the customers' Keystones behind the internal listener.

It makes no controllers: it keeps what it is told and walks through the phases, held where a test wants it held.
"""

import asyncio
import queue
import socket
import threading
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

STEPS = ("prepare slot", "start services", "check")


class Controller:
    """One controller of the fake node."""

    def __init__(self, body: dict[str, Any], slot: int) -> None:
        self.body = body
        self.slot = slot
        self.phase = "building"
        self.revision = 1
        self.steps: list[dict[str, Any]] = []
        self.error: dict[str, str] | None = None
        self.hosts: dict[str, dict[str, Any]] = {}
        self.node = ""
        self.changed = asyncio.Event()

    def touch(self) -> None:
        self.revision += 1
        self.changed.set()
        self.changed = asyncio.Event()

    def told(self) -> dict[str, Any]:
        return {
            **{name: self.body[name] for name in ("customer", "region", "release")},
            "pins": self.body.get("pins", ""),
            "slot": self.slot,
            "phase": self.phase,
            "revision": self.revision,
            "steps": self.steps,
            "error": self.error,
            "endpoints": {"identity": f"https://identity.{self.body['customer']}.aloft.internal/v3"},
            "node": self.node,
            "components": [{"name": "nova-api", "state": "ready", "pid": 1, "since": 0, "restarts": 0, "reason": ""}],
        }


class FakeNova:
    """As much of Nova and Neutron as has to do with hosts: ``servers`` by host, and whether new ones may come to it."""

    def __init__(self) -> None:
        self.servers: dict[str, dict[str, dict[str, Any]]] = {}
        self.disabled: dict[str, bool] = {}
        self.forgotten: list[str] = []
        self.agents_gone: list[str] = []
        self.aborted: set[str] = set()
        self.asked: list[str] = []
        self.stuck: set[str] = set()

    def put(self, host: str, name: str, status: str = "ACTIVE") -> None:
        """Let a server be on a host."""
        self.servers.setdefault(host, {})[name] = {"id": name, "name": name, "status": status}

    def serve(self, app: FastAPI) -> None:
        """Add Nova's routes."""

        @app.get("/v2.1/servers/detail")
        async def servers(host: str, request: Request) -> dict[str, Any]:
            assert request.headers["X-Auth-Token"] == "administrator"
            return {"servers": list(self.servers.get(host, {}).values())}

        @app.get("/v2.1/os-services")
        async def services(host: str) -> dict[str, Any]:
            return {"services": [{"id": host}]}

        @app.put("/v2.1/os-services/{host}")
        async def change(host: str, request: Request) -> dict[str, Any]:
            self.disabled[host] = (await request.json())["status"] == "disabled"
            return {}

        @app.delete("/v2.1/os-services/{host}", status_code=204)
        async def forget(host: str) -> None:
            self.forgotten.append(host)

        @app.get("/v2.0/agents")
        async def agents(host: str, request: Request) -> dict[str, Any]:
            assert request.headers["Host"].startswith("network.")
            return {"agents": [{"id": f"{host}-{kind}"} for kind in ("gateway", "metadata")]}

        @app.delete("/v2.0/agents/{agent}", status_code=204)
        async def forget_agent(agent: str) -> None:
            self.agents_gone.append(agent)

        @app.delete("/v2.1/servers/{server}", status_code=204)
        async def delete(server: str) -> None:
            self._gone(server)

        @app.post("/v2.1/servers/{server}/action", status_code=202)
        async def act(server: str, request: Request) -> None:
            action = next(iter(await request.json()))
            self.asked.append(f"{action} {server}")
            if action == "migrate" and server not in self.stuck:
                for servers in self.servers.values():
                    if server in servers:
                        servers[server]["status"] = "VERIFY_RESIZE"
            elif server not in self.stuck:
                self._gone(server)

    def _gone(self, server: str) -> None:
        for servers in self.servers.values():
            servers.pop(server, None)


class FakeNode:
    """The node; everything that a test looks at or changes is in its attributes.

    ``held`` and ``failing`` name ``customer/region``: held ones stay in their second step until released, failing ones
    end there in failure.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.controllers: dict[str, Controller] = {}
        self.held: set[str] = set()
        self.failing: set[str] = set()
        self.refusing: set[str] = set()
        self.puts: list[str] = []
        self.deletes: list[str] = []
        self.revoked: list[str] = []
        self.grant_error = 0
        self.jobs: dict[str, dict[str, Any]] = {}
        self.results: dict[str, dict[str, Any]] | None = {}
        self.forgotten: list[str] = []
        self.agents_gone: list[str] = []
        self.aborted: set[str] = set()
        self.rules: dict[str, dict[str, Any]] = {}
        self.rules_forgotten: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.records: queue.SimpleQueue[tuple[str, dict[str, Any]]] = queue.SimpleQueue()
        self.repositories: dict[str, dict[str, Any]] = {
            "local": {"name": "local", "url": "/backups", "role": "primary", "shipped": None}
        }
        self.releases = {"2026.1": "ready", "2026.2": "ready", "2025.2": "absent"}
        self.pins: dict[str, str] = {}
        self.name = "first"
        self.invited: list[str] = []
        self.invites_as = "first"
        self.peers: dict[str, dict[str, Any]] = {}
        self.added: dict[str, dict[str, Any]] = {}
        self.tokens: dict[tuple[str, str], list[str]] = {}
        self.nova = FakeNova()
        self.internal_port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._gate = asyncio.Event()
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._servers: list[uvicorn.Server] = []
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Serve, in a thread."""
        self._started.clear()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._started.wait(30)

    def stop(self) -> None:
        """Stop serving; what was made stays, as with a real node that is killed."""
        for server in self._servers:
            server.should_exit = True
        assert self._thread is not None
        self._thread.join(30)
        self.path.unlink(missing_ok=True)

    def release(self, key: str) -> None:
        """Let a held controller go on."""
        assert self._loop is not None
        self.held.discard(key)
        self._loop.call_soon_threadsafe(self._open)

    def await_forgotten(self, customer: str) -> None:
        """Wait until a customer's rules are forgotten."""
        while self.rules_forgotten.get(timeout=30) != customer:
            pass

    def set_phase(self, key: str, phase: str) -> None:
        """Put a controller into a phase."""
        assert self._loop is not None

        def change() -> None:
            self.controllers[key].phase = phase
            self.controllers[key].touch()

        self._loop.call_soon_threadsafe(change)

    def put_on(self, key: str, node: str) -> None:
        """Have a controller be on another node; its hosts are not known there."""
        assert self._loop is not None

        def change() -> None:
            self.controllers[key].node = node
            self.controllers[key].hosts.clear()
            self.controllers[key].touch()

        self._loop.call_soon_threadsafe(change)

    def _open(self) -> None:
        self._gate.set()
        self._gate = asyncio.Event()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._gate = asyncio.Event()
        for controller in self.controllers.values():
            controller.changed = asyncio.Event()
            if controller.phase in ("building", "deleting"):
                self._spawn(self._build(controller) if controller.phase == "building" else self._remove(controller))
        local = socket.socket(socket.AF_UNIX)
        local.bind(str(self.path))
        internal = socket.socket()
        internal.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        internal.bind(("127.0.0.1", self.internal_port))
        self.internal_port = internal.getsockname()[1]
        for listener in (local, internal):
            listener.listen(100)
        options: dict[str, Any] = {"log_level": "error", "timeout_graceful_shutdown": 1}
        self._servers = [uvicorn.Server(uvicorn.Config(app, **options)) for app in (self._api(), self._keystones())]
        serving = [
            asyncio.create_task(server.serve(sockets=[listener]))
            for server, listener in zip(self._servers, (local, internal), strict=True)
        ]
        self._started.set()
        await asyncio.gather(*serving)
        for task in self._tasks:
            task.cancel()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _build(self, controller: Controller) -> None:
        key = f"{controller.body['customer']}/{controller.body['region']}"
        controller.phase, controller.error = "building", None
        controller.steps = [{"name": name, "state": "pending", "detail": ""} for name in STEPS]
        for number, step in enumerate(controller.steps):
            step.update(state="running", started=time.time())
            controller.touch()
            while number == 1 and key in self.held:
                await self._gate.wait()
            if number == 1 and key in self.failing:
                step.update(state="failed", ended=time.time(), detail="it broke")
                controller.phase = "failed"
                controller.error = {"message": "The services did not start.", "remedy": "Free some memory."}
                controller.touch()
                return
            step.update(state="done", ended=time.time())
        controller.phase = "ready"
        controller.touch()

    async def _remove(self, controller: Controller) -> None:
        key = f"{controller.body['customer']}/{controller.body['region']}"
        while key in self.held:
            await self._gate.wait()
        self.controllers.pop(key, None)
        controller.touch()

    def _api(self) -> FastAPI:
        app = FastAPI()

        @app.get("/v1/health")
        async def health() -> dict[str, Any]:
            shared = [{"name": "mariadb", "state": "ready", "reason": "", "restarts": 0}]
            return {"name": self.name, "components": shared}

        @app.get("/v1/releases")
        async def releases() -> list[dict[str, str]]:
            return [
                {"name": name, "pins": self.pins.get(name, ""), "state": state, "reason": ""}
                for name, state in self.releases.items()
            ]

        @app.post("/v1/releases/{name}/prepare", status_code=202)
        async def prepare(name: str) -> None:
            self.releases[name] = "ready"

        @app.get("/v1/logs/{process:path}")
        async def logs(process: str, lines: int, follow: bool, customer: str = "nobody") -> Response:
            async def text() -> AsyncIterator[str]:
                yield f"{process} of {customer} {lines} {follow}\n"

            return StreamingResponse(text(), media_type="text/plain")

        self._controllers(app)
        self._hosts(app)
        self._jobs(app)
        self._peers(app)
        return app

    def _peers(self, app: FastAPI) -> None:
        @app.get("/v1/peers")
        async def peers() -> list[dict[str, Any]]:
            return list(self.peers.values())

        @app.post("/v1/invitations", status_code=201)
        async def invite(request: Request) -> dict[str, Any]:
            self.invited.append((await request.json())["peer"])
            return {"name": self.invites_as, "port": 7443, "authority": "AUTHORITY", "bundle": "SECRET BUNDLE"}

        @app.put("/v1/peers/{name}")
        async def put(name: str, request: Request) -> Response:
            self.added[name] = await request.json()
            if self.added[name]["address"].startswith("nowhere"):
                return _refuse(503, f"The node {name} does not answer.")
            told = {"name": name, "address": self.added[name]["address"], "state": "up", "detail": ""}
            self.peers[name] = {**told, "controllers": 0}
            return JSONResponse(self.peers[name])

        @app.delete("/v1/peers/{name}", status_code=204)
        async def remove(name: str, lost: bool = False) -> Response:
            if name not in self.peers:
                return _refuse(404, "There is no such peer.")
            if not lost and any(one.node == name for one in self.controllers.values()):
                return _refuse(409, "It serves controllers.")
            self.peers.pop(name)
            self.controllers = {key: one for key, one in self.controllers.items() if one.node != name}
            return Response(status_code=204)

    def _controllers(self, app: FastAPI) -> None:
        where = "/v1/controllers/{customer}/{region}"

        @app.get("/v1/controllers")
        async def every() -> list[dict[str, Any]]:
            return [controller.told() for controller in self.controllers.values()]

        @app.get(where)
        async def one(customer: str, region: str, wait: float = 0, known: int = -1) -> Response:
            key = f"{customer}/{region}"
            controller = self.controllers.get(key)
            if controller is not None and wait > 0 and controller.revision == known:
                try:
                    async with asyncio.timeout(wait):
                        await controller.changed.wait()
                except TimeoutError:
                    pass
            if key not in self.controllers:
                return _refuse(404, "There is no controller of that name.")
            return JSONResponse(self.controllers[key].told())

        @app.put(where, status_code=202)
        async def put(customer: str, region: str, request: Request) -> Response:
            key = f"{customer}/{region}"
            self.puts.append(key)
            if key in self.refusing:
                return _refuse(400, "The node will not have it.")
            body = await request.json()
            controller = self.controllers.get(key)
            if controller is None:
                controller = self.controllers[key] = Controller(body, len(self.controllers) + 1)
            controller.body = body
            self._spawn(self._build(controller))
            return JSONResponse(controller.told(), 202)

        @app.delete(where, status_code=202)
        async def delete(customer: str, region: str) -> Response:
            key = f"{customer}/{region}"
            self.deletes.append(key)
            controller = self.controllers.get(key)
            if controller is None:
                return _refuse(404, "There is no controller of that name.")
            others = [k for k in self.controllers if k.startswith(f"{customer}/") and k != key]
            if controller.body["identity"] and others:
                return _refuse(409, "Other regions need its Keystone.")
            controller.phase = "deleting"
            controller.touch()
            self._spawn(self._remove(controller))
            return Response(status_code=202)

        @app.get(where + "/credentials")
        async def credentials(customer: str, region: str) -> dict[str, str]:
            names = ("username", "password", "project_name", "user_domain_name", "project_domain_name")
            return {
                **dict.fromkeys(names, "admin"),
                "auth_url": f"https://identity.{customer}.aloft.internal/v3",
                "region_name": region,
                "cacert": "PEM",
            }

    def _hosts(self, app: FastAPI) -> None:
        where = "/v1/controllers/{customer}/{region}/hosts/{host}"

        @app.post(where)
        async def grant(customer: str, region: str, host: str, request: Request) -> Response:
            if self.grant_error:
                return _refuse(self.grant_error, "The grant is refused.")
            body = await request.json()
            self.controllers[f"{customer}/{region}"].hosts[host] = body
            certificate = "" if body["csr"] is None else f"certificate of {host}"
            told = {"certificate": certificate, "authority": "authority", "settings": {"roles": body["roles"]}}
            return JSONResponse(told)

        @app.delete(where, status_code=204)
        async def revoke(customer: str, region: str, host: str) -> None:
            self.revoked.append(f"{customer}/{region}/{host}")
            self.controllers[f"{customer}/{region}"].hosts.pop(host, None)

    def _jobs(self, app: FastAPI) -> None:
        """Jobs end as ``results`` says for their kind, or for ``<kind> <customer>``.

        What is missing fails, and while there are none nothing ends. A move has the customer on the other node.
        """

        @app.put("/v1/jobs/{job}", status_code=202)
        async def put(job: str, request: Request) -> None:
            self.jobs.setdefault(job, await request.json())

        @app.get("/v1/jobs/{job}")
        async def one(job: str) -> Response:
            if job not in self.jobs:
                return _refuse(404, "There is no such job.")
            if job in self.aborted:
                return JSONResponse({"state": "failed", "error": {"message": "It was aborted.", "remedy": ""}})
            if self.results is None:
                await asyncio.sleep(0.05)
                return JSONResponse({"state": "running", "steps": [{"name": "work", "state": "running"}]})
            kind, customer = self.jobs[job]["kind"], self.jobs[job]["customer"]
            result = self.results.get(f"{kind} {customer}", self.results.get(kind))
            if result is None:
                return JSONResponse({"state": "failed", "error": {"message": "It broke.", "remedy": "Mend it."}})
            if kind == "move":
                for controller in self.controllers.values():
                    if controller.body["customer"] == customer:
                        controller.node = "" if result["node"] == self.name else result["node"]
            return JSONResponse({"state": "succeeded", "result": result})

        @app.post("/v1/jobs/{job}/abort", status_code=202)
        async def abort(job: str) -> None:
            self.aborted.add(job)

        @app.get("/v1/rules")
        async def rules() -> dict[str, Any]:
            return self.rules

        @app.put("/v1/rules/{customer}")
        async def put_rules(customer: str, request: Request) -> dict[str, Any]:
            self.rules[customer] = await request.json()
            return {}

        @app.delete("/v1/rules/{customer}", status_code=204)
        async def forget_rules(customer: str) -> None:
            self.rules.pop(customer, None)
            self.rules_forgotten.put(customer)

        @app.put("/v1/records/{customer}", status_code=204)
        async def put_records(customer: str, request: Request) -> None:
            self.records.put((customer, await request.json()))

        @app.get("/v1/repositories")
        async def repositories() -> list[dict[str, Any]]:
            return list(self.repositories.values())

        @app.delete("/v1/jobs/{job}", status_code=204)
        async def forget(job: str) -> None:
            self.forgotten.append(job)

    def _keystones(self) -> FastAPI:
        app = FastAPI()

        @app.get("/v3/auth/tokens")
        async def token(request: Request) -> Response:
            roles = self.tokens.get((request.headers["Host"], request.headers["X-Subject-Token"]))
            if roles is None:
                return Response(status_code=401)
            told = {"user": {"name": "anna"}, "roles": [{"name": role} for role in roles]}
            return JSONResponse({"token": told})

        @app.post("/v3/auth/tokens", status_code=201)
        async def log_in(request: Request) -> Response:
            assert (await request.json())["auth"]["identity"]["password"]["user"]["password"] == "admin"
            return JSONResponse({}, 201, {"X-Subject-Token": "administrator"})

        self.nova.serve(app)
        return app


def _refuse(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": {"code": "refused", "message": message, "remedy": "Ask for something else."}}, status)
