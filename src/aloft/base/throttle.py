"""Holds back whoever guesses passwords: after a few failures, each further one doubles the time to wait."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

FREE = 5
"""Failures that cost nothing: people mistype."""

LONGEST = 300.0
"""Longest wait, seconds: nobody is locked out for good by somebody else."""

FORGOTTEN = 900.0
"""Seconds without a failure after which nothing is remembered."""

REMEMBERED = 10_000


@dataclass(frozen=True)
class _Failures:
    count: int
    last: float

    def until(self) -> float:
        """When the next attempt is let through."""
        over = self.count - FREE
        return self.last + min(LONGEST, 2.0 ** min(over, 20)) if over >= 0 else 0.0


class Throttle:
    """Counts failed logins by keys (an account at a face, a source address).

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait(self, *keys: str) -> int:
        """Whole seconds until an attempt with these keys is let through; 0 is now."""
        now = self._clock()
        return max(0, *(math.ceil(known.until() - now) for key in keys if (known := self._known(key, now))), 0)

    def failed(self, *keys: str) -> None:
        """Count a failure for each key."""
        now = self._clock()
        for key in keys:
            known = self._known(key, now)
            self._failures[key] = _Failures(known.count + 1 if known else 1, now)
            self._failures.move_to_end(key)
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)

    def succeeded(self, *keys: str) -> None:
        """Forget the failures of these keys."""
        for key in keys:
            self._failures.pop(key, None)

    def _known(self, key: str, now: float) -> _Failures | None:
        known = self._failures.get(key)
        return known if known is not None and now - known.last < FORGOTTEN else None
