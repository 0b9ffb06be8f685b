"""The pictures of the terminal can be made again, and show what a person reads today."""

import importlib.util
import re
import sys
from xml.etree import ElementTree

import pytest
from docs_helpers import ROOT, environment
from systems import needs_fork

PICTURES = ROOT / "docs" / "pictures"
NAMES = ("job", "job-errors", "list", "progress", "show")
LARGEST = 30_000
"""Bytes of a picture."""
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def make():
    """The program that makes them, as a module."""
    spec = importlib.util.spec_from_file_location("docs_pictures", PICTURES / "make.py")
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def words_of(svg):
    """The lines of a picture, with times, ids and other numbers and the lengths of bars left out."""
    rows = {}
    for text in ElementTree.fromstring(svg).iter(f"{SVG}text"):
        rows.setdefault(float(text.get("y")), []).append(text.text.strip("\n"))
    lines = ["".join(parts).replace("\xa0", " ") for _, parts in sorted(rows.items())]
    whole = re.sub(r"\b(?:[0-9a-f]\n?){20,}\b", "ID", "\n".join(lines))  # an id may go on on the next line
    masked = re.sub(r"[\d.]+\sm?s\b", "TIME", whole)
    # How much is cut, and on which line the rest stands, depends on the time.
    cut = re.compile(r"(TIME +\S+)[^\n]*(?:\n.{0,5})?…$", re.MULTILINE)
    masked = cut.sub(r"\1 …", masked).split("\n")
    return [re.sub(r"[━╸╺ ]+", " ", re.sub(r"\d+", "N", line)).strip() for line in masked]


def folded(lines):
    """What they say, whatever the line on which it stands: how much fits on one depends on the time."""
    return re.findall("[^:,]+", "".join("".join(lines).split()))


def test_every_picture_is_small_and_shown():
    """Each stands in a page, is small, and loads nothing from elsewhere."""
    pages = "".join(page.read_text("utf-8") for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    assert {path.stem for path in PICTURES.glob("*.svg")} == set(NAMES)
    for name in NAMES:
        svg = (PICTURES / f"{name}.svg").read_text("utf-8")
        assert f"pictures/{name}.svg)" in pages
        assert len(svg) < LARGEST
        assert "url(http" not in svg


@needs_fork
@pytest.mark.parametrize("name", NAMES)
def test_picture_is_as_it_would_be_made(name, make, monkeypatch):
    """The same commands show the same lines today; else `python docs/pictures/make.py` makes the pictures again."""
    for variable, value in environment().items():
        monkeypatch.setenv(variable, value)
    assert set(make.SCENES) == set(NAMES)
    arranged = sorted if name == "progress" else folded  # what begins at the same time has no order
    made = make.picture(name, make.play(name))
    assert arranged(words_of(made)) == arranged(words_of((PICTURES / f"{name}.svg").read_text("utf-8"))), make.__file__


def test_a_screen_shows_what_is_left(make):
    """Lines that were drawn over and erased are gone; colours are kept; an unknown escape is no picture."""
    screen = make.Screen().feed("one\ntwo\x1b[1A\r\x1b[J\x1b[31mthree\x1b[0m\n")
    assert screen.text.rstrip() == "three"
    assert screen.coloured == "\x1b[31mthree\x1b[0m"
    with pytest.raises(ValueError, match="written to the terminal"):
        screen.feed("\x1b[2K")
