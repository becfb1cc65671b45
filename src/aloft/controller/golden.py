"""Golden databases: a release's schemas, migrated once by the projects' own commands, kept as SQL to be loaded.

The artifact is one gzip file per schema below ``releases/<release>/golden``. ``make`` runs the real migrations in
scratch schemas; ``differences`` says where an artifact is not what the migrations give, with what legitimately varies
(times, random ids) taken out.
"""

import asyncio
import gzip
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from aloft.base.errors import PermanentError
from aloft.base.paths import Paths
from aloft.controller.context import Context, Secrets, Slot
from aloft.controller.declare import Service
from aloft.controller.ports import Database
from aloft.controller.release import Release
from aloft.controller.services import ALL
from aloft.controller.slots import user_names, write_files
from aloft.controller.spec import ControllerSpec

SCRATCH_SLOT = 99_999
"""The slot number whose names the scratch schemas and their users have; no controller ever gets it."""

_TIME = re.compile(r"'\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?'")
_VERSIONS = re.compile(r"INSERT INTO `alembic_version` VALUES\s*([^;]+);")
_IDENT = re.compile(r"'[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}'")


async def make(
    release: Release, database: Database, paths: Paths, tell: Callable[[str], None] = lambda _: None
) -> dict[str, str]:
    """Run a release's migrations in scratch schemas and return the SQL of each schema, by the schema's name.

    Raises:
        PermanentError: a migration failed; the error has its last lines.
    """
    with tempfile.TemporaryDirectory(prefix="aloft-golden-") as folder:
        scratch = Paths(Path(folder))
        context = _scratch_context(release, scratch, paths)
        services = tuple(service for service in ALL if service.migrate)
        schemas = {context.slot.schema(schema): schema for service in services for schema in service.schemas}
        users = user_names(context.slot, services)
        try:
            await database.drop_schemas(schemas)
            await database.create_schemas(schemas)
            await database.ensure_users(
                {
                    user: (context.secrets.database[name], frozenset(map(context.slot.schema, own)))
                    for name, (user, own) in users.items()
                }
            )
            await asyncio.to_thread(write_files, context, services)
            limit = asyncio.Semaphore(os.cpu_count() or 2)
            await asyncio.gather(*(_migrate(context, service, limit, tell) for service in services))
            return await _dump(database, Path(folder), schemas)
        finally:
            await database.drop_schemas(schemas)
            await database.drop_users(user for user, _ in users.values())


def _scratch_context(release: Release, scratch: Paths, real: Paths) -> Context:
    """A context whose files lie in a scratch folder and whose environment and database are the real ones."""

    class Borrowed(Paths):
        def environment(self, release: str) -> Path:
            return real.environment(release)

        @property
        def database_socket(self) -> Path:
            return real.database_socket

    slot = replace(Slot(SCRATCH_SLOT, Borrowed(scratch.root)))
    names = {service.name for service in ALL}
    spec = ControllerSpec(customer="golden", region="golden", release=release.name, domain="aloft.internal")
    return Context(spec, slot, Secrets.generate(names, names, names))


async def _migrate(context: Context, service: Service, limit: asyncio.Semaphore, tell: Callable[[str], None]) -> None:
    for command in service.migrate:
        program, *arguments = (part.format(conf=context.conf) for part in command)
        async with limit:
            tell(f"{service.name}: {program} {arguments[-1] if program != 'python' else arguments[2]}")
            process = await asyncio.create_subprocess_exec(
                str(context.environment / "bin" / program),
                *arguments,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                cwd=context.slot.state,
                env={
                    "PATH": os.environ.get("PATH", ""),
                    "HOME": str(context.slot.state),
                    "PYTHONWARNINGS": "ignore",
                    "PYTHONHASHSEED": "0",  # rows that are filled in from sets get the same ids each time
                    "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
                },
            )
            output, _ = await process.communicate()
        if process.returncode:
            last = "\n".join(output.decode(errors="replace").splitlines()[-15:])
            raise PermanentError(f"The migration '{' '.join(command[:1])}' of {service.name} failed:\n{last}")


async def _dump(database: Database, folder: Path, schemas: dict[str, str]) -> dict[str, str]:
    copies = {copy for service in ALL for copy in service.copies}
    dumps: dict[str, str] = {}
    for full, schema in schemas.items():
        if schema in copies:
            continue
        target = folder / f"{schema}.sql"
        await database.dump_schema(full, target)
        dumps[schema] = target.read_text()
    return dumps


def write(release: Release, dumps: dict[str, str]) -> None:
    """Write the artifact of a release; byte for byte the same for the same SQL."""
    if release.golden.exists():
        shutil.rmtree(release.golden)
    release.golden.mkdir()
    for schema, sql in dumps.items():
        (release.golden / f"{schema}.sql.gz").write_bytes(gzip.compress(sql.encode(), 9, mtime=0))


def read(release: Release) -> dict[str, str]:
    """The artifact of a release.

    Raises:
        PermanentError: the release has none.
    """
    dumps = {
        file.name.removesuffix(".sql.gz"): gzip.decompress(file.read_bytes()).decode()
        for file in sorted(release.golden.glob("*.sql.gz"))
    }
    if not dumps:
        raise PermanentError(f"Release {release.name} has no golden databases in {release.golden}.")
    return dumps


def versions(release: Release) -> dict[str, frozenset[str]]:
    """Up to which migrations each schema of a release is; one that has no migrations of Alembic's is left out.

    Raises:
        PermanentError: the release has no golden databases.
    """
    found = {schema: _VERSIONS.search(sql) for schema, sql in read(release).items()}
    heads = {
        schema: frozenset(re.findall(r"'([^']+)'", rows.group(1))) for schema, rows in found.items() if rows is not None
    }
    copies = {copy: original for service in ALL for copy, original in service.copies.items()}
    return {**heads, **{copy: heads[original] for copy, original in copies.items() if original in heads}}


def unpack(release: Release, folder: Path) -> dict[str, Path]:
    """Unpack a release's artifact into ``folder`` and return the SQL file of each schema, copies among them."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Path] = {}
    for schema, sql in read(release).items():
        files[schema] = folder / f"{schema}.sql"
        if not files[schema].exists() or files[schema].read_text() != sql:
            files[schema].write_text(sql)
    for service in ALL:
        for copy, original in service.copies.items():
            files[copy] = files[original]
    return files


def normalised(sql: str) -> tuple[str, ...]:
    """A dump as sorted lines without what varies between two runs of the same migrations: times and random ids."""
    lines = (_IDENT.sub("'<id>'", _TIME.sub("'<time>'", line)) for line in sql.replace("),(", "),\n(").splitlines())
    kept = (re.sub(r" AUTO_INCREMENT=\d+", "", line).rstrip(",;") for line in lines)
    return tuple(sorted(kept))


def differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Names of the schemas in which two sets of dumps differ, each with its first differing lines."""
    found: list[str] = []
    for schema in sorted(one.keys() | other.keys()):
        left, right = normalised(one.get(schema, "")), normalised(other.get(schema, ""))
        if left != right:
            only = [f"- {line}" for line in left if line not in set(right)][:3]
            only += [f"+ {line}" for line in right if line not in set(left)][:3]
            found.append(f"{schema}: {' '.join(line[:200] for line in only)}")
    return found
