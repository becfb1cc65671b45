"""Config files of oslo.config: sections and options in a stable order."""

from collections.abc import Mapping

Value = str | int | float | bool | None
Options = Mapping[str, Value]


def render(sections: Mapping[str, Options]) -> str:
    """Render sections; ``None`` leaves an option out, ``$`` is escaped so that it is never a reference.

    Raises:
        ValueError: a value has a line break, which would start another option.
    """
    lines: list[str] = []
    for section, options in sections.items():
        lines.append(f"[{section}]")
        for key, value in options.items():
            if value is None:
                continue
            text = (str(value).lower() if isinstance(value, bool) else str(value)).replace("$", "$$")
            if "\n" in text or "\r" in text:
                raise ValueError(f"The value of [{section}] {key} has a line break.")
            lines.append(f"{key} = {text}")
        lines.append("")
    return "\n".join(lines)
