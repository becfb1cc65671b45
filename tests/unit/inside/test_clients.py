"""What a service's answer means for who asked."""

import pytest

from aloft.base.errors import Conflict, Forbidden, InvalidInput, NotFound, TemporaryError
from aloft.inside.sync.clients import Broken, _kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidInput), (403, Forbidden), (404, NotFound), (409, Conflict), (413, InvalidInput), (500, Broken),
        (401, TemporaryError), (429, TemporaryError), (502, TemporaryError), (503, TemporaryError),
    ],
)  # fmt: skip
def test_only_a_service_that_is_not_there_holds_up_everything(status: int, kind: type[Exception]) -> None:
    assert _kind(status) is kind
    assert issubclass(kind, TemporaryError) == (status in (401, 429, 502, 503))
