"""The lines of a file that grows while it is read, whatever its bytes are, in memory that does not grow with them."""

from __future__ import annotations

import os
from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import BinaryIO

__all__ = ["PIECE", "Growing"]

PIECE = 1 << 16
"""Bytes of a line that are shown as one: what never ends a line takes no memory."""
_Decoder = getincrementaldecoder("utf-8")


class Growing:
    """How far a file has been read."""

    def __init__(self) -> None:
        self.position: int = 0
        """Bytes that were given out."""
        self._held = 0
        """Where a line ended that is not whole yet, when it was looked at last."""

    def lines(self, file: BinaryIO, *, hold: bool = False) -> Iterator[str]:
        """Those that have come since, up to where the file ends now, without their ends.

        What is no UTF-8 is replaced. With `hold` a last line without its end is left for the next time, and given out
        then if it is still the same: whoever writes it may be in the midst of it.
        """
        end = os.fstat(file.fileno()).st_size
        if end < self.position:
            self.position = 0  # it was begun anew
        file.seek(self.position)
        while self.position < end:
            piece = file.readline(min(PIECE, end - self.position))
            if not piece:
                return
            if not piece.endswith(b"\n"):
                is_long = len(piece) == PIECE
                if hold and not is_long and self._held != end:
                    self._held = end
                    return
                if hold or is_long:
                    piece = _whole_letters(piece)
                    file.seek(self.position + len(piece))
                    if not piece:
                        return
            self.position += len(piece)
            yield piece.decode(errors="replace").removesuffix("\n")


def _whole_letters(piece: bytes) -> bytes:
    """Without the bytes of a letter whose rest stands in the next piece."""
    decoder = _Decoder("replace")
    decoder.decode(piece)
    begun = len(decoder.getstate()[0])
    return piece[:-begun] if begun else piece
