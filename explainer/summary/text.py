"""Text fields of a message, whichever protobuf read them."""

from __future__ import annotations


def plain_text(value: str | bytes) -> str:
    """The text; where it is not UTF-8, protobuf in C gives bytes and protobuf in Python raises: here both raise."""
    return value if isinstance(value, str) else value.decode()
