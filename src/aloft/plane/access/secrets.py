"""Passwords and tokens: made, hashed and checked.

Passwords are kept as scrypt hashes (RFC 7914; the cost is what OWASP's password storage cheat sheet asks for). Tokens
are 256 random bits, so a plain SHA-256 digest is enough to keep them.
"""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode

from aloft.base.errors import InvalidInput

TOKEN_PREFIX = "aloft_"  # noqa: S105  not a secret: lets leaked tokens be recognised
HOST_TOKEN_PREFIX = "alofthost_"  # noqa: S105  likewise
PASSWORD_LENGTH = range(10, 257)

_COST_LOG2, _BLOCK, _PARALLEL = 15, 8, 3  # N=2**15, r=8, p=3: 32 MiB, one of OWASP's equal choices
_MEMORY = 128 * 1024 * 1024


def new_token(prefix: str = TOKEN_PREFIX) -> str:
    """A fresh token."""
    return prefix + secrets.token_urlsafe(32)


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def hash_password(password: str) -> str:
    """What is kept of a password: ``scrypt$<log2 cost>$<block>$<parallel>$<salt>$<hash>``.

    Raises:
        InvalidInput: the password is too short or too long.
    """
    if len(password) not in PASSWORD_LENGTH:
        raise InvalidInput(
            "The password is too short or too long.",
            f"Use {PASSWORD_LENGTH.start} to {PASSWORD_LENGTH.stop - 1} characters.",
        )
    salt = secrets.token_bytes(16)
    key = _derive(password, salt, _COST_LOG2, _BLOCK, _PARALLEL)
    return "$".join(
        ("scrypt", str(_COST_LOG2), str(_BLOCK), str(_PARALLEL), b64encode(salt).decode(), b64encode(key).decode())
    )


def check_password(password: str, kept: str | None) -> bool:
    """Whether the password is the one that was hashed; takes as long when there is none to compare with."""
    if kept is None:
        _derive(password[:256], bytes(16), _COST_LOG2, _BLOCK, _PARALLEL)
        return False
    _, cost, block, parallel, salt, key = kept.split("$")
    derived = _derive(password[:256], b64decode(salt), int(cost), int(block), int(parallel))
    return hmac.compare_digest(derived, b64decode(key))


def _derive(password: str, salt: bytes, cost_log2: int, block: int, parallel: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << cost_log2, r=block, p=parallel, maxmem=_MEMORY, dklen=32)
