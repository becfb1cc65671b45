from hypothesis import given
from hypothesis import strategies as st

from aloft.node.hosts_file import with_block

line = st.from_regex(r"127\.0\.0\.[0-9]{1,3} [a-z.]{1,20}", fullmatch=True)


def test_the_block_is_replaced_and_the_rest_is_left_alone():
    before = "127.0.0.1 localhost\n\n# by hand\n10.0.0.1 printer\n"
    once = with_block(before, ["127.0.0.1 a.aloft.internal"])
    assert once.startswith(before.rstrip("\n"))
    twice = with_block(once, ["127.0.0.1 b.aloft.internal"])
    assert "a.aloft.internal" not in twice
    assert "b.aloft.internal" in twice
    assert with_block(twice, []) == before


@given(st.lists(line, max_size=5), st.lists(line, max_size=5), st.lists(line, max_size=5))
def test_only_the_last_block_counts(own, first, second):
    text = "\n".join(own) + "\n" if own else ""
    assert with_block(with_block(text, first), second) == with_block(text, second)
