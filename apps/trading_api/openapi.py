"""The committed OpenAPI document: `python -m trading_api.openapi` writes it, a test compares it."""

from __future__ import annotations

from trading_api.main import create_routes
from trading_api.openapi_document import DOCUMENT, build_document, document_bytes


def main() -> None:
    """Write the document beside this module."""
    DOCUMENT.write_bytes(document_bytes(build_document(create_routes())))


if __name__ == "__main__":
    main()
