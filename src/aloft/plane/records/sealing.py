"""Encryption at rest of what the plane's records hold of hosts' logins: Fernet (AES-128-CBC with HMAC-SHA256).

The key lies in a file beside the database, not in it: a dump of the schema alone opens nothing.
"""

import json
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from aloft.base import files
from aloft.base.errors import InvalidInput, PermanentError

_held: list[MultiFernet] = []


def open_key(path: Path) -> None:
    """Use the key in this file from now on; it is made when there is none.

    A file with several lines seals with the first key and opens with all of them, so that a key can be changed.

    Raises:
        InvalidInput: the file cannot be read, or holds no key.
    """
    try:
        if not path.exists():
            files.write(path, Fernet.generate_key() + b"\n", mode=0o400)
        keys = [Fernet(line) for line in path.read_bytes().split()]
    except OSError as error:
        raise InvalidInput(
            f"The plane's key cannot be read from {path}: {error.strerror}.",
            "Check the setting key_file and who may read that file.",
        ) from error
    except ValueError as error:
        raise InvalidInput(
            f"{path} does not hold a key of Fernet's form.", "Restore the file from a backup."
        ) from error
    if not keys:
        raise InvalidInput(f"{path} holds no key.", "Restore the file from a backup.")
    _held[:] = [MultiFernet(keys)]


def seal(value: dict[str, Any]) -> str:
    """The value as text that only the key opens."""
    return _key().encrypt(json.dumps(value).encode()).decode()


def unseal(text: str) -> dict[str, Any]:
    """The value again.

    Raises:
        PermanentError: it was sealed with another key, or was changed.
    """
    try:
        opened: dict[str, Any] = json.loads(_key().decrypt(text.encode()))
    except InvalidToken as error:
        raise PermanentError(
            "The plane's key does not open what its records hold of a host's logins.",
            "Restore the key file that belongs to this database (the setting key_file).",
        ) from error
    return opened


def _key() -> MultiFernet:
    if not _held:
        raise PermanentError("The plane's key was not opened.", "Start the plane with a key file.")
    return _held[0]
