"""``python -m aloft.node run``: run the node in the foreground."""

import argparse
import asyncio
import logging
import sys

from aloft.base.errors import AloftError
from aloft.base.paths import Paths
from aloft.node import main as node
from aloft.node.settings import load


def main() -> int:
    """Run the node; returns the exit code."""
    parser = argparse.ArgumentParser(prog="aloft-node", description=__doc__)
    parser.add_argument("command", choices=["run"])
    parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    paths = Paths.from_environment()
    try:
        node.check_root()
        asyncio.run(node.run(paths, load(paths.etc / "node.toml")))
    except AloftError as error:
        print(error, file=sys.stderr)  # the log is where the supervisor of this process looks
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
