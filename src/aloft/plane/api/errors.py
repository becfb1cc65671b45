"""Errors as answers: one shape for all, and the status that fits their kind."""

import secrets
from collections.abc import Iterable
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from aloft.base.errors import (
    AloftError,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    PermanentError,
    TemporaryError,
)
from aloft.plane.api.types import ErrorBody, ErrorDetail
from aloft.plane.errors import NodeUnreachable, Throttled, Unauthenticated

KINDS: tuple[tuple[type[AloftError], int, str], ...] = (
    (InvalidInput, 400, "invalid_input"),
    (Unauthenticated, 401, "unauthenticated"),
    (Forbidden, 403, "forbidden"),
    (NotFound, 404, "not_found"),
    (Conflict, 409, "conflict"),
    (Throttled, 429, "throttled"),
    (NodeUnreachable, 503, "node_unreachable"),
    (TemporaryError, 503, "temporary"),
    (PermanentError, 500, "permanent"),
    (AloftError, 500, "internal"),
)
RETRY_SECONDS = "2"

RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorBody, "description": text}
    for status, text in (
        (400, "The request is wrong."),
        (401, "It is not known who calls."),
        (403, "The caller may not do this."),
        (404, "There is no such thing, or the caller may not know of it."),
        (409, "The request does not fit what is there."),
        (429, "Too many logins failed."),
        (503, "A passing fault: try again."),
    )
}

log = structlog.get_logger("aloft.plane.api")


def status_and_code(error: AloftError) -> tuple[int, str]:
    """The HTTP status and the code of an error."""
    return next((status, code) for kind, status, code in KINDS if isinstance(error, kind))


def body_of(error: AloftError) -> ErrorBody:
    """The body that tells of an error."""
    return ErrorBody(error=ErrorDetail(code=status_and_code(error)[1], message=error.message, remedy=error.remedy))


def explain_validation(errors: Iterable[dict[str, Any]]) -> str:
    """What is wrong with a request, in words: ``body.region.name: Input should be a valid string``."""
    parts = []
    for error in errors:
        where = ".".join(str(part) for part in error["loc"] if part != "body") or "the body"
        parts.append(f"{where}: {error['msg'][:1].lower()}{error['msg'][1:]}")
    return "The request is not valid: " + "; ".join(parts) + "."


def install(app: FastAPI) -> None:
    """Answer every error of the application in the one shape."""
    app.add_exception_handler(AloftError, _aloft_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


async def _aloft_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AloftError)  # noqa: S101  for the type checker: registered for this type only
    status, _ = status_and_code(error)
    headers = {}
    if status == 503:
        headers["Retry-After"] = RETRY_SECONDS
    if isinstance(error, Throttled):
        headers["Retry-After"] = str(error.seconds)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(body_of(error).model_dump(), status, headers)


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  for the type checker
    message = explain_validation(error.errors())
    return await _aloft_error(request, InvalidInput(message, "Correct the request; /v1/openapi.json describes it."))


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  for the type checker
    messages = {
        404: (f"There is nothing at {request.url.path}.", "not_found"),
        405: (f"{request.method} is not possible at {request.url.path}.", "method_not_allowed"),
    }
    message, code = messages.get(error.status_code, (str(error.detail), "http_error"))
    detail = ErrorDetail(code=code, message=message, remedy="/v1/openapi.json describes the API.")
    return JSONResponse(ErrorBody(error=detail).model_dump(), error.status_code, error.headers)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    reference = secrets.token_hex(4)
    log.error("unexpected error", reference=reference, path=request.url.path, exc_info=error)
    detail = ErrorDetail(
        code="internal",
        message=f"The plane met an error that it did not expect (reference {reference}).",
        remedy="Look for the reference in the plane's log with `aloft logs plane`.",
    )
    return JSONResponse(ErrorBody(error=detail).model_dump(), 500)
