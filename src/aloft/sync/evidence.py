"""What to believe when virtual machines are no longer there: nothing is deleted on weak evidence.

A host that is silent, or whose libvirt cannot be looked at, says nothing about what is gone. More than a given share of
a host's virtual machines gone at once is more likely a fault (a pool that was not mounted, another libvirt) than what
somebody wanted: they are held until they return or an administrator accepts it, one by one, and whatever becomes of the
others. Everything else becomes stale and goes after a time of grace.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from aloft.sync.records import PRESENT, Action, Entry, Known, View

if TYPE_CHECKING:
    from aloft.sync.plan import Scene


def absent(scene: "Scene", present: Collection[str]) -> tuple[list[Action], float | None]:
    """What to do about what is remembered on the host and not in its inventory, and when to look again."""
    if "domains" in scene.inventory.failed:
        return [], None
    here = [known for known in scene.known.values() if known.host == scene.host]
    missing = [known for known in here if known.uuid not in present]
    ours = sum(known.standing in PRESENT for known in here)
    gone = sum(known.standing in PRESENT and known.reason != ACCEPTED for known in missing)
    settings = scene.policy.settings
    weak = gone >= settings.gone_least and gone > settings.gone_share * ours
    actions: list[Action] = []
    due: float | None = None
    for known in missing:
        if known.uuid in scene.elsewhere and known.standing in PRESENT:
            continue  # it is on another host, whose plan takes it over
        action, again = _missed(scene, known, weak)
        if action is not None:
            actions.append(action)
        if again is not None:
            due = again if due is None else min(due, again)
    return actions, due


UNSURE_SECONDS = 15.0
"""How long after OpenStack's own change of an instance its host's account may be older than that change."""

SHELVED = "shelved_offloaded"
"""Nova's word for an instance that it has taken off its host itself and keeps as an image until it is wanted again."""

ACCEPTED = "its disappearance was accepted"
"""The reason of what an administrator has accepted as gone: it goes at once."""


def _missed(scene: "Scene", known: Known, weak: bool) -> tuple[Action | None, float | None]:
    view = scene.views.get(known.uuid)
    if known.standing not in PRESENT or view is None or view.deleted:
        entry = scene.entry(known.uuid, "standing", known.standing, None, note="it is gone from its host")
        return Action("note", known.uuid, None, entries=(entry,)), None
    if view.state == SHELVED and not view.busy:
        note = "OpenStack shelved it"
        entry = scene.entry(known.uuid, "standing", known.standing, None, note=note, source="openstack")
        return Action("note", known.uuid, None, entries=(entry,)), None
    if view.busy or view.host not in ("", known.host) or scene.now - view.done_at < UNSURE_SECONDS:
        return None, scene.now + 2.0  # OpenStack is moving or rebuilding it, or has just done so
    if known.reason == ACCEPTED:
        return _remove(scene, known, view), None
    if known.standing == "held":
        return None, None  # that fewer are missing by now says nothing about why this one is
    since = scene.now if known.stale_since is None else known.stale_since
    if weak:
        reason = "too many are gone from its host at once"
        return _mark(scene, replace(known, standing="held", stale_since=since, reason=reason), known), None
    ends = (since if known.standing == "stale" else scene.now) + scene.policy.settings.grace_seconds
    if known.standing != "stale":
        after = replace(known, standing="stale", since=scene.now, stale_since=since, reason="it is gone from its host")
        return _mark(scene, after, known), ends
    if scene.now < ends:
        return None, ends
    return _remove(scene, known, view), None


def _mark(scene: "Scene", after: Known, before: Known) -> Action:
    entry = scene.entry(before.uuid, "standing", before.standing, after.standing, note=after.reason)
    facts = {**before.base, "state": "stopped"}
    return Action("update", before.uuid, after, None, facts, ("standing", "state"), entries=(entry,))


def _remove(scene: "Scene", known: Known, view: View) -> Action:
    told: tuple[Entry, ...] = (
        scene.entry(
            known.uuid, "standing", known.standing, None, note=f"{view.name} was removed from OpenStack", at=scene.now
        ),
    )
    return Action("remove", known.uuid, None, entries=told)
