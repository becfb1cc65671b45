"""The provider's management plane: records, REST API, operations, reconciler.

A request becomes a record that says what is wanted, and an operation that shows how it comes about; the reconciler asks
the node for it, looks again and again, and writes down what it sees. ``python -m aloft.plane`` runs it.
"""

import sys

# httpx's own command line takes longer to load than the rest of it, and the plane has to be back soon after a crash.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None means: not to be had
