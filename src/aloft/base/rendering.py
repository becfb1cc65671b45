"""Filling in templates that lie beside a room's code.

Templates are strict: a name that is not given is an error, never an empty string.
"""

from functools import cache
from typing import Any

import jinja2


@cache
def _environment(package: str) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader(package, "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - configuration files, not pages
    )


def render(package: str, template: str, **values: Any) -> str:
    """Fill in ``templates/<template>`` of a package.

    Args:
        package: dotted name of the package that has the ``templates`` folder.
        template: file name in it.
        values: what the template names.
    """
    return _environment(package).get_template(template).render(**values)
