"""An event, and who may know of it. Pure."""

import json
from dataclasses import asdict, dataclass
from typing import Literal

from aloft.portal.sessions import Session

What = Literal["created", "changed", "deleted"]

FOR_ALL = frozenset({"flavor"})
"""Kinds without a project that concern every user."""

SHARED = frozenset({"network", "subnet", "image", "aggregate"})
"""Kinds of which every user may see some that are not of their projects: shared, public, or as a choice of zones."""


ACCESS = frozenset({"role", "project", "user", "group", "region"})
"""Kinds that may change what somebody may do."""


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
        user: id of the one user whose access it concerns, where it is one; for the back end itself.
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
    user: str | None = None

    def told(self) -> str:
        """As JSON, without what is not known."""
        optional = ("status", "name", "actor", "actor_id")
        told = {key: value for key, value in asdict(self).items() if key != "user"}
        return json.dumps({key: value for key, value in told.items() if value or key not in optional})


def changes_access(session: Session, event: Event) -> bool:
    """Whether an event of a customer may change what a session of that customer may do."""
    return event.kind in ACCESS and event.user in (None, session.user.id)


def for_session(session: Session, event: Event) -> Event | None:
    """An event of a customer as it may be told to a session of that customer, if at all.

    Of what is of other projects and may be shared, no more is told than that it changed: its API says whether, and what
    of it, the user may see.
    """
    if session.administrator or (event.project is None and event.kind in FOR_ALL):
        return event
    if event.project is not None and any(event.project == project.id for project in session.projects):
        return event
    if event.kind in SHARED:
        return Event(event.kind, event.id, event.what, event.at, event.region)
    return None
