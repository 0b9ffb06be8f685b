"""The one digest: of arguments, of code, of contents."""

from __future__ import annotations

from hashlib import blake2b

__all__ = ["digest"]


def digest(text: str | bytes) -> str:
    """128 bits of BLAKE2b (RFC 7693), as 32 hexadecimal digits."""
    return blake2b(text.encode() if isinstance(text, str) else text, digest_size=16).hexdigest()
