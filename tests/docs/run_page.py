"""Execute the Python blocks of a Markdown page, one after another, in one module.

As a program: `python run_page.py PAGE`. A block counts where its fence says exactly `python`.

A comment at the end of a statement at the top level of a block may say what must come of it:

    add(1, 2).get_result()  # 3
    print("words")  # words
    add("x")  # raises: ArgumentError

The first two belong to expressions: the `repr` of the value, or what was printed.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import re
import sys
import tokenize
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_RAISES = "raises: "


class Block(NamedTuple):
    """A fenced block, and the line of the page on which its text begins."""

    info: str
    text: str
    line: int


def blocks_of(page: str) -> list[Block]:
    """Every fenced block of a page."""
    found = _FENCE.finditer(page)
    return [Block(one["info"].strip(), one["text"], page.count("\n", 0, one.start("text")) + 1) for one in found]


def python_blocks(page: str) -> list[Block]:
    """The blocks that are executed."""
    return [block for block in blocks_of(page) if block.info == "python"]


class WrongPageError(Exception):
    """A page says something that is not so."""


class Page:
    """A page's blocks, and the module in which they are executed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.module = ModuleType("__main__")
        self.module.__file__ = str(path)
        self._comments: dict[int, str] = {}

    def run(self) -> None:
        """Execute every block. Raises `WrongPageError`, or whatever a block raises that does not say so."""
        sys.modules["__main__"] = self.module
        for block in python_blocks(self.path.read_text(encoding="utf-8")):
            self._comments = _comments(block.text)
            tree = ast.parse(block.text)
            for statement in tree.body:
                comment = self._comments.get(statement.end_lineno or 0, "")
                ast.increment_lineno(statement, block.line - 1)
                self._run(statement, comment)

    def _run(self, statement: ast.stmt, comment: str) -> None:
        if comment.startswith(_RAISES):
            self._run_raising(statement, comment.removeprefix(_RAISES))
        elif not comment or not isinstance(statement, ast.Expr):
            self._execute(statement)
        else:
            self._compare(statement, comment, self._told(statement))

    def _run_raising(self, statement: ast.stmt, name: str) -> None:
        try:
            self._execute(statement)
        except Exception as error:
            if type(error).__name__ == name:
                return
            raise
        self._compare(statement, _RAISES + name, "nothing was raised")

    def _told(self, statement: ast.Expr) -> str:
        """What an expression prints, or the `repr` of its value."""
        call = statement.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print":
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                self._execute(statement)
            return printed.getvalue().rstrip("\n")
        return repr(self._evaluate(statement.value))

    def _compare(self, statement: ast.stmt, said: str, found: str) -> None:
        if said != found:
            raise WrongPageError(f"{self.path}:{statement.lineno}: the page says {said!r}, and it is {found!r}")

    def _execute(self, statement: ast.stmt) -> None:
        self._call(ast.Module([statement], []), "exec")

    def _evaluate(self, expression: ast.expr) -> Any:
        return self._call(ast.Expression(expression), "eval")

    def _call(self, tree: ast.AST, mode: str) -> Any:
        """Execute; a statement may await at the top level, as in a notebook."""
        code = compile(tree, str(self.path), mode, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        value = eval(code, vars(self.module))
        is_awaiting = code.co_flags & inspect.CO_COROUTINE
        return asyncio.run(_awaited(value)) if is_awaiting else value


async def _awaited(value: Any) -> Any:
    return await value


def _comments(text: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}


if __name__ == "__main__":
    Page(Path(sys.argv[1])).run()
