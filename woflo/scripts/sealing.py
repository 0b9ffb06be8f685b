"""What stands in records for a secret: whether it is another one than before, and nothing that could be guessed from.

A digest alone could be compared with those of all words of a dictionary. So it is made with a key that the project has
in a file of its own, which only its owner may read.
"""

from __future__ import annotations

import os
from hashlib import blake2b

from woflo.kernel.hiding import MASK
from woflo.scripts.places import folder

__all__ = ["sealed", "sealed_digest"]

NAME = "key"
_SIZE = 32
_keys: dict[str, bytes] = {}
"""By the folder of a project."""


def sealed(text: str) -> str:
    """`***` and eight hexadecimal digits."""
    return f"{MASK}{sealed_digest(text)[:8]}"


def sealed_digest(text: str | bytes) -> str:
    """128 bits of BLAKE2b (RFC 7693) with the key of the project, as 32 hexadecimal digits."""
    given = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return blake2b(given, key=_key(), digest_size=16).hexdigest()


def _key() -> bytes:
    top = folder()
    key = _keys.get(top)
    if key is None:
        key = _keys[top] = _read_or_made(os.path.join(top, NAME))
    return key


def _read_or_made(path: str) -> bytes:
    """The key of the file; of several processes that make one at a time, the first decides."""
    while len(key := _read(path)) < _SIZE:
        new = f"{path}.{os.urandom(8).hex()}"
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(os.urandom(_SIZE))
        try:
            os.link(new, path)
        except FileExistsError:
            if len(_read(path)) < _SIZE:  # somebody has written over it
                os.replace(new, path)
                continue
        os.unlink(new)
    return key


def _read(path: str) -> bytes:
    """Nothing where it is not there."""
    try:
        with open(path, "rb") as file:
            return file.read(_SIZE)
    except FileNotFoundError:
        return b""
