"""What an environment of Python packages was made from, told by the stamp that is written last into it."""

import hashlib
from pathlib import Path

STAMP = "aloft-stamp.json"


def build(prefix: Path) -> str:
    """What the environment in ``prefix`` was made from, in 16 digits; empty for one that Aloft did not finish.

    It stands in the specifications of processes that run from the environment, so that those are replaced with it.
    """
    stamp = prefix / STAMP
    return hashlib.sha256(stamp.read_bytes()).hexdigest()[:16] if stamp.exists() else ""
