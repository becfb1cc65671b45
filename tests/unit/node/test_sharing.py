"""A node's backup repositories are known to the nodes that it added, whenever they come, change or go."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from aloft.base.errors import TemporaryError
from aloft.base.paths import Paths
from aloft.daytwo.repositories import Repositories, RepositoryRequest
from aloft.node.peer_api import PeerApi
from aloft.node.peers import Peer, Peers
from aloft.node.sharing import Sharing


class Pair:
    """A node, and the repositories of another that it added."""

    def __init__(self, root: Path) -> None:
        self.front, self.back = Repositories(Paths(root / "front")), Repositories(Paths(root / "back"))
        self.told: list[str] = []
        self.made: list[str] = []
        self.unreachable: set[str] = set()
        self._sharing = Sharing(Peers(Paths(root / "front"), "front"), self.front, self._reach, self._make)
        self._app = FastAPI()
        self._app.get("/v1/repositories")(self._get)
        self._app.put("/v1/repositories/{name}")(self._put)
        self._app.delete("/v1/repositories/{name}")(self._delete)

    async def share(self) -> list[str]:
        return await self._sharing.share("back")

    async def _get(self) -> list[dict[str, Any]]:
        return [{"name": one.name, "url": one.url, "role": one.role, "origin": one.origin} for one in self.back.all()]

    async def _put(self, name: str, request: RepositoryRequest) -> None:
        self.told.append(name)
        self.back.put(name, request)

    async def _delete(self, name: str) -> None:
        self.back.remove(name)

    @contextlib.asynccontextmanager
    async def _reach(self, name: str) -> AsyncIterator[PeerApi]:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://back") as client:
            yield PeerApi(Peer(name, "192.0.2.2:7443", "", ""), client)

    async def _make(self, repository: str) -> None:
        if repository in self.unreachable:
            raise TemporaryError(f"The repository {repository} cannot be reached.")
        self.made.append(repository)


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


async def test_shared_repositories_are_known_to_a_peer_with_what_opens_them(pair: Pair) -> None:
    pair.front.put("vault", RepositoryRequest(url="s3:https://s3/vault", credentials={"aws": SecretStr("key")}))
    pair.front.put("disk", RepositoryRequest(url="/srv/disk", role="secondary"))
    await pair.share()
    found = {one.name: one for one in pair.back.all()}
    assert "disk" not in found and (found["vault"].url, found["vault"].role) == ("s3:https://s3/vault", "primary")
    assert pair.back.password("vault") == pair.front.password("vault")
    assert (found["vault"].credentials / "aws").read_text() == "key"


async def test_a_peer_keeps_its_own_primary_repository(pair: Pair) -> None:
    pair.back.put("own", RepositoryRequest(url="s3:https://s3/own"))
    pair.front.put("vault", RepositoryRequest(url="s3:https://s3/vault"))
    await pair.share()
    assert {one.name: one.role for one in pair.back.all()} == {"own": "primary", "vault": "secondary"}


async def test_a_repository_that_comes_later_or_changes_reaches_a_peer(pair: Pair) -> None:
    pair.front.put("vault", RepositoryRequest(url="s3:https://s3/vault"))
    await pair.share()
    assert pair.back.get("vault").role == "primary"
    await pair.share()
    assert pair.told == ["vault"], "what is known is not told again"
    pair.front.put("vault", RepositoryRequest(url="s3:https://s3/vault", credentials={"aws": SecretStr("new")}))
    pair.front.put("far", RepositoryRequest(url="s3:https://s3/far", role="secondary"))
    await pair.share()
    assert (pair.back.get("vault").credentials / "aws").read_text() == "new"
    assert pair.back.get("far").role == "secondary"


async def test_a_repository_is_there_before_a_second_node_uses_it(pair: Pair) -> None:
    pair.front.put("gone", RepositoryRequest(url="s3:https://s3/gone", role="secondary"))
    pair.front.put("vault", RepositoryRequest(url="s3:https://s3/vault"))
    pair.unreachable.add("gone")
    await pair.share()
    assert pair.told == pair.made == ["vault"]
    assert await pair.share() == ["The repository gone cannot be reached."]
    pair.unreachable.clear()
    assert await pair.share() == []
    assert pair.told == pair.made == ["vault", "gone"]


async def test_another_primary_repository_takes_the_place_of_the_first_at_a_peer(pair: Pair) -> None:
    pair.front.put("vault", RepositoryRequest(url="s3:https://s3/vault"))
    await pair.share()
    pair.front.put("vault", RepositoryRequest(url="s3:https://s3/vault", role="secondary"))
    pair.front.put("another", RepositoryRequest(url="s3:https://s3/another"))
    await pair.share()
    assert {one.name: one.role for one in pair.back.all()} == {"vault": "secondary", "another": "primary"}


async def test_a_peer_forgets_what_it_was_told_and_nothing_else(pair: Pair) -> None:
    pair.back.put("own", RepositoryRequest(url="s3:https://s3/own", role="secondary"))
    pair.front.put("vault", RepositoryRequest(url="s3:https://s3/vault"))
    await pair.share()
    pair.front.remove("vault")
    await pair.share()
    assert [one.name for one in pair.back.all()] == ["own"]


async def test_what_a_peer_knows_by_the_same_name_stays_its_own(pair: Pair) -> None:
    pair.back.put("vault", RepositoryRequest(url="s3:https://s3/its-own"))
    pair.front.put("vault", RepositoryRequest(url="s3:https://s3/vault"))
    await pair.share()
    assert await pair.share() == ["back knows another repository by the name vault."]
    assert pair.back.get("vault").url == "s3:https://s3/its-own"


async def test_what_one_was_told_of_is_not_passed_on(pair: Pair) -> None:
    pair.front.put("vault", RepositoryRequest(url="s3:https://s3/vault", origin="third"))
    assert await pair.share() == [] and pair.back.all() == ()
