"""The first moments on a bare machine: makes the environment that ``aloft`` itself runs in, then becomes ``aloft``.

Started by the script ``aloft`` at the top of the checkout, with the system's Python and nothing else, so everything
imported here is of the standard library. What is made:

* ``/opt/aloft/bootstrap``: a virtual environment that holds uv, pinned with hashes in ``bootstrap.lock``;
* ``/opt/aloft/tool``: the environment of ``aloft``, from ``uv.lock``, with Aloft's own wheel;
* ``/opt/aloft/wheel``: that wheel, which ``up`` installs into the environments of the releases, too;
* for ``aloft test``: ``/opt/aloft/development`` (root) or ``.venv`` in the checkout (anybody else), editable and with
  the development tools.

An environment carries a stamp with the hash of what it was made from; when nothing has changed nothing is done.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aloft.base.errors import AloftError, InvalidInput, PermanentError
from aloft.base.invoke import CommandFailed, CommandStalled, invoke
from aloft.base.paths import Paths
from aloft.install import packages

Command = list[str | Path]

STAMP = "aloft-stamp.json"
REGISTRY = "registry.json"
KEPT = (
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "SSL_CERT_FILE",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
)
"""Variables that a daemon started later, with another environment, needs for the same registry."""

ROOT_COMMANDS = frozenset({"up", "down", "destroy"})
UNPRIVILEGED_TESTS = frozenset({"unit", "lint", "types"})
REGISTRY_REMEDY = (
    "Check the network and the package registry (PyPI or its mirror: pip.conf, UV_DEFAULT_INDEX, SSL_CERT_FILE), "
    "then run the command again; it goes on from here."
)


@dataclass(frozen=True)
class Environment:
    """A virtual environment that shall exist.

    Args:
        prefix: its folder.
        uv_home: folder of the virtual environment that holds uv.
        log: log file of the steps.
        wheels: folder for Aloft's wheel; ``None`` installs the checkout itself, editable.
        groups: dependency groups of ``pyproject.toml``.
        extras: optional dependencies of ``pyproject.toml``.
    """

    prefix: Path
    uv_home: Path
    log: Path
    wheels: Path | None
    groups: tuple[str, ...]
    extras: tuple[str, ...]


@dataclass(frozen=True)
class Stamp:
    """What an environment was made from: hashes of the locked dependencies and of Aloft's own sources."""

    dependencies: str
    sources: str


def tool_environment(paths: Paths) -> Environment:
    """The environment that ``aloft``, the node and the agent run in."""
    opt = paths.opt
    log = paths.log / "up.log"
    return Environment(opt / "tool", opt / "bootstrap", log, opt / "wheel", ("build",), ("host",))


def development_environment(paths: Paths, checkout: Path, root: bool, home: Path) -> Environment:
    """The environment that the tests and the checks run in."""
    if root:
        opt = paths.opt
        log = paths.log / "up.log"
        return Environment(opt / "development", opt / "bootstrap", log, None, ("build", "dev"), ("host",))
    cache = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "aloft"
    return Environment(checkout / ".venv", cache / "bootstrap", cache / "bootstrap.log", None, ("build", "dev"), ())


def wants_development(arguments: Sequence[str]) -> bool:
    """Whether a command line runs from the development environment."""
    return bool(arguments) and arguments[0] == "test"


def wants_root(arguments: Sequence[str]) -> bool:
    """Whether a command line changes the machine, and so needs root."""
    words = [word for word in arguments if not word.startswith("-")]
    if not words or "--help" in arguments:
        return False
    if words[0] == "test":
        return not (words[1:] and set(words[1:]) <= UNPRIVILEGED_TESTS)
    return words[0] in ROOT_COMMANDS


def digest(files: Iterator[Path], base: Path) -> str:
    """One hash over the names and contents of files."""
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(f"{file.relative_to(base)}\0".encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def stamp_of(checkout: Path, environment: Environment) -> Stamp:
    """What ``environment`` would be made from now."""
    recipe = repr((environment.groups, environment.extras, sys.version_info[:2]))
    locks = (checkout / "uv.lock", checkout / "pyproject.toml")
    dependencies = digest(iter(locks), checkout) + hashlib.sha256(recipe.encode()).hexdigest()
    if environment.wheels is None:
        return Stamp(dependencies, str(checkout))
    return Stamp(dependencies, digest(_sources(checkout), checkout))


def read_stamp(prefix: Path) -> Stamp | None:
    """What an environment was made from; ``None`` when it was not finished."""
    try:
        return Stamp(**json.loads((prefix / STAMP).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def registry_settings(environ: Mapping[str, str], pip: Mapping[str, str]) -> dict[str, str]:
    """Variables that make uv use the registry and the certificates that pip is set up for.

    uv reads neither ``pip.conf`` nor pip's variables; a machine with a mirror is usually set up for pip. Variables of
    uv itself that are set already win.

    Args:
        environ: the process environment.
        pip: pip's own settings (``pip config list``), keys such as ``global.index-url``.
    """

    def pip_setting(name: str) -> str:
        variable = environ.get("PIP_" + name.upper().replace("-", "_"), "")
        return variable or pip.get(f"install.{name}", "") or pip.get(f"global.{name}", "")

    found: dict[str, str] = {}
    if not any(environ.get(name) for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL")) and pip_setting("index-url"):
        found["UV_DEFAULT_INDEX"] = pip_setting("index-url")
    if not any(environ.get(name) for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL")) and pip_setting("extra-index-url"):
        found["UV_INDEX"] = pip_setting("extra-index-url")
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # pip's way; every package here is held by its hash
    if not environ.get("UV_FIND_LINKS") and pip_setting("find-links"):
        found["UV_FIND_LINKS"] = ",".join(pip_setting("find-links").split())
    if not environ.get("SSL_CERT_FILE"):
        if pip_setting("cert"):
            found["SSL_CERT_FILE"] = pip_setting("cert")
        else:
            found["UV_SYSTEM_CERTS"] = "1"
    if not environ.get("UV_HTTP_TIMEOUT"):
        found["UV_HTTP_TIMEOUT"] = "60"
    return found


def registry_environment(uv_home: Path) -> dict[str, str]:
    """:func:`registry_settings` of this machine; kept in a file (it may name a password) for the node's use."""
    settings: dict[str, str] = {}
    result = subprocess.run(
        [uv_home / "bin/python", "-m", "pip", "config", "list"], capture_output=True, text=True, check=False, timeout=60
    )
    for line in result.stdout.splitlines():
        name, separator, value = line.partition("=")
        if separator:
            settings[name] = value.strip("'\"")
    found = registry_settings(os.environ, settings)
    kept = {name: os.environ[name] for name in KEPT if os.environ.get(name)} | found
    with os.fdopen(os.open(uv_home / REGISTRY, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(kept, file)
    return found


def make_uv(environment: Environment, python: Path, lock: Path) -> Path:
    """Make sure that the pinned uv is there, and return its path.

    Raises:
        AloftError: Python's venv module is missing, or the registry does not give uv.
    """
    home, log = environment.uv_home, environment.log
    uv = home / "bin/uv"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    marker = home / STAMP
    if uv.exists() and marker.exists() and marker.read_text() == wanted:
        return uv
    _say("uv: the package installer")
    home.parent.mkdir(parents=True, exist_ok=True)
    try:
        invoke([python, "-m", "venv", "--clear", home], log=log, timeout=300)
    except CommandFailed as error:
        raise PermanentError(
            f"Python cannot make a virtual environment. {error.message}",
            "Install it: sudo apt-get install python3-venv",
        ) from error
    install: Command = [
        home / "bin/python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--retries",
        "3",
        "--require-hashes",
        "-r",
        lock,
    ]
    _from_registry(install, "uv", log, {})
    marker.write_text(wanted)
    return uv


def make(environment: Environment, checkout: Path, python: Path) -> None:
    """Bring an environment up to date with the checkout.

    Raises:
        AloftError: something could not be installed; the next run goes on.
    """
    wanted, found = stamp_of(checkout, environment), read_stamp(environment.prefix)
    if wanted == found:
        return
    with _alone(environment.uv_home.parent):
        found = read_stamp(environment.prefix)
        if environment.extras and (found is None or found.dependencies != wanted.dependencies):
            lacking = packages.missing_here(packages.BUILD)
            if lacking:
                _say(f"packages to build with: {', '.join(lacking)}")
                packages.install(lacking, log=environment.log, record=Paths.from_environment().state / "packages.json")
        uv = make_uv(environment, python, Path(__file__).with_name("bootstrap.lock"))
        settings = registry_environment(environment.uv_home)
        if found is None or found.dependencies != wanted.dependencies:
            (environment.prefix / STAMP).unlink(missing_ok=True)
            _say(f"environment {environment.prefix}")
            _make_dependencies(environment, checkout, python, uv, settings)
        _install_aloft(environment, checkout, uv, settings)
        stamp = {"dependencies": wanted.dependencies, "sources": wanted.sources}
        (environment.prefix / STAMP).write_text(json.dumps(stamp))


def main(arguments: Sequence[str], checkout: Path) -> int:
    """Make the environment that the command line needs and become ``aloft`` in it; returns only on failure."""
    root = os.geteuid() == 0
    paths = Paths.from_environment()
    for leaked in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
        os.environ.pop(leaked, None)
    try:
        if wants_root(arguments) and not root:
            command = " ".join(["sudo ./aloft", *arguments])
            raise InvalidInput(f"`aloft {arguments[0]}` changes this machine and needs root.", f"Run: {command}")
        if wants_development(arguments):
            environment = development_environment(paths, checkout, root, Path.home())
        else:
            environment = tool_environment(paths)
        aloft = environment.prefix / "bin/aloft"
        if root or wants_development(arguments):
            make(environment, checkout, Path(sys.executable))
        elif not aloft.exists():
            raise InvalidInput("Aloft is not installed on this machine.", "Run: sudo ./aloft up")
    except AloftError as error:
        print(f"aloft: {error.message}", file=sys.stderr)
        if error.remedy:
            print(f"  → {error.remedy}", file=sys.stderr)
        return 1
    os.environ["ALOFT_CHECKOUT"] = str(checkout)
    os.execv(aloft, [str(aloft), *arguments])  # noqa: S606 - this is how it becomes aloft
    raise AssertionError("execv does not return")


def _sources(checkout: Path) -> Iterator[Path]:
    """Every file that goes into Aloft's wheel."""
    yield from (checkout / name for name in ("README.md", "LICENSE", "pyproject.toml"))
    for folder in (checkout / "src/aloft", checkout / "releases"):
        for where, folders, names in os.walk(folder):
            folders[:] = [name for name in folders if name != "__pycache__"]
            yield from (Path(where) / name for name in names)


def _make_dependencies(
    environment: Environment, checkout: Path, python: Path, uv: Path, settings: Mapping[str, str]
) -> None:
    """Install the locked dependencies, through whatever registry this machine uses."""
    chosen = [f"--group={name}" for name in environment.groups] + [f"--extra={name}" for name in environment.extras]
    listing = environment.uv_home / f"{environment.prefix.name}.txt"
    export: Command = [
        uv,
        "export",
        "--quiet",
        "--frozen",
        "--no-default-groups",
        "--no-emit-project",
        "--no-annotate",
        *chosen,
    ]
    invoke([*export, "--output-file", listing], log=environment.log, timeout=60, cwd=checkout)
    if not (environment.prefix / "bin/python").exists():
        invoke([uv, "venv", "--quiet", "--python", python, environment.prefix], log=environment.log, timeout=60)
    target: Command = ["--python", environment.prefix / "bin/python"]
    _from_registry(
        [uv, "pip", "sync", "--require-hashes", *target, listing], "Aloft's dependencies", environment.log, settings
    )


def _install_aloft(environment: Environment, checkout: Path, uv: Path, settings: Mapping[str, str]) -> None:
    """Install Aloft itself: a wheel of the sources as they are now, or the checkout, editable."""
    target: Command = ["--python", environment.prefix / "bin/python"]
    install: Command = [uv, "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", *target]
    if environment.wheels is None:
        invoke([*install, "--editable", checkout], log=environment.log, timeout=300, env=settings)
        return
    fresh = environment.wheels.with_name("wheel.new")
    build: Command = [uv, "build", "--quiet", "--wheel", "--no-build-isolation", *target, "--out-dir", fresh, checkout]
    invoke(build, log=environment.log, timeout=300, env=settings)
    environment.wheels.mkdir(parents=True, exist_ok=True)
    for old in environment.wheels.glob("*.whl"):
        old.unlink()
    for built in fresh.glob("*.whl"):
        wheel = built.replace(environment.wheels / built.name)
        invoke([*install, "--reinstall", wheel], log=environment.log, timeout=300, env=settings)
    shutil.rmtree(fresh)


def _from_registry(command: Sequence[str | Path], what: str, log: Path, settings: Mapping[str, str]) -> None:
    """Run an installer, again when it fails, at most three times."""
    for attempt in (1, 2, 3):
        try:
            invoke(command, log=log, timeout=900, env=settings)
        except (CommandFailed, CommandStalled) as error:
            if attempt == 3:
                raise PermanentError(
                    f"{what} could not be installed from the package registry. {error.message}", REGISTRY_REMEDY
                ) from error
            time.sleep(2.0 * attempt)
        else:
            return


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a lock, so that two bootstraps do not build the same environment at once."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".bootstrap.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _say(what: str) -> None:
    """Tell a person what takes a moment now."""
    print(f"aloft: preparing {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).resolve().parents[3]))
