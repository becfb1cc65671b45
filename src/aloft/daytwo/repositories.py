"""The repositories that a node knows: what to call them, where they are, and the secrets that open them."""

import json
import re
import secrets
import shutil

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from aloft.base import files
from aloft.base.errors import Conflict, InvalidInput, NotFound
from aloft.base.paths import Paths
from aloft.daytwo.restic import Repository, Restic, Role

LOCAL = "local"
"""The repository that is there without anybody asking: a folder of the node itself."""

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_URL = re.compile(r"/[^\n\0]*|(sftp|s3):[^\n\0]+|append:(//[^/\n\0]+/|[^/\n\0]+:)[^\n\0]+")
_CREDENTIALS = ("aws", "ssh", "known-hosts")


class RepositoryRequest(BaseModel):
    """A repository to be known.

    Args:
        url: see :class:`aloft.daytwo.restic.Repository`.
        role: primary or secondary.
        password: what encrypts it; a random one when left out.
        credentials: contents of the files ``aws``, ``ssh`` or ``known-hosts``, as the url needs.
        origin: name of the node that made it known; empty for a person.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(max_length=1000)
    role: Role = "primary"
    password: SecretStr | None = None
    credentials: dict[str, SecretStr] = Field(default_factory=dict)
    origin: str = Field(default="", max_length=100)


class Repositories:
    """The known repositories, each a folder that only root reads.

    Args:
        paths: where everything lies.
    """

    def __init__(self, paths: Paths) -> None:
        self._folder = paths.state / "backup/repositories"
        self._cache = paths.state / "backup/cache"
        self._local = paths.state / "backup/local"
        files.folder(paths.state / "backup", mode=0o700)
        files.folder(self._folder, mode=0o700)
        files.folder(self._cache, mode=0o700)

    def put(self, name: str, request: RepositoryRequest) -> Repository:
        """Know a repository, or change what is known of it.

        Raises:
            InvalidInput: the name, the url or a kind of credentials is not possible.
            Conflict: there is another primary one.
        """
        if not _NAME.fullmatch(name) or not _URL.fullmatch(request.url):
            raise InvalidInput(
                f"'{name}' at '{request.url}' cannot be a repository.",
                "Name it with a-z, 0-9 and -; give a folder, sftp:user@host:/folder, s3:https://host/bucket or "
                "append:user@host:/folder.",
            )
        if unknown := request.credentials.keys() - set(_CREDENTIALS):
            raise InvalidInput(
                f"Credentials of kind '{min(unknown)}' are not known.", f"There are {', '.join(_CREDENTIALS)}."
            )
        others = [one for one in self.all() if one.role == "primary" and one.name != name]
        if request.role == "primary" and others and name != LOCAL:
            if others[0].name != LOCAL:
                raise Conflict(f"The primary repository is '{others[0].name}'.", "Make this one secondary.")
            self._write(LOCAL, others[0].url, "secondary")
        folder = self._folder / name
        files.folder(folder, mode=0o700)
        if request.password is not None:
            files.write(folder / "password", request.password.get_secret_value(), mode=0o400)
        elif not (folder / "password").exists():
            files.write(folder / "password", secrets.token_urlsafe(32), mode=0o400)
        for kind, text in request.credentials.items():
            files.write(folder / kind, text.get_secret_value(), mode=0o400)
        self._write(name, request.url, request.role, request.origin)
        return self.get(name)

    def remove(self, name: str) -> None:
        """Forget a repository; what lies in it stays there.

        Raises:
            NotFound: there is none of that name.
        """
        self.get(name)
        shutil.rmtree(self._folder / name)

    def get(self, name: str) -> Repository:
        """The repository of that name.

        Raises:
            NotFound: there is none.
        """
        for one in self.all():
            if one.name == name:
                return one
        raise NotFound(f"There is no repository '{name}'.", "List them with `aloft backup repository list`.")

    def all(self) -> tuple[Repository, ...]:
        """All repositories, by name; before anybody named one, that is the folder on this node."""
        found = []
        for file in sorted(self._folder.glob("*/repository.json")):
            told = json.loads(file.read_text())
            folder, origin = file.parent, told.get("origin", "")
            found.append(Repository(folder.name, told["url"], told["role"], folder / "password", folder, origin))
        return tuple(found)

    def primary(self) -> Repository:
        """Where backups are written to."""
        for one in self.all():
            if one.role == "primary":
                return one
        return self.put(LOCAL, RepositoryRequest(url=str(self._local)))

    def secondary(self) -> tuple[Repository, ...]:
        """Where backups are copied to."""
        return tuple(one for one in self.all() if one.role == "secondary")

    def password(self, name: str) -> str:
        """The password of a repository, which is to be kept where the repository is not."""
        return self.get(name).password.read_text()

    def request(self, name: str) -> RepositoryRequest:
        """All that is known of a repository, its secrets, too: what another node needs to know it likewise.

        Raises:
            NotFound: there is none of that name.
        """
        one = self.get(name)
        held = {kind: one.credentials / kind for kind in _CREDENTIALS}
        return RepositoryRequest(
            url=one.url,
            role=one.role,
            password=SecretStr(self.password(name)),
            credentials={kind: SecretStr(file.read_text()) for kind, file in held.items() if file.exists()},
            origin=one.origin,
        )

    async def make(self, name: str) -> None:
        """Make a repository where there is none: before another node knows it, as two that make it at once spoil it.

        Raises:
            NotFound: there is none of that name.
            AloftError: it cannot be made, or opened.
        """
        await self.open(self.get(name)).ensure()

    def open(self, repository: Repository) -> Restic:
        """Use a repository."""
        return Restic(repository, self._cache)

    def _write(self, name: str, url: str, role: Role, origin: str = "") -> None:
        told = {"url": url, "role": role, "origin": origin}
        files.write(self._folder / name / "repository.json", json.dumps(told), mode=0o600)
