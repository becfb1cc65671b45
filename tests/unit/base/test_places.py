"""Places as people write them."""

import pytest

from aloft.base.errors import InvalidInput
from aloft.base.places import place


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("192.0.2.1", ("192.0.2.1", 443)),
        ("192.0.2.1:8443", ("192.0.2.1", 8443)),
        ("[2001:db8::1]:8443", ("2001:db8::1", 8443)),
        ("[2001:db8::1]", ("2001:db8::1", 443)),
        ("Edge.Example.org", ("edge.example.org", 443)),
    ],
)
def test_a_place_is_read(text: str, found: tuple[str, int]) -> None:
    assert place(text, 443) == found


@pytest.mark.parametrize(
    "text", ["", "a b", "host:port", "host:70000", "2001:db8::1", "u@host", "host/path", "-a", ":443"]
)
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="no place"):
        place(text, 443)
