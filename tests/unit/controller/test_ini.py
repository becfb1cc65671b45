import configparser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aloft.controller.ini import render

names = st.from_regex(r"[a-z][a-z_]{0,10}", fullmatch=True)
values = st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1, max_size=20)


@given(st.dictionaries(names, st.dictionaries(names, values, min_size=1), min_size=1))
def test_what_is_rendered_can_be_read_back(sections):
    parser = configparser.RawConfigParser(delimiters=("=",), comment_prefixes=(), strict=True, default_section="-")
    parser.optionxform = str
    parser.read_string(render(sections))
    assert {name: dict(parser[name]) for name in parser.sections()} == sections


def test_options_without_a_value_are_left_out_and_booleans_are_lower_case():
    assert render({"a": {"x": None, "y": True}, "b": {"z": None}}) == "[a]\ny = true\n"


@pytest.mark.parametrize("value", ["one\ntwo", "one\r[DEFAULT]"])
def test_a_line_break_cannot_smuggle_in_another_option(value):
    with pytest.raises(ValueError, match="line break"):
        render({"a": {"x": value}})
