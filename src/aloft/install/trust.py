"""What ``up`` tells the rest of the machine: the edge's certificate authority, the commands on the PATH, completion."""

from pathlib import Path

from aloft.base import files
from aloft.base.errors import PermanentError
from aloft.base.invoke import invoke
from aloft.base.paths import Paths

TRUSTED = Path("/usr/local/share/ca-certificates/aloft.crt")
BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
PROGRAMS = Path("/usr/local/bin")
COMPLETION = Path("/etc/bash_completion.d/aloft")
COMPLETION_TEXT = """\
# Completion of `aloft` in bash; written by `aloft up`.
_aloft_completion() {
    local IFS=$'\\n'
    COMPREPLY=($(env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD _ALOFT_COMPLETE=complete_bash "$1"))
}
complete -o default -F _aloft_completion aloft
"""


def authority(paths: Paths) -> Path:
    """The edge's certificate authority (PEM), which the node makes."""
    return paths.etc / "ca.pem"


def trust(paths: Paths, log: Path) -> str:
    """Make every program on this machine that asks the system trust the edge."""
    source = authority(paths)
    if not source.exists():
        raise PermanentError(f"The node has not made its certificate authority ({source}).", "Look into node.log.")
    content = source.read_text()
    held = BUNDLE.exists() and content.strip() in BUNDLE.read_text()
    if not files.write(TRUSTED, content, mode=0o644) and held:
        return "is trusted already"
    invoke(["update-ca-certificates"], log=log, timeout=120)
    return ""


def distrust(log: Path) -> None:
    """Take the edge's authority out of the system's trust."""
    if TRUSTED.exists():
        TRUSTED.unlink()
        invoke(["update-ca-certificates", "--fresh"], log=log, timeout=120)


def link_programs(paths: Paths, release: str) -> str:
    """Put ``aloft`` on the PATH, and ``openstack`` when there is none, and let bash complete ``aloft``."""
    changed = [name for name, target in _programs(paths, release).items() if _link(PROGRAMS / name, target, paths)]
    files.folder(COMPLETION.parent)
    files.write(COMPLETION, COMPLETION_TEXT, mode=0o644)
    return f"linked {', '.join(changed)}" if changed else "are there"


def unlink_programs(paths: Paths) -> None:
    """Take our links off the PATH."""
    for name in ("aloft", "openstack"):
        if _is_ours(PROGRAMS / name, paths):
            (PROGRAMS / name).unlink()
    COMPLETION.unlink(missing_ok=True)


def _programs(paths: Paths, release: str) -> dict[str, Path]:
    return {"aloft": paths.opt / "tool/bin/aloft", "openstack": paths.present(release) / "bin/openstack"}


def _link(link: Path, target: Path, paths: Paths) -> bool:
    """Make a link unless somebody else's program has its name; returns whether it was made."""
    if link.is_symlink() and link.readlink() == target:
        return False
    if (link.exists() or link.is_symlink()) and not _is_ours(link, paths):
        return False
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    return True


def _is_ours(link: Path, paths: Paths) -> bool:
    return link.is_symlink() and link.readlink().is_relative_to(paths.opt)
