"""Which virtual machines a host has room for, by Placement's rules: pure functions."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self

Resources = Mapping[str, int]


@dataclass(frozen=True)
class Stock:
    """What a host offers of one class of resources.

    Args:
        free: how much is left; less than nothing when more is taken than there is.
        least: the least that one may take.
        most: the most that one may take.
        step: of which everybody takes a multiple.
    """

    free: int
    least: int = 1
    most: int = 1 << 31
    step: int = 1

    @classmethod
    def of(cls, inventory: Mapping[str, Any], used: int) -> Self:
        """From an inventory as Placement's API tells it, and how much of it is used."""
        capacity = int((inventory["total"] - inventory["reserved"]) * inventory["allocation_ratio"])
        return cls(capacity - used, inventory["min_unit"], inventory["max_unit"], inventory["step_size"])

    def allows(self, amount: int) -> bool:
        """Whether one may take so much, were there enough."""
        return self.least <= amount <= self.most and amount % self.step == 0

    def up_to(self, amount: int) -> int:
        """The most that one may take of so much; zero where that is less than the least."""
        most = min(amount, self.most)
        most -= most % self.step
        return most if most >= self.least else 0


def fitting(stocks: Mapping[str, Stock], wanted: Mapping[str, Resources], held: Mapping[str, Resources]) -> list[str]:
    """Who of those that want something fits, each beside those before it.

    Args:
        stocks: what is left of each class of resources.
        wanted: what each takes; nothing of a class is the same as not naming it.
        held: what some of them are counted with already, and would give back.
    """
    left = {name: stock.free for name, stock in stocks.items()}
    fits = []
    for uuid, resources in wanted.items():
        needed = {name: many for name, many in resources.items() if many}
        back = held.get(uuid, {})
        if _fits(stocks, left, needed, back):
            fits.append(uuid)
            _give(left, needed, back)
    return fits


def parts(
    stocks: Mapping[str, Stock], wanted: Mapping[str, Resources], held: Mapping[str, Resources], fits: Collection[str]
) -> dict[str, dict[str, int]]:
    """How much of what they want those get who do not fit, once those who fit have theirs; of each class what is left.

    Args:
        stocks: see :func:`fitting`.
        wanted: see there.
        held: see there.
        fits: who fits, as told there.
    """
    left = {name: stock.free for name, stock in stocks.items()}
    for uuid in fits:
        _give(left, wanted[uuid], held.get(uuid, {}))
    found: dict[str, dict[str, int]] = {}
    for uuid in (one for one in wanted if one not in fits):
        back = held.get(uuid, {})
        part = {
            name: stocks[name].up_to(min(many, max(0, left[name] + back.get(name, 0))))
            for name, many in wanted[uuid].items()
            if name in stocks
        }
        found[uuid] = {name: many for name, many in part.items() if many}
        _give(left, found[uuid], back)
    return found


def _give(left: dict[str, int], taken: Resources, back: Resources) -> None:
    for name in left:
        left[name] += back.get(name, 0) - taken.get(name, 0)


def _fits(stocks: Mapping[str, Stock], left: Resources, needed: Resources, back: Resources) -> bool:
    return all(
        name in stocks and stocks[name].allows(needed[name]) and needed[name] <= left[name] + back.get(name, 0)
        for name in needed
    )


def reserve(inventory: dict[str, Any], amount: int) -> None:
    """Add what others take to what is reserved of a resource, within what there is.

    Placement multiplies what is not reserved with the allocation ratio, so that much less has to be reserved.
    """
    more = -(-amount // inventory.get("allocation_ratio", 1.0))
    inventory["reserved"] = int(min(inventory["total"], inventory.get("reserved", 0) + more))
