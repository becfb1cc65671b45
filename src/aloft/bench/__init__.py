"""Benchmarks: each measures one thing that Aloft promises against a baseline in the same run (``bench/README.md``).

Adding one is adding a module with ``RUNS`` and ``run`` (see :mod:`aloft.bench.create`), and its line here.
"""

BENCHES = {
    "create": "from the command to an OpenStack that answers",
    "memory": "memory of one customer's processes after 200 API calls",
    "density": "20 customers live at once: latency and idle processor time",
    "heal": "kill -9 of each kind of process: until it answers again, and whether anything was lost",
    "host": "enrolment, the agent's own cost, the way back after a cut, 300 agents on one plane",
    "portal": "the portal in a browser: what it loads, how soon it can be used, lists, live changes",
    "api": "latency of API calls against the same application under uWSGI",
    "backup": "what a backup takes, what the APIs notice of it, and what is at risk at any moment",
    "restore": "from the command to serving again, for one customer and for ten at once",
    "upgrade": "to a newer release and back: reads refused and writes held meanwhile",
    "sync": "how soon what is done on hosts shows in OpenStack, many at once, and whether both sides stay equal",
}
"""The benchmarks there are, and what each is about."""
