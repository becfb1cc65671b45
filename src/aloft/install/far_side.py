"""What stands for a machine far away in the tests of backups: an SSH server, and rclone behind it."""

import sys

from aloft.install import packages

PACKAGES = ("openssh-client", "openssh-server", "rclone")

if __name__ == "__main__":
    sys.exit(packages.command("far side", PACKAGES))
