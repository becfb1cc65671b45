"""The part of the node's local API that is about customers' rules."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Response

from aloft.controller.rules import CustomerRules
from aloft.node.rules import Rules

_log = logging.getLogger(__name__)


def add(app: FastAPI, rules: Rules, publish: Callable[[], Awaitable[None]]) -> None:
    """Add the routes to an application; ``publish`` brings the names of all controllers about at the edge."""

    @app.get("/v1/rules")
    async def get_rules() -> dict[str, CustomerRules]:
        return rules.all()

    @app.put("/v1/rules/{customer}")
    async def put_rules(customer: str, wanted: CustomerRules) -> CustomerRules:
        before = rules.get(customer)
        rules.put(customer, wanted)
        if wanted.access != before.access:
            await publish()
        if wanted.log_days != before.log_days:
            await asyncio.to_thread(_trim, rules, customer)
        return wanted

    @app.delete("/v1/rules/{customer}", status_code=204)
    async def delete_rules(customer: str) -> Response:
        rules.forget(customer)
        await publish()
        return Response(status_code=204)


def _trim(rules: Rules, customer: str) -> None:
    """Have a customer's logs be as they are wanted now; what fails is tried again with those of all."""
    try:
        rules.trim_logs(customer)
    except OSError as error:
        _log.warning("The logs of %s could not be trimmed: %s", customer, error)
