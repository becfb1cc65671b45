"""The built pages: files that are named by their content and kept by browsers, and one page for every other path."""

import mimetypes
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from aloft.base.errors import NotFound
from aloft.portal.answers import PAGE_POLICY

FOR_EVER = "public, max-age=31536000, immutable"
ASK_EACH_TIME = "no-cache"

MISSING = "<!doctype html><title>Aloft</title><p>The portal's pages are not installed. Run <code>./aloft up</code>.</p>"


class Pages:
    """Serves what the install step laid out.

    Args:
        current: link to the folder of the build that is shown; other builds beside it still serve those who have an
            older page open.
    """

    def __init__(self, current: Path) -> None:
        self._current = current

    def asset(self, request: Request, name: str) -> Response:
        """A file below ``assets``, compressed where the browser takes that.

        Raises:
            NotFound: no build has it.
        """
        found = next((path for path in self._candidates(name)), None)
        if found is None:
            raise NotFound(f"There is no file assets/{name[:100]}.", "Load the page anew.")
        return _file(request, found, FOR_EVER)

    def page(self, request: Request, path: str) -> Response:
        """A file at the top of the build, or the page itself."""
        folder = self._current.resolve()
        named = folder / path
        if path and "/" not in path and named.is_file() and not path.endswith((".gz", ".html")):
            return _file(request, named, ASK_EACH_TIME)
        page = folder / "index.html"
        headers = {"content-security-policy": PAGE_POLICY, "cache-control": ASK_EACH_TIME}
        if not page.is_file():
            return HTMLResponse(MISSING, 503, headers)
        return FileResponse(page, headers=headers)

    def _candidates(self, name: str) -> list[Path]:
        builds = [self._current.resolve(), *sorted(self._current.parent.glob("*/"))]
        roots = [build / "assets" for build in builds if build.name != self._current.name]
        wanted = [(root, (root / name).resolve()) for root in roots]
        return [path for root, path in wanted if path.is_relative_to(root) and path.is_file()]


def _file(request: Request, path: Path, caching: str) -> Response:
    headers = {"cache-control": caching, "vary": "accept-encoding"}
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    packed = path.with_name(f"{path.name}.gz")
    if "gzip" in request.headers.get("accept-encoding", "") and packed.is_file():
        return FileResponse(packed, headers={**headers, "content-encoding": "gzip"}, media_type=kind)
    return FileResponse(path, headers=headers, media_type=kind)
