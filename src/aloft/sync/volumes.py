"""Which disks are Cinder's volumes.

A volume shows its identifier as the serial of its disk, as Nova attaches it; backends that keep volumes as files or
logical volumes name them ``volume-IDENTIFIER`` (Cinder's ``volume_name_template``).
"""

import re

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_NAMED = re.compile(rf"(?:^|[/-])volume-({_UUID.pattern})(?:\.[^/]*)?$")


def volume_of(serial: str, path: str) -> str:
    """The identifier of the volume that a disk may be, whatever Cinder says; empty for a disk that is none."""
    if _UUID.fullmatch(serial.lower()):
        return serial.lower()
    named = _NAMED.search(path.lower().replace("--", "-"))  # the device mapper doubles dashes
    return named[1] if named else ""
