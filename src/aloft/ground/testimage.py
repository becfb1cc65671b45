"""The small test image: Debian's or Ubuntu's own kernel for virtual machines with busybox as the whole of user space.

It is built from what the machine's package archive and the installed ``busybox-static`` give, takes a second, and is a
few megabytes. It is uploaded as three images: kernel (``aki``), ramdisk (``ari``) and an empty disk whose properties
``kernel_id`` and ``ramdisk_id`` name the other two.
"""

import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from aloft.base.errors import PermanentError, TemporaryError
from aloft.ground import initramfs

MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "virtio_rng", "evdev", "button")
"""Drivers of the guest; those that a kernel has built in are left out."""

KERNEL_PACKAGES = ("linux-image-cloud-amd64", "linux-image-virtual")
"""The archive's kernel for virtual machines: Debian's name, Ubuntu's name."""

DISK_BYTES = 1 << 20
BUSYBOX = Path("/bin/busybox")

_SUFFIX = re.compile(r"\.ko(?:\.(xz|zst))?$")
_DECOMPRESS = {"xz": ("xz", "-dc"), "zst": ("zstd", "-dc")}


@dataclass(frozen=True)
class TestImage:
    """The parts of the test image.

    Args:
        kernel: the kernel (image format ``aki``).
        ramdisk: the initramfs (``ari``).
        disk: an empty raw disk.
        checksums: SHA-256 by file name.
        properties: image properties of the disk, besides ``kernel_id`` and ``ramdisk_id``.
    """

    __test__ = False  # not a test case, whatever pytest makes of the name

    kernel: Path
    ramdisk: Path
    disk: Path
    checksums: dict[str, str]
    properties: dict[str, str]


@dataclass(frozen=True)
class Kernel:
    """What is taken from the kernel packages.

    Args:
        image: the bootable kernel.
        modules: content of each kernel module by name (``-`` read as ``_``), uncompressed.
        builtin: names of the modules that are part of the kernel itself.
    """

    image: bytes
    modules: dict[str, bytes]
    builtin: frozenset[str]


def build(cache: Path = Path("/var/lib/aloft/cache")) -> TestImage:
    """Make the test image, or take it from the cache where it is complete.

    Args:
        cache: folder that keeps the result (in ``testimage``).

    Raises:
        PermanentError: busybox-static is missing, or the kernel lacks a driver.
        TemporaryError: the package archive did not give the kernel.
    """
    target = cache / "testimage"
    found = _cached(target)
    if found is not None:
        return found
    target.mkdir(parents=True, exist_ok=True)
    kernel = unpack_kernel(_download(_newest_kernel_packages(), target))
    _write(target / "vmlinuz", kernel.image)
    _write(target / "initramfs", initramfs.pack(contents(kernel, _busybox())))
    _write(target / "disk.raw", bytes(DISK_BYTES))
    names = ("vmlinuz", "initramfs", "disk.raw")
    checksums = {name: hashlib.sha256((target / name).read_bytes()).hexdigest() for name in names}
    _write(target / "checksums.json", json.dumps({"recipe": _recipe(), "files": checksums}).encode())
    return _image(target, checksums)


def contents(kernel: Kernel, busybox: bytes) -> list[initramfs.Entry]:
    """The members of the initramfs.

    Raises:
        PermanentError: the kernel lacks a driver that the guest needs.
    """
    order = load_order(kernel, MODULES)
    guest = resources.files("aloft.ground") / "guest"
    return [
        *map(initramfs.folder, ("bin", "dev", "etc", "etc/acpi", "etc/acpi/PWRF", "modules")),
        initramfs.character_device("dev/console", 5, 1),
        initramfs.program("bin/busybox", busybox),
        initramfs.program("init", (guest / "init").read_bytes()),
        initramfs.program("bin/lease", (guest / "lease").read_bytes()),
        initramfs.program("etc/acpi/PWRF/00000080", (guest / "power").read_bytes()),
        *(initramfs.document(f"modules/{name}.ko", kernel.modules[name]) for name in order),
        initramfs.document("modules/order", "".join(f"{name}\n" for name in order).encode()),
    ]


def load_order(kernel: Kernel, wanted: Iterable[str]) -> list[str]:
    """The modules to load, each after those it needs.

    Raises:
        PermanentError: a module is neither in the packages nor built in.
    """
    order: list[str] = []

    def visit(name: str) -> None:
        if name in order or name in kernel.builtin:
            return
        if name not in kernel.modules:
            raise PermanentError(f"The kernel package has no driver {name}, which the test image needs.")
        for needed in module_needs(kernel.modules[name]):
            visit(needed)
        order.append(name)

    for name in wanted:
        visit(name)
    return order


def module_needs(content: bytes) -> list[str]:
    """The names of the modules that one needs, read off its ``.modinfo`` section."""
    for field in content.split(b"\0"):
        if field.startswith(b"depends="):
            return [_plain(name) for name in field[8:].decode().split(",") if name]
    return []


def unpack_kernel(packages: Iterable[Path]) -> Kernel:
    """Read the kernel and its modules off Debian packages."""
    image = b""
    modules: dict[str, bytes] = {}
    builtin: frozenset[str] = frozenset()
    for package in packages:
        archive = subprocess.run(("dpkg-deb", "--fsys-tarfile", str(package)), check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as members:
            for member in members:
                name = Path(member.name).name
                stream = members.extractfile(member) if member.isfile() else None
                if stream is None:
                    continue
                if member.name.startswith("./boot/vmlinuz-"):
                    image = stream.read()
                elif name == "modules.builtin":
                    builtin = frozenset(_module_name(line) for line in stream.read().decode().split())
                elif _SUFFIX.search(name) and _in_reach(member.name):
                    modules[_module_name(name)] = _decompressed(name, stream.read())
    return Kernel(image, modules, builtin)


def _in_reach(path: str) -> bool:
    """Whether a module may be one that the guest needs; spares decompressing thousands of others."""
    return any(part in path for part in ("/virtio/", "/net/", "/block/", "/char/hw_random/", "/input/", "/acpi/"))


def _module_name(path: str) -> str:
    return _plain(_SUFFIX.sub("", Path(path).name))


def _plain(name: str) -> str:
    return name.replace("-", "_")


def _decompressed(name: str, content: bytes) -> bytes:
    match = _SUFFIX.search(name)
    if match is None or match[1] is None:
        return content
    return subprocess.run(_DECOMPRESS[match[1]], input=content, check=True, capture_output=True).stdout


def _busybox() -> bytes:
    content = BUSYBOX.read_bytes() if BUSYBOX.exists() else b""
    if not content or b"ld-linux" in content[:4096]:
        raise PermanentError(
            "The test image needs a statically linked busybox, which this machine does not have.",
            "Install it: apt-get install busybox-static",
        )
    return content


def _newest_kernel_packages() -> list[str]:
    """The packages that hold the archive's newest kernel for virtual machines."""
    for meta in KERNEL_PACKAGES:
        answer = subprocess.run(("apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests", meta),
                                capture_output=True, text=True, check=False)  # fmt: skip
        if answer.returncode == 0:
            names = set(re.findall(r"(?m)^ +Depends: (linux-(?:image|modules)-\d\S+)", answer.stdout))
            if names:
                return sorted(names)
    raise TemporaryError(
        "The package archive lists no kernel for virtual machines, so the test image cannot be built.",
        "Refresh the package lists: apt-get update",
    )


def _download(packages: list[str], target: Path) -> list[Path]:
    folder = target / "packages"
    folder.mkdir(exist_ok=True)
    have = [path for name in packages for path in folder.glob(f"{name}_*.deb")]
    if len(have) >= len(packages):
        return have
    for path in folder.iterdir():
        path.unlink()
    fetched = subprocess.run(("apt-get", "download", "-o", "APT::Sandbox::User=root", *packages),
                             cwd=folder, capture_output=True, text=True, check=False)  # fmt: skip
    if fetched.returncode != 0:
        raise TemporaryError(
            f"The kernel of the test image could not be fetched from the package archive: {fetched.stderr.strip()}",
            "Refresh the package lists (apt-get update) and see that the archive can be reached.",
        )
    return sorted(folder.glob("*.deb"))


def _cached(target: Path) -> TestImage | None:
    try:
        record = json.loads((target / "checksums.json").read_text())
        if record["recipe"] != _recipe():
            return None
        for name, digest in record["files"].items():
            if hashlib.sha256((target / name).read_bytes()).hexdigest() != digest:
                return None
    except (OSError, ValueError, KeyError):
        return None
    return _image(target, record["files"])


def _recipe() -> str:
    """A hash over what the image is made by, so that a new version of Aloft makes it anew."""
    guest = resources.files("aloft.ground") / "guest"
    parts = [" ".join(MODULES).encode(), *((guest / name).read_bytes() for name in ("init", "lease", "power"))]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _image(target: Path, checksums: dict[str, str]) -> TestImage:
    return TestImage(
        kernel=target / "vmlinuz",
        ramdisk=target / "initramfs",
        disk=target / "disk.raw",
        checksums=checksums,
        properties={"os_command_line": "console=tty0 console=ttyS0 quiet", "hw_rng_model": "virtio"},
    )


def _write(path: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as temporary:
        temporary.write(content)
    Path(temporary.name).chmod(0o644)
    shutil.move(temporary.name, path)
