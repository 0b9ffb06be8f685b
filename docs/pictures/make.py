"""Make the pictures of the docs: commands at a real terminal, and what a person reads there, as SVG.

    python docs/pictures/make.py [FOLDER]

Each scene copies an example to an empty folder, executes its commands in a pseudo-terminal of 100 columns, and writes
what then stands on the screen, beside this file or into FOLDER. Needs rich, and `woflo` beside the Python that
executes it.
"""

from __future__ import annotations

import io
import os
import re
import select
import shlex
import shutil
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from rich.console import CONSOLE_SVG_FORMAT, Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parents[1] / "examples"
COLUMNS, LINES = 100, 24
PATIENCE = 60.0
"""Seconds that a command may take."""
SHOWN_FOLDER = "/home/ada/invoices"
"""What is shown in place of the folder that a scene happened in."""
PROMPT = "\x1b[1;32m$\x1b[0m "
GREY, RED, GREEN, YELLOW = (60, 66, 78), (240, 113, 120), (126, 199, 120), (229, 192, 123)
BLUE, MAGENTA, CYAN, WHITE = (97, 175, 239), (198, 140, 230), (86, 196, 210), (214, 218, 226)
THEME = TerminalTheme((30, 34, 42), WHITE, [GREY, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, WHITE])
NO_FONTS = re.sub(r"@font-face \{\{.*?\n    \}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
"""Without the fonts that rich would load from elsewhere: whoever reads the docs talks to nobody."""


# ---- the terminal ----------------------------------------------------------------------------------------


class Screen:
    """What stands on a terminal after all that was written to it, with its colours.

    It knows what woflo writes: colours, carriage return, cursor up and erase below; another escape is an error.
    """

    TOKENS = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])|[\x00-\x1f]|[^\x00-\x1f]+")

    def __init__(self) -> None:
        self.cells: list[list[tuple[str, str]]] = [[]]
        """Letters with the codes of their colours, a list for each line."""
        self.row = self.column = 0
        self._colour = ""

    def feed(self, text: str) -> Screen:
        """Take what was written."""
        for token in self.TOKENS.finditer(text):
            if token[2]:
                self._control(token[1], token[2])
            elif token[0] == "\r":
                self.column = 0
            elif token[0] == "\n":
                self._down()
            elif token[0] < " ":
                raise ValueError(f"{token[0]!r} was written to the terminal")
            else:
                self._put(token[0])
        return self

    def _control(self, arguments: str, letter: str) -> None:
        if letter == "m":
            self._colour = "" if arguments in ("", "0") else self._colour + f"\x1b[{arguments}m"
        elif letter == "A":
            self.row = max(0, self.row - int(arguments or 1))
        elif letter == "J":
            del self.cells[self.row][self.column :]
            del self.cells[self.row + 1 :]
        else:
            raise ValueError(f"ESC [ {arguments} {letter} was written to the terminal")

    def _put(self, text: str) -> None:
        for letter in text:
            if self.column == COLUMNS:
                self._down()
                self.column = 0
            line = self.cells[self.row]
            line += [(" ", "")] * (self.column + 1 - len(line))
            line[self.column] = (letter, self._colour)
            self.column += 1

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.cells):
            self.cells.append([])

    @property
    def text(self) -> str:
        """The lines without colours."""
        return "\n".join("".join(letter for letter, _ in line) for line in self.cells)

    @property
    def coloured(self) -> str:
        """The lines with the codes of their colours, without empty ones at the end."""
        runs = (
            (colour, "".join(one[0] for one in letters)) for colour, letters in groupby(self._letters(), _colour_of)
        )
        return "".join(f"{colour}{text}\x1b[0m" if colour else text for colour, text in runs).rstrip()

    def _letters(self) -> Iterator[tuple[str, str]]:
        for line in self.cells:
            yield from line
            yield "\n", ""


def _colour_of(cell: tuple[str, str]) -> str:
    return cell[1]


def at_terminal(command: str, folder: Path, until: str | None = None) -> str:
    """Execute a command, and return all that it wrote; with `until`, end it as soon as this is found on the screen."""
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (LINES, COLUMNS))
    program = subprocess.Popen(
        [_found(word) if not at else word for at, word in enumerate(shlex.split(command))],
        cwd=folder, env=_environment(), stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        return _read(ours, until)
    finally:
        if until:
            program.terminate()
        program.wait(PATIENCE)
        os.close(ours)


def _found(name: str) -> str:
    return sys.executable if name == "python" else str(Path(sys.executable).parent / name)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR", "WOFLO_STORE")}
    return {**kept, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}


def _read(terminal: int, until: str | None) -> str:
    data, end = b"", time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 1)[0]:
            continue
        try:
            new = os.read(terminal, 1 << 16)
        except OSError:  # nobody has it open any more
            return data.decode()
        data += new
        if until and new and re.search(until, Screen().feed(data.decode(errors="ignore")).text, re.MULTILINE):
            return data.decode(errors="ignore")
    raise TimeoutError(f"nothing came of it within {PATIENCE:g} s: {data.decode(errors='replace')}")


# ---- the scenes ------------------------------------------------------------------------------------------


@dataclass
class Stage:
    """A folder in which commands are executed, and what was seen there."""

    folder: Path
    seen: str = ""

    def show(self, command: str, *, until: str | None = None) -> str:
        """Execute a command as a person would see it."""
        text = at_terminal(command, self.folder, until)
        screen = Screen().feed(text)
        self.seen += f"{PROMPT}{command}\n{screen.coloured}\n"
        return screen.text

    def hide(self, command: str) -> str:
        """Execute a command that is not in the picture."""
        return Screen().feed(at_terminal(command, self.folder)).text


def progress(stage: Stage) -> None:
    """Bars, while tasks run."""
    (stage.folder / "pages.py").write_text(PAGES)
    stage.show("python pages.py", until=r"(?s)(?=.* 9/20 )(?=.* 14/30 )(?=.* 3/12 ).*^all .*running")


def failing(stage: Stage) -> None:
    """A job that fails, and goes on."""
    stage.show("python main.py")
    add_price(stage)
    stage.seen += f"{PROMPT}echo lamp,40 >> prices.csv\n"
    stage.show("python main.py -r")


def wrong(stage: Stage) -> None:
    """A job file with errors."""
    file = stage.folder / "job.yaml"
    for right, mistake in MISTAKES.items():
        file.write_text(file.read_text().replace(right, mistake, 1))
    stage.show("python main.py")


def listing(stage: Stage) -> None:
    """`woflo list` after a failure and what went on after it."""
    _fail_and_go_on(stage)
    stage.show("woflo list")


def showing(stage: Stage) -> None:
    """`woflo show` of the run that went on."""
    _fail_and_go_on(stage)
    latest, *_ = re.findall(r"^(\w+)  invoices", stage.hide("woflo list"), re.MULTILINE)
    stage.show(f"woflo show {latest}")


def _fail_and_go_on(stage: Stage) -> None:
    stage.hide("python main.py")
    add_price(stage)
    stage.hide("python main.py -r")


def add_price(stage: Stage) -> None:
    """What `echo lamp,40 >> prices.csv` does."""
    with (stage.folder / "prices.csv").open("a") as file:
        file.write("lamp,40\n")


MISTAKES = {"file: orders.csv": "fil: orders.csv", "task: Total": "task: Totl", "{totals: ": "{total: "}

PAGES = """
import time
from woflo import subscribe, task, track, wait
from woflo.runners import ThreadTaskRun

@task(runner=ThreadTaskRun.configured(capture_output=True, max_concurrency=3))
def fetch(book, pages, slow_from):
    print("reading", book)
    for page in track(range(pages), message=book):
        time.sleep(60 if page == slow_from else 0.05)

subscribe("progress")
wait([fetch("atlas", 20, 9), fetch("novel", 30, 14), fetch("letters", 12, 3), fetch("maps", 9, 0)])
"""
"""Ended by whoever took its picture."""

SCENES: dict[str, tuple[Callable[[Stage], None], str | None]] = {
    "progress": (progress, None),
    "job": (failing, "job"),
    "job-errors": (wrong, "job"),
    "list": (listing, "job"),
    "show": (showing, "job"),
}
"""What happens in each picture, and in a copy of which example."""


def play(name: str) -> str:
    """What was seen in a scene, with the codes of its colours."""
    scene, example = SCENES[name]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "invoices"
        if example is None:
            folder.mkdir()
        else:
            shutil.copytree(EXAMPLES / example, folder, ignore=shutil.ignore_patterns(".woflo", "__pycache__"))
        stage = Stage(folder)
        scene(stage)
        return stage.seen.replace(str(folder), SHOWN_FOLDER)


def picture(name: str, seen: str) -> str:
    """An SVG of what was seen."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, legacy_windows=False)
    console.print(Text.from_ansi(seen + "\n"), highlight=False, soft_wrap=True)
    svg = console.export_svg(title="", theme=THEME, code_format=NO_FONTS, unique_id=f"woflo-{name}")
    return "\n".join(line.strip() for line in svg.splitlines() if line.strip()) + "\n"


def main(folder: Path) -> Iterator[Path]:
    """Make all pictures in a folder."""
    for name in SCENES:
        path = folder / f"{name}.svg"
        path.write_text(picture(name, play(name)), "utf-8")
        yield path


if __name__ == "__main__":
    for made in main(Path(sys.argv[1]) if sys.argv[1:] else HERE):
        print(f"{made.stat().st_size:7,}  {made}")
