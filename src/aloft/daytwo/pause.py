"""How long requests that write will wait at a switch: from what its rehearsal took, and from switches before. Pure.

A rehearsal does what a switch does while writes wait, as far as that changes nothing. The rest (answering what was
begun, carrying rows, leading names) is known from switches that were measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

KEPT = 20
"""Measured switches that are remembered."""

RECENT = 5
"""Of a customer that was never upgraded here, so many of the last switches of others tell."""

TIMES = 3.0
"""How many rehearsals a switch takes where none was measured yet: 2.3 to 7 were, on small customers."""

LEAST_SECONDS = 1.0


class Measured(BaseModel):
    """A switch that was made.

    Args:
        customer: whose.
        rehearsed: seconds that its rehearsal took.
        mib: size of the customer's databases.
        held: seconds that requests that write waited.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    customer: str
    rehearsed: float = Field(gt=0)
    mib: float = Field(gt=0)
    held: float


@dataclass(frozen=True)
class Estimate:
    """What to expect, in seconds, and how that was arrived at."""

    seconds: float
    basis: str


def estimate(customer: str, rehearsed: float, mib: float, measured: Sequence[Measured]) -> Estimate:
    """What a switch of this customer will take.

    Args:
        customer: who is to be upgraded.
        rehearsed: seconds that the rehearsal took.
        mib: size of the customer's databases.
        measured: switches on this node, the last one at the end.
    """
    now = f"now {rehearsed:.1f} s were rehearsed, with {mib:.0f} MiB"
    own = [one for one in measured if one.customer == customer]
    known = own[-1:] or measured[-RECENT:]
    if not known:
        seconds = max(LEAST_SECONDS, rehearsed * TIMES)
        return Estimate(seconds, f"{TIMES:.0f} times the rehearsal, as no upgrade was measured on this node yet; {now}")

    def scaled(one: Measured) -> float:
        return one.held * max(1.0, rehearsed / one.rehearsed, mib / one.mib)

    longest = max(known, key=scaled)
    whose = "this customer's last upgrade" if own else f"the longest of the last {len(known)} upgrades on this node"
    told = f"{longest.held:.1f} s (rehearsed {longest.rehearsed:.1f} s, {longest.mib:.0f} MiB)"
    return Estimate(max(LEAST_SECONDS, scaled(longest)), f"{whose} took {told}; {now}")
