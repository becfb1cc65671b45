"""A controller the stock way, to compare with: upstream's own commands, one after another, as in its guide.

For each project, in the install guide's order: empty schemas, its users and endpoints in Keystone, its real migrations,
then its services, each a cold start of upstream's own program; APIs run under uWSGI (see :mod:`aloft.bench.uwsgi`).
MariaDB, RabbitMQ and the release's packages are the node's, config files are those of Aloft without Aloft's numbers of
workers.

What could be argued about is decided in favour of the stock way: users and endpoints are made by plain HTTP calls
instead of the guide's three dozen ``openstack`` commands, a service starts while the next project migrates, and nothing
that has to be installed or laid out first counts.

Everything has the names of a slot that no customer ever gets, and its own folder; all of it is removed afterwards.
"""

import asyncio
import contextlib
import functools
import shutil
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

from aloft.base import files
from aloft.base.errors import PermanentError, TemporaryError
from aloft.base.invoke import tail
from aloft.bench import proxy
from aloft.bench.caller import Caller, through_edge
from aloft.bench.programs import Programs, end_user, free_ports
from aloft.bench.proxy import Door
from aloft.bench.registration import register, register_project
from aloft.bench.running import Running, Tell, tidy
from aloft.bench.upstream import CONSOLE, DAEMONS, GUIDE, SLOT, StockContext, StockPaths, configured, migrations
from aloft.bench.uwsgi import APPLICATIONS, Uwsgi
from aloft.controller import slots
from aloft.controller.check import check
from aloft.controller.context import Secrets, Slot
from aloft.controller.declare import Service
from aloft.controller.services import ALL
from aloft.controller.services.nova import NOVNC
from aloft.controller.spec import ControllerSpec
from aloft.node.broker import Broker
from aloft.node.database import Database
from aloft.node.edge_names import TCP
from aloft.node.rabbitmq import Settings as BrokerSettings

READY_SECONDS = 300.0

DECLARED = {process.name: process for service in ALL for process in service.processes}


class Stock:
    """The stock controller.

    Args:
        context: its names, slot and secrets.
        authority: what clients of its edge trust.
        programs: what it runs.
        uwsgi: serves its APIs.
        database: the node's MariaDB.
        broker: the node's RabbitMQ.
        tell: takes a line about what is being done.
    """

    def __init__(
        self,
        context: StockContext,
        authority: Path,
        programs: Programs,
        uwsgi: Uwsgi,
        database: Database,
        broker: Broker,
        tell: Tell,
    ) -> None:
        self.context = context
        self.authority = authority
        self.programs = programs
        self.spent: dict[str, float] = {"migrations of all projects": 0.0}
        self._uwsgi = uwsgi
        self._database = database
        self._broker = broker
        self._tell = tell
        self._services = {
            service.name: replace(service, files=functools.partial(configured, service)) for service in ALL
        }

    @property
    def user(self) -> int:
        """Numeric user of all its processes."""
        return self.context.slot.user

    def caller(self) -> Caller:
        """Its administrator."""
        return Caller(self.context, through_edge(self.context.edge_port, self.authority))

    async def start(self) -> float:
        """Make it from nothing until it answers; returns the seconds that took.

        Raises:
            PermanentError: a command or a service failed.
            TemporaryError: it does not answer.
        """
        began = time.monotonic()
        await self._databases()
        await asyncio.to_thread(slots.write_files, self.context, self._services.values())
        for name in GUIDE:
            self._tell(f"stock: {name}")
            step = time.monotonic()
            service = self._services[name]
            await self._migrate(service)
            if name == "keystone":
                await self._bootstrap()
            if service.endpoints and service.roles:
                await asyncio.to_thread(self._with_token, functools.partial(register, service=service))
            await asyncio.to_thread(service.prepare, self.context)
            for process in self.processes(name):
                self.start_process(process)
            if name == "keystone":
                await self._until(self._token)
                await asyncio.to_thread(self._with_token, register_project)
            self.spent[name] = time.monotonic() - step
        step = time.monotonic()
        await self._until_checked()
        self.spent["until all answer"] = time.monotonic() - step
        return time.monotonic() - began

    def processes(self, service: str) -> tuple[str, ...]:
        """Names of the programs of a service."""
        declared = self._services[service].processes
        apis = [process.name for process in declared if process.name in APPLICATIONS]
        apis += ["nova-metadata"] if service == "nova" else []
        plain = [process.name for process in declared if process.command]
        return (*plain, *apis, *DAEMONS.get(service, {}))

    def start_process(self, name: str) -> None:
        """Start one of its programs cold."""
        slot = self.context.slot
        temporary = slot.state / "tmp" / name
        shutil.rmtree(temporary, ignore_errors=True)
        files.folder(temporary, mode=0o700, owner=self.user, group=self.user)
        command, env = self._program(name)
        env = {**self._env(), "TMPDIR": str(temporary), **env}
        self.programs.start(name, command, log=slot.log / f"{name}.log", env=env, drop=True)

    def _program(self, name: str) -> tuple[list[str], dict[str, str]]:
        """Argument vector and additions to the environment of one of its programs."""
        declared = DECLARED.get(name)
        if declared and declared.command:
            return list(declared.command(self.context)), {}
        if name in APPLICATIONS:
            owner = declared or DECLARED["nova-api"]
            arguments = f"--config-file={self.context.conf}/cinder/cinder.conf" if name == "cinder-api" else ""
            command = self._uwsgi.command(name, self.context.slot.socket(name), arguments)
            return command, self._uwsgi.env(owner.env(self.context))
        configs = next(programs[name] for programs in DAEMONS.values() if name in programs)
        command = [str(self.context.environment / "bin" / name)]
        command += [f"--config-file={self.context.conf / config}" for config in configs]
        return command + (["--web", NOVNC] if name == "nova-novncproxy" else []), {}

    def _env(self) -> dict[str, str]:
        slot = self.context.slot
        return {
            "PATH": f"{self.context.environment}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(slot.state),
            "USER": "stock",
            "LANG": "C.UTF-8",
            "OVS_RUNDIR": str(slot.run),
            "PYTHONWARNINGS": "ignore",
        }

    async def _databases(self) -> None:
        slot, held = self.context.slot, self.context.secrets
        await self._database.create_schemas(slot.schema(name) for service in ALL for name in service.schemas)
        await self._database.ensure_users(
            {
                user: (held.database[service], frozenset(map(slot.schema, schemas)))
                for service, (user, schemas) in slots.user_names(slot).items()
            }
        )
        await slots.make_broker_users(slot, held, self._broker)

    async def _migrate(self, service: Service) -> None:
        began = time.monotonic()
        for command in migrations(service):
            await self._run(*(word.format(conf=self.context.conf) for word in command))
        self.spent["migrations of all projects"] += time.monotonic() - began

    async def _run(self, program: str, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        process = await asyncio.create_subprocess_exec(
            str(self.context.environment / "bin" / program),
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            stdin=asyncio.subprocess.DEVNULL,
            cwd=self.context.slot.state,
            env={**self._env(), **(env or {})},
            user=self.user,
            group=self.user,
            extra_groups=[],
        )
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            raise
        if process.returncode:
            last = tail(output.decode(errors="replace").splitlines())
            words = " ".join((program, *arguments[-2:]))
            raise PermanentError(f"The stock controller's {words} ended with code {process.returncode}.{last}")

    async def _bootstrap(self) -> None:
        config = f"--config-file={self.context.conf}/keystone/keystone.conf"
        await self._run("keystone-manage", config, "fernet_setup")
        await self._run("keystone-manage", config, "credential_setup")
        urls = [
            f"--bootstrap-{kind}-url={self.context.internal('identity', '/v3')}"
            for kind in ("admin", "internal", "public")
        ]
        await self._run(
            "keystone-manage",
            config,
            "bootstrap",
            f"--bootstrap-region-id={self.context.spec.region}",
            *urls,
            env={"OS_BOOTSTRAP_PASSWORD": self.context.secrets.admin},
        )

    def _token(self) -> None:
        with closing(self.caller()) as caller:
            caller.authenticate()

    def _with_token(self, work: Callable[[Caller], None]) -> None:
        with closing(self.caller()) as caller:
            caller.authenticate()
            work(caller)

    async def _until_checked(self) -> None:
        """Wait until every service answers, or one of the programs has ended."""
        checking = asyncio.create_task(check(self.context, self._services.values(), self.authority, READY_SECONDS))
        try:
            while not checking.done():
                self.programs.check()
                await asyncio.wait({checking}, timeout=0.2)
            checking.result()
        finally:
            checking.cancel()

    async def _until(self, answered: Callable[[], None]) -> None:
        until = time.monotonic() + READY_SECONDS
        while True:
            self.programs.check()
            try:
                return await asyncio.to_thread(answered)
            except TemporaryError:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.1)


@asynccontextmanager
async def laid_out(running: Running) -> AsyncIterator[Stock]:
    """A stock controller for as long as the block lasts, laid out but not started; nothing of it remains.

    Raises:
        PermanentError: something that it needs cannot be had.
    """
    database, broker = Database(running.paths), Broker(running.paths, BrokerSettings.for_machine())
    root = running.paths.state / "bench"
    slot = Slot(SLOT, StockPaths(root, running.paths))
    programs = Programs(slot.user, root)

    async def remove() -> None:
        await asyncio.to_thread(end_user, slot.user)
        await slots.dismantle(slot, database, broker)
        shutil.rmtree(root, ignore_errors=True)

    await remove()
    try:
        files.folder(root, mode=0o711)
        labels = [endpoint.label for service in ALL for endpoint in service.endpoints if endpoint.label not in TCP]
        *numbers, tls = free_ports(len(labels) + 2)
        ports = dict(zip((*labels, CONSOLE), numbers, strict=True))
        spec = ControllerSpec(
            customer="stock", region="stock-1", release=running.release, domain=running.settings.domain
        )
        names = {service.name for service in ALL}
        context = StockContext(spec, slot, Secrets.generate(names, names, names), tls, ports)
        slots.make_folders(slot, running.edge_group)
        uwsgi = await asyncio.to_thread(Uwsgi.install, root / "uwsgi", context.environment, running.paths)
        authority = proxy.start(programs, root / "proxy", tls, _doors(context))
        yield Stock(context, authority, programs, uwsgi, database, broker, running.tell)
    finally:
        running.tell("removing the stock controller")
        await asyncio.to_thread(programs.close)
        await tidy(remove(), running.tell)


def _doors(context: StockContext) -> dict[str, Door]:
    """What the proxy serves: every endpoint, at its unix socket or, for the console, at its port."""
    targets = {
        endpoint.label: f"unix@{context.slot.socket(endpoint.process)}"
        for service in ALL
        for endpoint in service.endpoints
    }
    targets["console"] = f"127.0.0.1:{context.ports[CONSOLE]}"
    return {
        label: Door(context.host(label), context.ports[label], target)
        for label, target in targets.items()
        if label not in TCP
    }
