"""HAProxy's runtime sockets: changing maps and certificates without a reload, and reloading.

The commands are in HAProxy's management guide, chapter 9.3 (the process) and 9.4 (its master).
"""

import asyncio
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from aloft.base.errors import AloftError, TemporaryError

_PAYLOAD = 8000  # bytes; HAProxy takes a command as a whole into one buffer of 16 KiB
_ATTEMPTS = 200
_PAUSE = 0.05


class RuntimeRefused(AloftError):
    """HAProxy did not do what it was told on its runtime socket."""


class Runtime:
    """The runtime socket of a HAProxy.

    Args:
        socket: its path.
    """

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def ask(self, command: str, payload: str = "") -> str:
        """Give one command and return what is answered.

        Args:
            command: one line.
            payload: text for commands that take some; it has no blank lines.

        Raises:
            TemporaryError: HAProxy does not answer.
        """
        text = f"{command} <<\n{payload.rstrip()}\n\n" if payload else f"{command}\n"
        try:
            async with asyncio.timeout(30):
                reader, writer = await asyncio.open_unix_connection(str(self._socket))
                try:
                    writer.write(text.encode())
                    await writer.drain()
                    writer.write_eof()
                    return (await reader.read()).decode(errors="replace").strip()
                finally:
                    writer.close()
        except (OSError, TimeoutError) as error:
            raise TemporaryError(f"The edge (HAProxy) does not answer: {error}.", "See the log of 'edge'.") from error

    async def tell(self, command: str, expected: str, payload: str = "") -> str:
        """Give one command and insist on an answer.

        Args:
            command: one line.
            expected: regular expression that the answer must match somewhere; an empty answer is ``^$``.
            payload: as for ``ask``.

        Raises:
            RuntimeRefused: another answer came.
            TemporaryError: HAProxy does not answer.
        """
        answer = await self.ask(command, payload)
        if not re.search(expected, answer):
            raise RuntimeRefused(f"HAProxy refused '{command}': {answer[:300] or 'no answer'}")
        return answer

    async def replace_map(self, file: Path, content: Mapping[str, str]) -> None:
        """Replace all of a map at once."""
        answer = await self.tell(f"prepare map {file}", r"New version created: \d+")
        version = answer.rsplit(" ", 1)[-1]
        for chunk in _chunks(f"{key} {value}" for key, value in content.items()):
            await self.tell(f"add map @{version} {file}", "^$", chunk)
        await self.tell(f"commit map @{version} {file}", "^$")

    async def add_authority(self, file: Path, pem: str) -> None:
        """Make a client authority known."""
        await self._put("ca-file", file, pem, new=True)

    async def delete_authority(self, file: Path) -> None:
        """Forget a client authority that no entry of the certificate list uses."""
        await self.tell(f"del ssl ca-file {file}", "deleted")

    async def put_certificate(self, file: Path, bundle: str, *, new: bool) -> None:
        """Add a certificate, or replace it everywhere it is used."""
        await self._put("cert", file, bundle, new=new)

    async def delete_certificate(self, file: Path) -> None:
        """Forget a certificate that no entry of the certificate list uses."""
        await self.tell(f"del ssl cert {file}", "deleted")

    async def add_entry(self, certificate_list: Path, line: str) -> None:
        """Add a line to a certificate list."""
        await self.tell(f"add ssl crt-list {certificate_list}", "Success", line)

    async def delete_entry(self, certificate_list: Path, file: Path) -> None:
        """Take the line of a certificate out of a certificate list."""
        await self.tell(f"del ssl crt-list {certificate_list} {file}", "deleted")

    async def entries(self, certificate_list: Path) -> frozenset[str]:
        """The file names of the certificates in a certificate list."""
        answer = await self.ask(f"show ssl crt-list {certificate_list}")
        return frozenset(Path(line.split()[0]).name for line in answer.splitlines() if line.startswith("/"))

    async def authorities(self, folder: Path) -> frozenset[str]:
        """The file names of the client authorities of a folder that are known."""
        answer = await self.ask("show ssl ca-file")
        return frozenset(Path(line.split()[0]).name for line in answer.splitlines() if line.startswith(f"{folder}/"))

    async def certificate_fingerprint(self, file: Path) -> str:
        """The SHA-1 of a certificate in use, in lower-case hexadecimal digits; empty when it is not known."""
        found = re.search(r"SHA1 FingerPrint: ([0-9A-F]+)", await self.ask(f"show ssl cert {file}"))
        return found.group(1).lower() if found else ""

    async def _put(self, kind: str, file: Path, text: str, *, new: bool) -> None:
        if new:
            await self.tell(f"new ssl {kind} {file}", "^New ")
        await self.tell(f"set ssl {kind} {file}", "[Tt]ransaction", text)
        await self.tell(f"commit ssl {kind} {file}", "Success")


async def reload(master: Path) -> None:
    """Have HAProxy's master start a new worker with the configuration on disk; returns when that has taken over.

    The listening sockets are handed over, so no connection attempt fails.

    Raises:
        TemporaryError: the master does not answer, or the new worker does not come up in time.
    """
    runtime = Runtime(master)
    before = _worker(await runtime.ask("show proc"))
    await runtime.ask("reload")
    for _ in range(_ATTEMPTS):
        await asyncio.sleep(_PAUSE)
        try:
            now = _worker(await runtime.ask("show proc"))
        except TemporaryError:
            continue
        if now not in ("", before):
            return
    raise TemporaryError("HAProxy did not start anew with the changed configuration.", "See the log of 'edge'.")


def _worker(processes: str) -> str:
    """The process id of the present worker in ``show proc``; empty when there is none."""
    section = processes.partition("# workers")[2].partition("# old workers")[0]
    found = re.search(r"^(\d+)\s+worker", section, re.MULTILINE)
    return found.group(1) if found else ""


def _chunks(lines: Iterable[str]) -> Iterable[str]:
    chunk: list[str] = []
    size = 0
    for line in lines:
        if size + len(line) >= _PAYLOAD:
            yield "\n".join(chunk)
            chunk, size = [], 0
        chunk.append(line)
        size += len(line) + 1
    if chunk:
        yield "\n".join(chunk)
