"""Config files of oslo.config: sections and options as plain mappings, rendered in a stable order."""

from collections.abc import Mapping

Value = str | int | float | bool | None
Sections = Mapping[str, Mapping[str, Value]]


def render(sections: Sections) -> str:
    """Render sections to INI text; ``None`` leaves an option out, booleans are lower case.

    Raises:
        ValueError: an option's value has a line break, which would start another option.
    """
    lines: list[str] = []
    for section, options in sections.items():
        given = {key: value for key, value in options.items() if value is not None}
        if not given:
            continue
        lines.append(f"[{section}]")
        for key, value in given.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            if "\n" in text or "\r" in text:
                raise ValueError(f"The value of [{section}] {key} has a line break.")
            lines.append(f"{key} = {text}")
        lines.append("")
    return "\n".join(lines)
