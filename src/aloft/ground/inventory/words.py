"""libvirt's numbers for states, reasons and events, as words (libvirt-domain.h)."""

from collections.abc import Sequence

from aloft.sync.inventory import DomainState

STATES: tuple[DomainState, ...] = (
    "nostate", "running", "blocked", "paused", "shutdown", "shutoff", "crashed", "pmsuspended",
)  # fmt: skip

_REASONS: Sequence[Sequence[str]] = (
    ("unknown",),
    (
        "unknown", "booted", "migrated", "restored", "from-snapshot", "unpaused", "migration-canceled",
        "save-canceled", "wakeup", "crashed", "postcopy", "postcopy-failed",
    ),
    ("unknown",),
    (
        "unknown", "user", "migration", "save", "dump", "io-error", "watchdog", "from-snapshot", "shutting-down",
        "snapshot", "crashed", "starting-up", "postcopy", "postcopy-failed", "api-error",
    ),
    ("unknown", "user"),
    (
        "unknown", "shutdown", "destroyed", "crashed", "migrated", "saved", "failed", "from-snapshot", "daemon",
    ),
    ("unknown", "panicked"),
    ("unknown",),
)  # fmt: skip

_LIFECYCLE: Sequence[tuple[str, Sequence[str]]] = (
    ("defined", ("added", "updated", "renamed", "from-snapshot")),
    ("undefined", ("removed", "renamed")),
    ("started", ("booted", "migrated", "restored", "from-snapshot", "wakeup")),
    (
        "suspended",
        (
            "paused", "migrated", "io-error", "watchdog", "restored", "from-snapshot", "api-error", "postcopy",
            "postcopy-failed",
        ),
    ),
    ("resumed", ("unpaused", "migrated", "from-snapshot", "postcopy", "postcopy-failed")),
    ("stopped", ("shutdown", "destroyed", "crashed", "migrated", "saved", "failed", "from-snapshot")),
    ("shutdown", ("finished", "guest", "host")),
    ("pmsuspended", ("memory", "disk")),
    ("crashed", ("panicked", "crashloaded")),
)  # fmt: skip


def state(number: int) -> DomainState:
    """A domain's state."""
    return STATES[number] if 0 <= number < len(STATES) else "nostate"


def reason(number: int, detail: int) -> str:
    """Why a domain is in its state."""
    known = _REASONS[number] if 0 <= number < len(_REASONS) else ()
    return known[detail] if 0 <= detail < len(known) else "unknown"


def lifecycle(event: int, detail: int) -> str:
    """A lifecycle event of a domain, as ``lifecycle/started/booted``."""
    if not 0 <= event < len(_LIFECYCLE):
        return "lifecycle"
    word, details = _LIFECYCLE[event]
    return f"lifecycle/{word}/{details[detail]}" if 0 <= detail < len(details) else f"lifecycle/{word}"
