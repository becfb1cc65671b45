"""An event, and who may know of it. Pure."""

import json
from dataclasses import asdict, dataclass
from typing import Literal

from aloft.portal.sessions import Session

What = Literal["created", "changed", "deleted"]

FOR_ALL = frozenset({"flavor"})
"""Kinds without a project that concern every user; the others without one are for administrators."""


@dataclass(frozen=True)
class Event:
    """Something changed.

    Args:
        kind: what it is that changed, such as ``instance``.
        id: its identifier in its own API.
        what: what happened to it.
        at: when, ISO 8601.
        region: where, if anywhere.
        project: id of the project that it belongs to, if any.
        status: its state as its service calls it, if it was told.
        name: what it is called, if it was told.
        actor: name of the user who did it, if it was told.
        actor_id: that user's identifier.
    """

    kind: str
    id: str
    what: What
    at: str
    region: str | None = None
    project: str | None = None
    status: str | None = None
    name: str | None = None
    actor: str | None = None
    actor_id: str | None = None

    def told(self) -> str:
        """As JSON, without what is not known."""
        optional = ("status", "name", "actor", "actor_id")
        return json.dumps({key: value for key, value in asdict(self).items() if value or key not in optional})


def may_know(session: Session, event: Event) -> bool:
    """Whether an event of a customer may be told to a session of that customer."""
    if session.administrator:
        return True
    if event.project is None:
        return event.kind in FOR_ALL
    return any(event.project == project.id for project in session.projects)
