"""What stands for machines far away in tests: an SSH server with rclone behind it, and the firewalls around hosts."""

import sys

from aloft.install import packages

PACKAGES = ("openssh-client", "openssh-server", "rclone", "nftables")

if __name__ == "__main__":
    sys.exit(packages.command("far side", PACKAGES))
