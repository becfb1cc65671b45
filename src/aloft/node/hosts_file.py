"""Aloft's own part of ``/etc/hosts``: a marked block that is replaced as a whole and leaves the rest alone."""

from collections.abc import Sequence

BEGIN = "# begin aloft (kept by the node)"
END = "# end aloft"


def with_block(text: str, lines: Sequence[str]) -> str:
    """The text with Aloft's block made of ``lines``; no lines, no block."""
    kept: list[str] = []
    inside = False
    for line in text.splitlines():
        if line == BEGIN:
            inside = True
        elif inside and line == END:
            inside = False
        elif not inside:
            kept.append(line)
    while kept and not kept[-1].strip():
        kept.pop()
    block = [BEGIN, *lines, END] if lines else []
    return "\n".join([*kept, *block]) + "\n"
