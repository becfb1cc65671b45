"""Carries out what :mod:`aloft.ground.transfer` plans, so that the host never loses its link by it.

Before a card goes into a bridge or out of it, the change is written into a journal. After it the plane has to answer;
when it does not in time, everything is put back. A change that was not confirmed before the agent ended, however it
ended, is put back by the next one. What failed so is not tried again before the template changes or an administrator
asks for it.
"""

import asyncio
import hashlib
import json
import logging
import subprocess
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from aloft.base import files
from aloft.base.errors import AloftError, PermanentError, TemporaryError
from aloft.ground import transfer
from aloft.ground.layout import Layout
from aloft.ground.plan import RoleState, SwitchState
from aloft.ground.roles.switch import VSCTL
from aloft.ground.transfer import Carried, Change, Command, Device

CONFIRM_SECONDS = 30.0
"""How long the plane may take to answer after a change. Together with putting back it is less than a minute."""

_ATTEMPT_SECONDS = 6.0
_BETWEEN_SECONDS = 1.0
_COMMAND_SECONDS = 15.0

ASK_AGAIN = "Then change the region's network template, or have the agent try once more: aloft host retry."

_log = logging.getLogger(__name__)

Reach = Callable[[], Awaitable[None]]
"""Has an answer from the plane; raises an error of :mod:`aloft.base.errors` when there is none."""


class Moves:
    """Network cards on their way into bridges and out of them.

    Args:
        layout: where the journal lies.
        reach: see :data:`Reach`.
        confirm_seconds: see :data:`CONFIRM_SECONDS`.
    """

    def __init__(self, layout: Layout, reach: Reach, confirm_seconds: float = CONFIRM_SECONDS) -> None:
        self._layout = layout
        self._reach = reach
        self._confirm_seconds = confirm_seconds
        self._vsctl = (*VSCTL, f"--db=unix:{layout.switch_socket}")
        self._journal = layout.state / "network-change.json"
        self._record = layout.state / "network-cards.json"

    async def recover(self) -> bool:
        """Put back a change that was never confirmed; whether the network is settled now.

        It is not while Open vSwitch does not answer; then it is to be called again.
        """
        if not self._journal.exists():
            return True
        told = json.loads(self._journal.read_text())
        change, reason = Change.restored(told["change"]), told.get("reason", "")
        reason = reason or f"The agent ended before the plane had answered after '{change.text}'"
        return await self._put_back(change, told["wish"], reason)

    async def bring(self, wanted: Mapping[str, Change], switch: SwitchState, wish: str) -> dict[str, RoleState]:
        """Connect cards to their bridges, and give bridges their own addresses.

        Args:
            wanted: the cards that shall be in bridges, and the addresses, by :attr:`Change.key`.
            switch: Open vSwitch as it is.
            wish: digest of what the plane wants, so that a failure is remembered for as long as it wants the same.

        Returns:
            What a person is to be told of what is not there, by the bridge's name.
        """
        problems: dict[str, RoleState] = {}
        for target in wanted.values():
            try:
                change = await asyncio.to_thread(self._missing, target, switch)
                if change is None:
                    continue
                if self._was_there(change, switch):
                    await asyncio.to_thread(self._run, transfer.steps(change, self._vsctl))
                else:
                    await self._attempt(change, wish)
            except AloftError as error:
                state = "converging" if isinstance(error, TemporaryError) else "failed"
                problems[target.bridge] = RoleState(state, target.text, None, error.message, error.remedy)
        self._forget_refusals(wish)
        return problems

    async def give_back(self, wanted: Mapping[str, Change], wish: str) -> None:
        """Take out what the agent brought in and nobody wants there any more: cards and addresses.

        Raises:
            AloftError: one could not be taken out, and is where it was.
        """
        for change in self.surplus(wanted):
            await self._attempt(replace(change, inward=False), wish)

    def surplus(self, wanted: Mapping[str, Change]) -> list[Change]:
        """How the cards and addresses came there that the agent brought in, and nobody wants there any more."""
        return [
            change
            for key, change in self._brought().items()
            if key not in wanted or wanted[key].bridge != change.bridge
        ]

    # What is to be done

    def _missing(self, target: Change, switch: SwitchState) -> Change | None:
        """What is left to do; ``None`` when the card is where it shall be, with all that it carried."""
        if target.address:
            there = switch.bridges.get(target.bridge)
            return None if there and there.up and target.address in there.addresses else target
        card = look(target.interface)
        brought = self._brought().get(target.interface)
        known = brought.carried if brought and brought.bridge == target.bridge else Carried()
        bridge = switch.bridges.get(target.bridge)
        lost = set(known.addresses) - bridge.addresses if bridge else set(known.addresses)
        if bridge and target.interface in bridge.ports and not card.carried and not card.leased and not lost:
            return None
        change = replace(target, mac=card.mac, carried=known.with_(card.carried))
        transfer.check(change, card.leased)
        return change

    def _brought(self) -> dict[str, Change]:
        """What the agent has brought about: cards in bridges, and addresses of bridges."""
        return {name: Change.restored(told) for name, told in _read(self._record).get("cards", {}).items()}

    def _was_there(self, change: Change, switch: SwitchState) -> bool:
        """Whether it was there and only something of it is lost, as a restart of the switch has it.

        The plane had answered to that, and may be out of reach now for the very reason that it is lost.
        """
        brought = self._brought().get(change.key)
        bridge = switch.bridges.get(change.bridge)
        known = brought is not None and brought.bridge == change.bridge
        if change.address:
            return known
        return known and bridge is not None and change.interface in bridge.ports

    # Doing it

    async def _attempt(self, change: Change, wish: str) -> None:
        """Make a change, and put it back when the plane does not answer then.

        Args:
            change: the change.
            wish: see :meth:`bring`.

        Raises:
            TemporaryError: it was not begun, as the plane does not answer now.
            PermanentError: it failed, and was put back.
        """
        self._check_refused(change, wish)
        await self._ask_first(change)
        _log.warning("%s; the plane has to answer within %.0f s then", change.text, self._confirm_seconds)
        files.write(self._journal, json.dumps({"change": change.stored(), "wish": wish}))
        try:
            await asyncio.to_thread(self._run, transfer.steps(change, self._vsctl))
            await self._confirm()
        except AloftError as error:
            reason = f"{change.text} failed ({error.message.rstrip('.')})"
            if isinstance(error, _Lost):
                reason = f"{change.text} cut the host off from the provider: {error.message.rstrip('.')}"
            files.write(self._journal, json.dumps({"change": change.stored(), "wish": wish, "reason": reason}))
            await self._put_back(change, wish, reason)
            self._check_refused(change, wish)
            raise
        self._keep(change)
        self._journal.unlink()
        files.flush_folder(self._journal.parent)
        _log.info("%s: the plane answers", change.text)

    async def _ask_first(self, change: Change) -> None:
        try:
            async with asyncio.timeout(_ATTEMPT_SECONDS):
                await self._reach()
        except (AloftError, TimeoutError) as error:
            raise TemporaryError(
                f"{change.text} waits until the plane answers, so that it can be seen whether it still does then.",
                "See that this host reaches the provider's edge.",
            ) from error

    async def _confirm(self) -> None:
        """Wait for an answer of the plane on a new connection.

        Raises:
            _Lost: there is none in time.
        """
        last = "nothing answers"
        try:
            async with asyncio.timeout(self._confirm_seconds):
                while True:
                    try:
                        async with asyncio.timeout(_ATTEMPT_SECONDS):
                            await self._reach()
                        return
                    except AloftError as error:
                        last = error.message
                    except TimeoutError:
                        last = "nothing answers"
                    await asyncio.sleep(_BETWEEN_SECONDS)
        except TimeoutError as error:
            raise _Lost(f"within {self._confirm_seconds:.0f} s there was no answer: {last}") from error

    async def _put_back(self, change: Change, wish: str, reason: str) -> bool:
        """Put a change back and remember why; whether that is complete."""
        _log.error("%s. It is put back.", reason)
        try:
            await asyncio.to_thread(self._run, transfer.undoing(change, self._vsctl), True)
        except AloftError as error:
            if await asyncio.to_thread(_exists, change.interface or change.bridge):
                _log.error("Putting back is not complete: %s", error)
                return False
        cause = (
            f"See that what {change.interface} is plugged into carries the host's own network, untagged, and that"
            f" nothing but Aloft has set up {change.bridge}."
        )
        if change.address:
            cause = f"See that {change.address} is in no network by which this host reaches others already."
        refusal = {"wish": wish, "reason": f"{reason}. It was put back.", "remedy": f"{cause} {ASK_AGAIN}"}
        record = _read(self._record)
        record.setdefault("refused", {})[change.key] = refusal
        self._write(record)
        self._journal.unlink(missing_ok=True)
        files.flush_folder(self._journal.parent)
        return True

    def _check_refused(self, change: Change, wish: str) -> None:
        told = _read(self._record).get("refused", {}).get(change.key)
        if told and told["wish"] == wish:
            raise PermanentError(told["reason"], told["remedy"])

    def _forget_refusals(self, wish: str) -> None:
        record = _read(self._record)
        held = {name: told for name, told in record.get("refused", {}).items() if told["wish"] == wish}
        if held != record.get("refused", {}):
            self._write({**record, "refused": held})

    def _keep(self, change: Change) -> None:
        record = _read(self._record)
        cards = record.setdefault("cards", {})
        if change.inward:
            cards[change.key] = change.stored()
        else:
            cards.pop(change.key, None)
        self._write(record)

    def _write(self, record: dict[str, Any]) -> None:
        files.write(self._record, json.dumps(record, indent=1))

    def _run(self, commands: Iterable[Command], all_of_them: bool = False) -> None:
        """Run commands; with ``all_of_them`` go on after a failure, and raise it at the end.

        Raises:
            TemporaryError: one that must succeed did not.
        """
        failed: AloftError | None = None
        for command in commands:
            try:
                _run(command.words)
            except TemporaryError as error:
                if not command.must:
                    continue
                failed = failed or error
                if not all_of_them:
                    raise
        if failed:
            raise failed


class _Lost(TemporaryError):
    """The plane does not answer any more."""


def look(interface: str) -> Device:
    """A network card as it is.

    Raises:
        PermanentError: there is no such card.
    """
    try:
        return transfer.device(
            _run((transfer.IP, "-json", "address", "show", "dev", interface)),
            *(
                _run((transfer.IP, f"-{version}", "route", "show", "table", "all", "dev", interface))
                for version in (4, 6)
            ),
        )
    except TemporaryError as error:
        raise PermanentError(
            f"There is no network card {interface} on this host.",
            "Name another in the region's network template, or none for this host (--on HOST:-).",
        ) from error


def wish_of(networks: Mapping[str, Any], attempt: int) -> str:
    """A digest of what the plane wants of the host's cards; ``attempt`` counts how often a person asked for it."""
    return hashlib.sha256(json.dumps([attempt, networks], sort_keys=True).encode()).hexdigest()[:16]


def _exists(interface: str) -> bool:
    return Path("/sys/class/net", interface).exists()


def _read(path: Path) -> dict[str, Any]:
    try:
        told: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return told


def _run(words: tuple[str, ...]) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=_COMMAND_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TemporaryError(f"{' '.join(words[:4])} did not end well: {error}.") from error
    if done.returncode:
        raise TemporaryError(f"{' '.join(words)} failed: {done.stderr.strip() or done.returncode}.")
    return done.stdout
