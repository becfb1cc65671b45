"""Invitations of nodes as one line of text, which a person carries from one node to the other. Pure."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass, field

from pydantic import TypeAdapter, ValidationError

from aloft.base.errors import InvalidInput


@dataclass(frozen=True)
class Invitation:
    """What a node needs to connect with the one that gave it out.

    Args:
        name: of the node that gave it out.
        address: of that one, ``HOST:PORT``.
        authority: by which the other knows it (PEM).
        bundle: certificate and key (PEM) by which it knows the other: a secret.
    """

    name: str
    address: str
    authority: str
    bundle: str = field(repr=False)

    def line(self) -> str:
        """The invitation as one line: JSON in base64url."""
        return urlsafe_b64encode(_INVITATION.dump_json(self)).decode()

    def wanted(self, own_address: str | None) -> dict[str, str]:
        """What the node is asked to connect with; ``own_address`` is where the other one finds it."""
        told = {name: text for name, text in asdict(self).items() if name != "name"}
        return told if own_address is None else {**told, "own_address": own_address}


_INVITATION = TypeAdapter(Invitation)


def read(line: str) -> Invitation:
    """The invitation that a line holds.

    Raises:
        InvalidInput: it holds none; what it says is not repeated.
    """
    try:
        text = line.strip().encode("ascii")
        return _INVITATION.validate_json(urlsafe_b64decode(text + b"=" * (-len(text) % 4)))
    except (UnicodeError, binascii.Error, ValidationError):
        raise InvalidInput(
            "That is no invitation.", "Give the whole line that `aloft node invite` printed on the other node."
        ) from None
