"""nova-compute on a host: upstream's own program, which says when it has started.

Run as ``python -m aloft.inside.compute CONFIG READY``.
"""

import sys

from aloft.inside.announce import when_started


def main(config: str, ready: str) -> None:
    """Run nova-compute with the file ``config``; make the file ``ready`` once it is registered and takes work.

    Nothing of nova may be imported before ``nova.cmd.compute``, which decides between threads and eventlet.
    """
    sys.argv = ["nova-compute", "--config-file", config]
    from nova.cmd import compute

    serve = compute.service.serve
    compute.service.serve = lambda server, **options: serve(when_started(server, ready), **options)
    compute.main()


if __name__ == "__main__":
    main(*sys.argv[1:])
