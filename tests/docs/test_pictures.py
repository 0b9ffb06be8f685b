"""The pictures of the docs show what is shown."""

import html
import re

import pytest

pytest.importorskip("rich")
from pictures import PICTURES, progress


def words(svg):
    """What a person reads in it; how it is drawn is another version of rich's to change."""
    return re.sub(r"\s+", " ", html.unescape(" ".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg)))).strip()


def test_progress():
    """`python tests/docs/pictures.py` makes it anew."""
    kept = (PICTURES / "progress.svg").read_text(encoding="utf-8")
    assert words(kept) == words(progress())
    assert "25/40" in words(kept)
    assert "http" not in kept.replace("http://www.w3.org/", "").replace("https://example.org", "").replace(
        "https://www.textualize.io", ""
    )
