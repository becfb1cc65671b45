"""The node's edge: HAProxy, which ends TLS on one port and passes requests on by name.

``initialise`` lays out what HAProxy starts from, ``process`` declares it, and :class:`Edge` makes its routes what they
shall be. That happens in the running process: names are looked up in maps and certificates in a list, both of which can
be changed at run time, and the backends of all slots are there from the start. So connections of other customers are
never touched. Only what cannot be done so (a target that was not prepared) takes a reload.

What is on disk is always what the running process has, so that a restart comes up the same.
"""

import asyncio
import logging
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from aloft.base import files, pki
from aloft.base.accounts import account
from aloft.base.errors import InvalidInput, PermanentError
from aloft.base.paths import Paths
from aloft.base.pki import Authority
from aloft.node import edge_runtime
from aloft.node.edge_model import IMAGE_DATA, EdgeSettings, Layout, Route, Split, SplitRule, Trunk
from aloft.node.edge_plan import Plan, configuration, map_names, plan
from aloft.node.edge_runtime import Runtime, RuntimeRefused
from aloft.supervise.spec import Probe, ProcessSpec

__all__ = [
    "IMAGE_DATA",
    "Edge",
    "EdgeSettings",
    "Route",
    "Split",
    "SplitRule",
    "initialise",
    "ipv6_available",
    "process",
]

_log = logging.getLogger(__name__)
_PROGRAM = "/usr/sbin/haproxy"
_FALLBACK_DAYS = 3650


def ipv6_available() -> bool:
    """Whether this machine's kernel has IPv6, so that ``::`` can be listened on."""
    return Path("/proc/net/if_inet6").exists()


def initialise(paths: Paths, settings: EdgeSettings) -> None:
    """Make folders and, where there are none yet, files without routes; idempotent, to be called before each start.

    Raises:
        PermanentError: the package is missing.
    """
    layout = Layout(paths)
    account(settings.user)
    for above in (paths.state, paths.run, paths.log):
        files.folder(above, mode=0o711)
    files.folder(layout.run, mode=0o700)
    files.folder(layout.state, mode=0o700)
    files.folder(layout.certificates, mode=0o700)
    if not layout.fallback.exists():
        authority = Authority.open(layout.state / "fallback", "Aloft fallback")
        files.write(layout.fallback, authority.issue_server([settings.domain], _FALLBACK_DAYS).bundle)
    for name in map_names(settings):
        if not layout.map(name).exists():
            files.write(layout.map(name), "")
    if not layout.certificate_list.exists():
        files.write(layout.certificate_list, f"{layout.fallback}\n")
    if not layout.configuration.exists():
        files.write(layout.configuration, configuration(layout, settings))


def process(paths: Paths, settings: EdgeSettings) -> ProcessSpec:
    """Declare HAProxy. Its master stays root, to read keys and listen on low ports; the workers are ``haproxy``."""
    layout = Layout(paths)
    return ProcessSpec(
        name="edge",
        log=paths.log / "edge.log",
        command=(_PROGRAM, "-W", "-S", f"{layout.master},mode,600", "-f", str(layout.configuration)),
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        ready=Probe("tcp", f"127.0.0.1:{settings.internal_port}"),
        start_timeout=30.0,
        stop_timeout=10.0,
        oom_score_adj=-600,
    )


class Edge:
    """The routes of a node's HAProxy.

    Args:
        paths: where its files and sockets lie.
        settings: its settings; where they differ from what it runs by, the next ``apply`` reloads it.
    """

    def __init__(self, paths: Paths, settings: EdgeSettings) -> None:
        self._layout = Layout(paths)
        self._settings = settings
        self._runtime = Runtime(paths.edge_socket)
        self._lock = asyncio.Lock()
        self._maps: Mapping[str, Mapping[str, str]] = {}

    async def ping(self) -> None:
        """Have an answer from HAProxy.

        Raises:
            TemporaryError: there is none.
        """
        await self._runtime.ask("show version")

    async def apply(
        self, routes: Iterable[Route], trunk: Trunk | None = None, near: Mapping[str, str] | None = None
    ) -> None:
        """Make the edge serve exactly these routes; idempotent.

        Args:
            routes: what it serves.
            trunk: to other nodes, if there are any; one that differs takes a reload.
            near: HTTP names that lead to another unix socket when a service of this node asks for them.

        The files are written first. If HAProxy then does not answer, it will start with them, and the next call checks
        that it did.

        Raises:
            InvalidInput: a route is not possible, or two have the same name; nothing is changed.
            PermanentError: a certificate cannot be used; nothing is changed.
            TemporaryError: HAProxy does not answer.
        """
        wanted = tuple(routes)
        async with self._lock:
            contents = await asyncio.to_thread(_read, wanted)
            if trunk is not None:
                contents |= {file: file.read_bytes() for file in trunk.files}
            target = plan(self._layout, self._settings, wanted, contents, trunk, near)
            changed = await asyncio.to_thread(self._write, target)
            try:
                if changed:
                    await self._reload()
                else:
                    await self._change(target)
            except RuntimeRefused as refusal:
                _log.warning("The edge is reloaded, as it could not be changed while it runs: %s", refusal)
                await self._reload()
            except BaseException:
                self._maps = {}
                raise
            self._maps = target.maps
            await asyncio.to_thread(self._sweep, target)

    def _write(self, target: Plan) -> bool:
        """Write all files of a plan, what is referred to first; whether HAProxy's configuration changed."""
        layout = self._layout
        for file, pem in target.authorities.items():
            files.write(layout.certificates / file, pem)
        for file, entry in target.entries.items():
            files.write(layout.certificates / file, entry.bundle)
        files.write(layout.certificate_list, target.certificate_list(layout))
        for name, content in target.maps.items():
            files.write(layout.map(name), "".join(f"{key} {value}\n" for key, value in content.items()))
        before = layout.configuration.read_bytes() if layout.configuration.exists() else b""
        if not files.write(layout.configuration, target.configuration):
            return False
        try:
            _validate(layout.configuration)
        except PermanentError:
            files.write(layout.configuration, before)
            raise
        return True

    async def _change(self, target: Plan) -> None:
        """Bring the running process to a plan: new certificates, then names, then old certificates."""
        layout, runtime = self._layout, self._runtime
        have = await runtime.entries(layout.certificate_list)
        known = await runtime.authorities(layout.certificates)
        for file in target.authorities.keys() - known:
            await runtime.add_authority(layout.certificates / file, target.authorities[file].decode())
        for file, entry in target.entries.items():
            path = layout.certificates / file
            in_use = await runtime.certificate_fingerprint(path)
            if in_use != _fingerprint(entry.bundle):
                await runtime.put_certificate(path, entry.bundle.decode(), new=not in_use)
            if file not in have:
                await runtime.add_entry(layout.certificate_list, entry.line(layout.certificates))
        for name, content in target.maps.items():
            if self._maps.get(name) != content:
                await runtime.replace_map(layout.map(name), content)
        for file in have - target.entries.keys() - {layout.fallback.name}:
            await runtime.delete_entry(layout.certificate_list, layout.certificates / file)
            await runtime.delete_certificate(layout.certificates / file)
        for file in known - target.authorities.keys():
            await runtime.delete_authority(layout.certificates / file)

    async def _reload(self) -> None:
        await asyncio.to_thread(_validate, self._layout.configuration)
        await edge_runtime.reload(self._layout.master)

    def _sweep(self, target: Plan) -> None:
        """Remove certificates and authorities that nothing refers to any more."""
        wanted = {*target.entries, *target.authorities, self._layout.fallback.name}
        for file in self._layout.certificates.iterdir():
            if file.name not in wanted:
                file.unlink()


def _read(routes: Iterable[Route]) -> dict[Path, bytes]:
    """Read the certificates and authorities that routes name, and let none pass that HAProxy would choke on."""
    contents: dict[Path, bytes] = {}
    for route in routes:
        for path, check in ((route.certificate, pki.check_bundle), (route.client_authority, pki.validity)):
            if path is None or path in contents:
                continue
            try:
                contents[path] = path.read_bytes()
                check(contents[path])
            except (OSError, InvalidInput) as error:
                raise PermanentError(
                    f"The certificate {path} of {route.name} cannot be used: {error}", "Have it issued again."
                ) from error
    return contents


def _fingerprint(bundle: bytes) -> str:
    """The SHA-1 of the first certificate in a bundle, as HAProxy shows it."""
    digest = hashes.SHA1()  # noqa: S303 - to compare, not to trust
    return x509.load_pem_x509_certificate(bundle).fingerprint(digest).hex()


def _validate(file: Path) -> None:
    done = subprocess.run([_PROGRAM, "-c", "-f", str(file)], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        said = " ".join(done.stderr.split())[:600]
        raise PermanentError(
            f"HAProxy does not accept its configuration: {said}", "Report this with the log of 'edge'."
        )
