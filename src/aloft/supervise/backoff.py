"""When to look and when to act: delays before what died is started again, and between probes. Pure arithmetic."""

import math
import zlib
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Policy:
    """When to retry. Times in seconds.

    Args:
        first: delay after the first death.
        factor: by which each further delay grows.
        cap: the longest delay.
        stable: ready for this long, a process is forgiven its past.
        loop_deaths: this many deaths ...
        loop_window: ... within this time are a crash loop.
    """

    first: float = 0.2
    factor: float = 2.0
    cap: float = 30.0
    stable: float = 60.0
    loop_deaths: int = 5
    loop_window: float = 60.0


@dataclass(frozen=True)
class History:
    """The deaths of a process since it was last stable.

    Args:
        deaths: when, on the monotonic clock, the latest ``loop_deaths`` of them.
        count: how many in all.
        looping: it is in a crash loop. Stays so until it is stable, although the growing delays soon make deaths rarer.
    """

    deaths: tuple[float, ...] = ()
    count: int = 0
    looping: bool = False

    def died(self, now: float, ready_for: float, policy: Policy) -> "History":
        """The history after a death at ``now`` of a process that had been ready for ``ready_for`` seconds."""
        past = History() if ready_for >= policy.stable else self
        deaths = (*past.deaths, now)[-policy.loop_deaths :]
        burst = len(deaths) == policy.loop_deaths and now - deaths[0] <= policy.loop_window
        return replace(past, deaths=deaths, count=past.count + 1, looping=past.looping or burst)

    def delay(self, policy: Policy) -> float:
        """Seconds to wait before the next start."""
        if not self.count:
            return 0.0
        # The exponent is bounded so that a process that has been failing for days does not overflow.
        return float(min(policy.cap, policy.first * policy.factor ** min(self.count - 1, 64)))


def readiness_step(waited: float) -> float:
    """Seconds until the next look at a process that has been starting for ``waited`` seconds.

    Quick at first, since a controller's readiness is a chain of such waits; slower for what takes long anyway.
    """
    return min(0.2, max(0.01, waited / 20))


_SLOTS = 10


def next_probe(now: float, interval: float, name: str) -> float:
    """When to probe a process again that is ready, on the clock of ``now``.

    Probes are gathered in ten moments of each interval, as one wake-up for many probes costs much less than one for
    each; which of the ten depends on the name, so that not all services are woken at once. The first comes after half
    an interval at least and one and a half at most, the others after one.
    """
    phase = zlib.crc32(name.encode()) % _SLOTS * interval / _SLOTS
    return phase + interval * math.ceil((now + interval / 2 - phase) / interval)
