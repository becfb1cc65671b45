"""What ``up``, ``down``, ``destroy``, ``doctor`` and ``test`` do to a machine: preflight, packages, environments, demo.

``bootstrap``, ``invoke`` and ``packages`` run before anything is installed, so they use the standard library only.
"""
