"""The built files of the page: named by their content, kept by browsers for good, sent compressed."""

from __future__ import annotations

import json
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

from headwater.errors import WorkspaceError

BUILT = Path(__file__).parent / "static"
MANIFEST = "manifest.json"

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
ENCODINGS = (("br", ".br"), ("gzip", ".gz"))
"""Ways to compress, the best first, and what a file's name ends in."""

FOREVER = "public, max-age=31536000, immutable"


class Assets:
    """The files that `build_assets.py` made, by their plain name (`app.css`). WorkspaceError where it did not run."""

    def __init__(self, folder: Path = BUILT) -> None:
        self.folder = folder
        try:
            manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError as e:
            raise WorkspaceError(
                "the page's styles and scripts are not built",
                where=str(folder),
                do="In a checkout, run `make assets`; a released wheel carries them: install it anew.",
            ) from e
        self._names: dict[str, str] = manifest["files"]
        self._files = frozenset(self._names.values())

    def address(self, name: str) -> str:
        """Where a file is served."""
        return f"/static/{self._names[name]}"

    def routes(self) -> APIRouter:
        """`/static/{file}`: exactly the files of the manifest, whatever a path looks like."""
        router = APIRouter()

        @router.api_route("/static/{name}", methods=["GET", "HEAD"], include_in_schema=False)
        def built(name: str, request: Request) -> Response:
            if name not in self._files:
                raise HTTPException(404)
            path = self.folder / name
            headers = {"Cache-Control": FOREVER, "Vary": "Accept-Encoding", "X-Content-Type-Options": "nosniff"}
            wanted = accepted(request.headers.get("accept-encoding", ""))
            for encoding, ending in ENCODINGS:
                packed = path.with_name(name + ending)
                if encoding in wanted and packed.is_file():
                    path, headers["Content-Encoding"] = packed, encoding
                    break
            return Response(path.read_bytes(), media_type=TYPES[Path(name).suffix], headers=headers)

        return router


def accepted(header: str) -> set[str]:
    """The encodings that an Accept-Encoding header allows.

    >>> sorted(accepted("gzip, br;q=0.8, zstd;q=0"))
    ['br', 'gzip']
    """
    found = set()
    for part in header.split(","):
        name, _, rest = part.strip().partition(";")
        weight = rest.replace(" ", "").removeprefix("q=") if rest else "1"
        if name and weight.strip("0.") != "":
            found.add(name.strip().lower())
    return found
