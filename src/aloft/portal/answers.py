"""Errors of the portal's own, in the plane's form, and the headers that every answer carries."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aloft.base.errors import AloftError, Forbidden, InvalidInput, NotFound, PermanentError, TemporaryError


class Unauthenticated(AloftError):
    """There is no session, or the login was wrong."""


class SessionEnded(Unauthenticated):
    """There was a session; its tokens are worthless now."""


class NoProject(Forbidden):
    """The user is known but has no role in any project."""


class WrongOrigin(Forbidden):
    """An unsafe request did not come from the portal's own pages."""


class TooManyFailures(AloftError):
    """Too many logins failed; ``seconds`` is how long to wait."""

    def __init__(self, seconds: int) -> None:
        super().__init__("Too many logins failed.", f"Try again in {seconds} s.")
        self.seconds = seconds


class Unreachable(TemporaryError):
    """An API does not answer; ``status`` is 502, 503 or 504."""

    def __init__(self, message: str, remedy: str, status: int) -> None:
        super().__init__(message, remedy)
        self.status = status


KINDS: tuple[tuple[type[AloftError], int, str], ...] = (
    (InvalidInput, 400, "invalid_input"),
    (SessionEnded, 401, "session_ended"),
    (Unauthenticated, 401, "unauthenticated"),
    (NoProject, 403, "no_project"),
    (WrongOrigin, 403, "wrong_origin"),
    (Forbidden, 403, "forbidden"),
    (NotFound, 404, "not_found"),
    (TooManyFailures, 429, "throttled"),
    (Unreachable, 503, "region_unreachable"),
    (TemporaryError, 503, "temporary"),
    (PermanentError, 500, "permanent"),
    (AloftError, 500, "internal"),
)


def error_answer(request: Request, error: Exception) -> JSONResponse:
    """The answer that tells of an error."""
    assert isinstance(error, AloftError)  # noqa: S101  for the type checker: registered for this type only
    status, code = next((status, code) for kind, status, code in KINDS if isinstance(error, kind))
    headers = {}
    if isinstance(error, TooManyFailures):
        headers["Retry-After"] = str(error.seconds)
    if isinstance(error, Unreachable):
        status = error.status
    return JSONResponse({"error": {"code": code, "message": error.message, "remedy": error.remedy}}, status, headers)


PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""What the pages may do (W3C Content Security Policy Level 3): nothing but what came from this origin as a file."""

DATA_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""What an API's answer may do when somebody opens it as a page: nothing."""

_EVERYWHERE = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_DATA = {b"content-security-policy": DATA_POLICY.encode(), b"cache-control": b"no-store"}


class SafeHeaders:
    """ASGI middleware that gives every answer the headers above, unless it has them already."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and complete the head of the answer."""

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                held = {name.lower() for name, _ in message["headers"]}
                wanted = {**_EVERYWHERE, **_DATA}
                message["headers"] = [
                    *message["headers"],
                    *((name, value) for name, value in wanted.items() if name not in held),
                ]
            await send(message)

        await self._app(scope, receive, complete)


def nothing() -> Response:
    """An answer without content."""
    return Response(status_code=204)
