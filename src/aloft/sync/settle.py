"""Two changes at once on the same field: the later one holds, both are told, and the loser can be put back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aloft.sync.records import Entry, Known, View

if TYPE_CHECKING:
    from aloft.sync.plan import Scene


ASK_AGAIN_SECONDS = 60.0
"""A host that has not followed for so long is asked again whenever it is looked at."""


@dataclass(frozen=True)
class Outcome:
    """How a field was settled.

    Args:
        value: that holds.
        base: that both sides agree on from now.
        update: whether OpenStack has to change.
        ask: whether the host has to change, and has not been asked yet.
        asked: what the host is asked for: field → [value, since when].
        entries: of the trail.
    """

    value: Any
    base: Any
    update: bool = False
    ask: bool = False
    asked: Mapping[str, list[Any]] = field(default_factory=dict)
    entries: tuple[Entry, ...] = ()


def settle(scene: "Scene", known: Known, view: View, name: str, theirs: Any) -> Outcome:
    """Settle one field that both sides may change.

    Args:
        scene: for times and sources.
        known: with the value that both agreed on last.
        view: OpenStack's value.
        name: of the field.
        theirs: the host's value.
    """
    base, ours = known.base.get(name), getattr(view, name)
    asked = known.asked.get(name)
    if theirs == ours:
        entries = (
            () if asked or theirs == base else (scene.entry(known.uuid, name, base, theirs, note="on both sides"),)
        )
        return Outcome(ours, ours, entries=entries)
    if ours == base:
        return Outcome(theirs, theirs, update=True, entries=(scene.entry(known.uuid, name, base, theirs),))
    ours_at = float(asked[1]) if asked and asked[0] == ours else (view.updated_at or scene.now)
    change = scene.entry(known.uuid, name, base, ours, source="openstack", at=ours_at)
    if theirs == base:
        if asked and asked[0] == ours:
            return Outcome(ours, base, ask=scene.now - ours_at > ASK_AGAIN_SECONDS, asked={name: list(asked)})
        return Outcome(ours, base, ask=True, asked={name: [ours, ours_at]}, entries=(change,))
    return _both(scene, known, name, theirs, ours, change)


def _both(scene: "Scene", known: Known, name: str, theirs: Any, ours: Any, change: Entry) -> Outcome:
    """Both sides have changed the field since they agreed last."""
    base = known.base.get(name)
    told = scene.entry(known.uuid, name, base, theirs)
    asked = known.asked.get(name)
    before = () if asked and asked[0] == ours else (change,)
    if told.at >= change.at:
        lost = replace(change, note="a later change on the host holds", lost=True)
        return Outcome(theirs, theirs, update=True, entries=(lost, told))
    lost = scene.entry(known.uuid, name, base, theirs, note="a later change in OpenStack holds", lost=True)
    return Outcome(ours, theirs, ask=True, asked={name: [ours, change.at]}, entries=(lost, *before))
