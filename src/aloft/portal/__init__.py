"""The portal's back end: session, login, event stream, and a pass-through to the APIs for the pages of the portal.

It holds no state that OpenStack or the plane do not have, except for sessions. ``python -m aloft.portal`` runs it.
"""

import sys

# httpx's own command line takes longer to load than the rest of it, and the portal has to be back soon after a crash.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None means: not to be had
