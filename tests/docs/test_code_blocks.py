"""Every Python block of the README and of the docs runs, and does what the comments beside it say."""

from pathlib import Path

import pytest
from docs_helpers import ROOT, run_program
from run_page import blocks_of, python_blocks
from systems import needs_postgres

DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
NEED_NO_BLOCK = (DOCS / "reference", DOCS / "explanation")
ON_POSTGRES = DOCS / "how-to" / "postgresql.md"
"""Its blocks are about whatever WOFLO_STORE names."""
SECONDS = 60


def name_of(page):
    return page.relative_to(ROOT).as_posix()


def needs_block(page):
    return not any(page.is_relative_to(folder) for folder in NEED_NO_BLOCK)


def run_page(page, folder):
    """Execute a page in a Python of its own, in an empty folder."""
    return run_program(Path(__file__).with_name("run_page.py"), page, folder=folder, timeout=SECONDS)


def test_there_are_pages():
    """The README, the front page, the tutorial and the how-tos are among the pages that are executed."""
    names = {name_of(page) for page in PAGES if needs_block(page)}
    assert {"README.md", "docs/index.md", "docs/tutorial.md"} <= names
    assert sum(name.startswith("docs/how-to/") for name in names) >= 6


@pytest.mark.parametrize("page", [page for page in PAGES if needs_block(page)], ids=name_of)
def test_page_has_blocks(page):
    """A page that should show code shows some."""
    assert python_blocks(page.read_text(encoding="utf-8")), f"{name_of(page)} has no block marked `python`"


@pytest.mark.timeout(SECONDS + 30)
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page != ON_POSTGRES and python_blocks(page.read_text(encoding="utf-8"))],
    ids=name_of,
)
def test_blocks_run(page, tmp_path):
    """All blocks of a page run one after another in one module; comments tell values, prints and errors."""
    check_page(page, tmp_path)


@needs_postgres
@pytest.mark.timeout(SECONDS + 30)
def test_blocks_run_on_postgres(postgres, monkeypatch, tmp_path):
    """Those of the page about it, too; and the rows are there."""
    monkeypatch.setenv("WOFLO_STORE", postgres.url)
    check_page(ON_POSTGRES, tmp_path)
    assert postgres.execute("SELECT * FROM payments") == [("order-18", 250)]
    assert postgres.execute("SELECT DISTINCT state FROM woflo.runs") == [("SUCCEEDED",)]


def check_page(page, tmp_path):
    """It runs, and says nothing of its own."""
    ended = run_page(page, tmp_path)
    assert ended.returncode == 0, f"{name_of(page)}:\n{ended.stdout}\n{ended.stderr}"
    assert not ended.stderr, f"{name_of(page)} runs, and says:\n{ended.stderr}"


TITLED = [
    pytest.param(block, id=f"{name_of(page)}:{block.line}")
    for page in PAGES
    for block in blocks_of(page.read_text(encoding="utf-8"))
    if " title=" in block.info
]


@pytest.mark.parametrize("block", TITLED)
def test_copied_file_is_up_to_date(block):
    """A block whose title is a file of the repository shows this file as it is; the file runs in its own test."""
    title = block.info.partition(" title=")[2].strip('"')
    assert block.text == (ROOT / title).read_text(encoding="utf-8"), f"copy {title} to the page again"


def test_a_file_is_shown():
    """The page about runners shows the example, and the README the job."""
    shown = [one.values[0].info.partition(" title=")[2] for one in TITLED]
    assert {'"examples/own_runner.py"', '"examples/job/job.yaml"'} <= set(shown)


# ---- the check itself can fail ------------------------------------------------------------------------

GOOD = """
# A page

```python
from woflo import task
x = 2
double = task(lambda n: n * x)
```

Some text.

```python
double(3).get_result()  # 6
print("one", "two")  # one two
double()  # raises: ArgumentError
y = 1  # of no importance
await double(4)  # 8
```

```text
this is not Python
```

```python title="shown.py"
neither is this executed
```
"""


def run_text(text, folder):
    page = folder / "page.md"
    page.write_text(text, encoding="utf-8")
    return run_page(page, folder)


def test_a_good_page_passes(tmp_path):
    """Blocks share a module; values, prints and errors are as the comments say; other blocks are left alone."""
    ended = run_text(GOOD, tmp_path)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# 6", "# 7", "page.md:13: the page says '7', and it is '6'"),
        ("# one two", "# two", "page.md:14: the page says 'two', and it is 'one two'"),
        ("double()  # raises: ArgumentError", "double(1)  # raises: ArgumentError", "page.md:15: the page says"),
        ("raises: ArgumentError", "raises: ValueError", "ArgumentError"),
        ("y = 1", "y = z", "NameError"),
        ("# 8", "# 9", "page.md:17: the page says '9', and it is '8'"),
    ],
)
def test_a_wrong_page_fails(old, new, message, tmp_path):
    """A wrong value, a wrong print, an error that does not come, another one, and one that nobody spoke of."""
    assert old in GOOD
    ended = run_text(GOOD.replace(old, new), tmp_path)
    assert ended.returncode != 0
    assert message in ended.stderr
