"""The service's REST API: hosts post their inventory, administrators look and decide.

A host is told by the header that only the edge sets, after it has checked the host's certificate. Everybody else shows
a Keystone token with the role ``admin``; a token of a project without it shows that project's own instances.

======================================= ================================================================================
``POST /v1/inventory``                  a host's report (:class:`aloft.sync.inventory.Report`)
``GET /v1/status``                      hosts, counts, what is held, stale, waiting
``GET /v1/instances``                   what is remembered of each virtual machine
``GET /v1/instances/{uuid}``            that of one, what becomes of its disks when it is deleted, and its trail
``GET /v1/disks``                       what becomes of disks: ``instances`` are UUIDs with commas
``GET /v1/log``                         the trail, newest first: ``object``, ``host``, ``field``, ``since``, ``limit``,
                                        ``before``
``GET /v1/diff``                        where OpenStack and the ground differ now, and what would be done
``POST /v1/instances/{uuid}/accept``    believe that it is gone; take it back in, if it was deleted or unmanaged; with
                                        ``{"project": …}`` give it to that project
``POST /v1/instances/{uuid}/unmanage``  take it out of OpenStack; it runs on
``POST /v1/trail/{number}/revert``      put back what a change replaced, or a change that did not hold
``GET /v1/networks``                    places on hosts that can be provider networks, and the networks made for them
``POST /v1/networks``                   make one for a ``place``
``GET /v1/rebuilt``                     what came back after databases were lost, and what could not be rebuilt
``GET|PUT /v1/rules``                   who owns what is found; ``POST /v1/rules/try`` shows what rules would do
``GET|PUT /v1/exclusions``              what is kept out
``GET|PUT /v1/settings``                how careful sync is
======================================= ================================================================================
"""

import json
import logging
import re
from collections.abc import Callable, Iterable
from typing import Any

from keystonemiddleware import auth_token
from nova.conf import CONF
from webob import Request, Response

from aloft.base.errors import AloftError, Conflict, Forbidden, InvalidInput, NotFound, TemporaryError
from aloft.inside.sync.decisions import Decisions
from aloft.inside.sync.region import Region
from aloft.sync.inventory import PATH, read_report

_log = logging.getLogger(__name__)

Handler = Callable[[Request, dict[str, str]], Any]

_STATUS: tuple[tuple[type[AloftError], int], ...] = (
    (InvalidInput, 400),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (TemporaryError, 503),
)
_BODY_LIMIT = 64 << 20


def application(region: Region) -> Any:
    """The WSGI application."""
    routes = _routes(region, Decisions(region))

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        response: Iterable[bytes] = _answer(routes, Request(environ))(environ, start_response)
        return response

    checked = auth_token.AuthProtocol(answer, {"oslo_config_config": CONF, "delay_auth_decision": True})

    def front(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("HTTP_X_ALOFT_HOST") and environ["PATH_INFO"] == PATH:
            return answer(environ, start_response)
        environ.pop("HTTP_X_ALOFT_HOST", None)
        told: Iterable[bytes] = checked(environ, start_response)
        return told

    return front


def _routes(region: Region, decisions: Decisions) -> list[tuple[str, re.Pattern[str], Handler]]:
    def inventory(request: Request, _: dict[str, str]) -> Any:
        return region.receive(request.headers["X-Aloft-Host"], read_report(_body(request))).to_json()

    table: list[tuple[str, str, Handler]] = [
        ("POST", PATH, inventory),
        ("GET", "/v1/status", lambda request, path: decisions.status()),
        ("GET", "/v1/instances", lambda request, path: decisions.instances()),
        (
            "GET",
            r"/v1/instances/(?P<uuid>[^/]+)",
            lambda request, path: decisions.instance(path["uuid"], _sees(request)),
        ),
        ("GET", "/v1/disks", lambda request, path: decisions.disks(request.GET.get("instances", ""), _sees(request))),
        ("GET", "/v1/log", lambda request, path: decisions.log(dict(request.GET))),
        ("GET", "/v1/diff", lambda request, path: decisions.diff()),
        ("GET", "/v1/networks", lambda request, path: decisions.networks()),
        ("POST", "/v1/networks", lambda request, path: decisions.make_network(_body(request))),
        ("GET", "/v1/rebuilt", lambda request, path: decisions.rebuilt()),
        (
            "POST",
            r"/v1/instances/(?P<uuid>[^/]+)/accept",
            lambda r, path: decisions.accept(path["uuid"], _who(r), _body(r)),
        ),
        ("POST", r"/v1/instances/(?P<uuid>[^/]+)/unmanage", lambda r, path: decisions.unmanage(path["uuid"], _who(r))),
        ("POST", r"/v1/trail/(?P<number>\d+)/revert", lambda r, path: decisions.revert(int(path["number"]), _who(r))),
        ("POST", "/v1/rules/try", lambda request, path: decisions.try_rules(_body(request))),
        ("GET", r"/v1/(?P<name>rules|exclusions|settings)", lambda request, path: decisions.policy(path["name"])),
        (
            "PUT",
            r"/v1/(?P<name>rules|exclusions|settings)",
            lambda request, path: decisions.decide(path["name"], _body(request), _who(request)),
        ),
    ]
    return [(method, re.compile(path), handler) for method, path, handler in table]


def _answer(routes: list[tuple[str, re.Pattern[str], Handler]], request: Request) -> Response:
    try:
        if not request.headers.get("X-Aloft-Host"):
            _check(request)
        for method, path, handler in routes:
            found = path.fullmatch(request.path_info)
            if found and method == request.method:
                return Response(json_body=handler(request, found.groupdict()))
        raise NotFound(f"There is no {request.method} {request.path_info} here.")
    except AloftError as error:
        status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
        return _refusal(status, error.message, error.remedy)
    except _Unknown:
        return _refusal(401, "A token is needed.", "Send X-Auth-Token with a token of an administrator.")
    except Exception:
        _log.exception("%s %s", request.method, request.path_info)
        return _refusal(500, "An unexpected fault.", "See the log of the sync service.")


class _Unknown(Exception):
    """Nobody knows who calls."""


_OWN = re.compile(r"/v1/(instances/[^/]+|disks)")
"""What members of a project may ask about its instances."""


def _sees(request: Request) -> str | None:
    """The identifier of the project whose instances the caller sees; ``None`` for an administrator, who sees all."""
    return None if "admin" in request.headers.get("X-Roles", "").split(",") else request.headers["X-Project-Id"]


def _check(request: Request) -> None:
    """Let administrators of the customer in, and members of a project to what is theirs."""
    if request.headers.get("X-Identity-Status") != "Confirmed":
        raise _Unknown
    own = request.method == "GET" and _OWN.fullmatch(request.path_info) and "X-Project-Id" in request.headers
    if not own and "admin" not in request.headers.get("X-Roles", "").split(","):
        raise Forbidden("Sync is for administrators.", "Use an account with the role admin.")


def _who(request: Request) -> str:
    """Who asks: the token's user, and for whom, where the plane passes on what an account of the provider asks."""
    user, principal = request.headers.get("X-User-Name", ""), request.headers.get("Aloft-For", "")
    return (f"{user} for {principal}" if principal else user)[:255]


def _body(request: Request) -> Any:
    if (request.content_length or 0) > _BODY_LIMIT:
        raise InvalidInput("The request is too large.")
    try:
        return json.loads(request.body or b"null")
    except ValueError as error:
        raise InvalidInput(f"The request is not JSON: {error}.") from error


def _refusal(status: int, message: str, remedy: str) -> Response:
    return Response(status=status, json_body={"error": {"code": status, "message": message, "remedy": remedy}})
