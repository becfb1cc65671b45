"""The test image boots, takes an address, learns its name from the metadata service, and minds the power button."""

import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from aloft.ground import testimage

from .lab import wait_for

pytestmark = [
    pytest.mark.skipif(shutil.which("qemu-system-x86_64") is None, reason="boots the image in QEMU"),
    pytest.mark.skipif(os.geteuid() != 0, reason="reads the package archive as root"),
]

METADATA = 'printf "HTTP/1.0 200 OK\\r\\nContent-Type: text/plain\\r\\n\\r\\nhello.lab"'


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    # the machine's own cache, where there is one, spares fetching the kernel
    common = Path("/var/lib/aloft/cache")
    return testimage.build(
        common if (common / "testimage/checksums.json").exists() else tmp_path_factory.mktemp("cache")
    )


class Guest:
    """A virtual machine with an emulated processor and a network of its own, and what it printed so far."""

    def __init__(self, image, folder):
        metadata = folder / "metadata"
        metadata.write_text(METADATA)
        self.monitor = folder / "monitor"
        network = f"user,id=n,net=169.254.169.0/24,host=169.254.169.2,guestfwd=tcp:169.254.169.254:80-cmd:sh {metadata}"
        self.process = subprocess.Popen(
            [
                "qemu-system-x86_64", "-machine", "pc,accel=tcg", "-m", "128", "-display", "none", "-serial", "stdio",
                "-monitor", f"unix:{self.monitor},server,nowait", "-kernel", image.kernel, "-initrd", image.ramdisk,
                "-append", image.properties["os_command_line"],
                "-drive", f"file={image.disk},if=virtio,format=raw,readonly=on",
                "-netdev", network, "-device", "virtio-net-pci,netdev=n", "-device", "virtio-rng-pci",
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, errors="replace",
        )  # fmt: skip
        self.text = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.text += line

    def press_power(self):
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(self.monitor))
            monitor.recv(1000)
            monitor.sendall(b"system_powerdown\n")
            self.process.wait(timeout=60)

    def close(self):
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture(scope="module")
def guest(image, tmp_path_factory):
    made = Guest(image, tmp_path_factory.mktemp("guest"))
    yield made
    made.close()


def test_the_image_is_cached(image):
    assert testimage.build(image.kernel.parent.parent) == image


def test_it_says_hello_with_its_name_and_address(guest):
    wait_for(lambda: "hello from hello.lab 169.254.169." in guest.text, timeout=120)
    assert "Segmentation fault" not in guest.text


def test_it_minds_the_power_button(guest):
    guest.press_power()
    assert guest.process.returncode == 0
