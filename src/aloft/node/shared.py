"""The processes that all customers of a node share, and the zygotes: their declarations and their set-up."""

import hashlib
import os
import sys
from dataclasses import replace
from pathlib import Path

from aloft.base.builds import build
from aloft.base.paths import Paths
from aloft.controller.processes import zygote_name
from aloft.controller.services import PROJECTS
from aloft.supervise.spec import Probe, ProcessSpec

PLANE = "plane"

PORTAL = "portal"

COMMON = "common"
"""The zygote of a release from which those of its projects are forked."""


def plane(paths: Paths, user: int, group: int, settings: str) -> ProcessSpec:
    """The management plane, as an unprivileged user that may use the node's socket."""
    return _program(paths, PLANE, user, group, settings, after=("mariadb",))


def portal(paths: Paths, user: int, group: int, settings: str) -> ProcessSpec:
    """The portal's back end, as a user that may do nothing but talk to the edge and the broker as anybody could."""
    return _program(paths, PORTAL, user, group, settings)


def _program(paths: Paths, name: str, user: int, group: int, settings: str, after: tuple[str, ...] = ()) -> ProcessSpec:
    """One of Aloft's own programs, which serves on a unix socket.

    Args:
        paths: where everything lies.
        name: of the program, of its package, its socket and its file of settings.
        user: its numeric user.
        group: its numeric group.
        settings: what is in its file of settings; with others, or with other code, another process takes its place.
        after: the processes that must be ready before.
    """
    return ProcessSpec(
        name=name,
        log=paths.log / f"{name}.log",
        command=(sys.executable, "-m", f"aloft.{name}", "--config", str(paths.etc / f"{name}.toml")),
        user=user,
        group=group,
        env={
            **_environment(paths.state / name),
            "ALOFT_BUILD": build(paths.opt / "tool"),
            "ALOFT_CONFIGURATION": hashlib.sha256(settings.encode()).hexdigest()[:16],
            "MALLOC_ARENA_MAX": "2",
        },
        after=after,
        umask=0o007,
        ready=Probe("unix", str(paths.run / name / f"{name}.sock")),
        cgroup=name,
    )


def zygotes(paths: Paths, environment: str) -> tuple[ProcessSpec, ...]:
    """The zygotes of an environment: one that has imported what all share, and one a project, forked from it."""
    ancestor = paths.zygote_socket(environment, COMMON)
    first = _zygote(paths, environment, COMMON)
    first = replace(
        first,
        command=(
            str(paths.environment(environment) / "bin/python"),
            "-m",
            "aloft.supervise.zygote",
            "--socket",
            str(ancestor),
            "--preload",
            f"aloft.inside.preload:{COMMON}",
        ),
    )
    return (
        first,
        *(
            replace(
                _zygote(paths, environment, project),
                zygote=str(ancestor),
                entry="aloft.supervise.zygote:serve",
                arguments={
                    "path": str(paths.zygote_socket(environment, project)),
                    "preload": f"aloft.inside.preload:{project}",
                },
                after=(first.name,),
            )
            for project in PROJECTS
        ),
    )


def _zygote(paths: Paths, environment: str, project: str) -> ProcessSpec:
    return ProcessSpec(
        name=zygote_name(environment, project),
        log=paths.log / "zygotes" / f"{environment}-{project}.log",
        env={
            **_environment(Path("/")),
            "ALOFT_BUILD": build(paths.environment(environment)),  # another environment, another zygote
            "PYTHONWARNINGS": "ignore",
            "MALLOC_ARENA_MAX": "2",  # children inherit the allocator: fewer arenas, less memory kept by threads
            "MALLOC_TRIM_THRESHOLD_": "131072",
            "OPENBLAS_NUM_THREADS": "1",  # numpy must not start threads before the fork
        },
        umask=0o077,
        ready=Probe("unix", str(paths.zygote_socket(environment, project))),
        start_timeout=180.0,
        cgroup="zygotes",
    )


def _environment(home: Path) -> dict[str, str]:
    """A small environment; a search path for Aloft's own code is handed on, for those who run it from a checkout."""
    handed = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": str(home), **handed}
