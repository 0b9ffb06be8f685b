"""Build a program of 200 parts, as make would: each is compiled by a command, and what is there is left alone.

`python build.py` in this folder builds three times: all of it, nothing, and what stands on one changed file. Where no
C compiler is installed, gzip stands in for it.
"""

import os
import shutil
import time
from pathlib import Path

from woflo import RunState, script

PARTS = 200
SOURCES = Path("out/src")
CC = shutil.which("cc")

compile_part = script(
    "cc -c {inputs} -o {outputs}" if CC else "gzip -nc {inputs} > {outputs}",
    shell=not CC,
    inputs="out/src/part_{i}.c",
    outputs="out/obj/part_{i}.o",
    max_concurrency=os.cpu_count(),
    name="compile_part",
)
link = script(
    "cc {inputs} -o {outputs}" if CC else "cat {inputs} > {outputs}",
    shell=not CC,
    outputs="out/program",
    name="link",
)


def write_sources() -> None:
    """Write parts that each have a number, and the one that adds them; those that are there are not touched."""
    names = [f"part_{i}" for i in range(1, PARTS)]
    calls = "".join(f"int {name}(void);\n" for name in names)
    total = " + ".join(f"{name}()" for name in names)
    texts = {name: f"int {name}(void) {{ return {i}; }}\n" for i, name in enumerate(names, start=1)}
    texts["part_0"] = f'#include <stdio.h>\n{calls}int main(void) {{ printf("%d\\n", {total}); return 0; }}\n'
    SOURCES.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        path = SOURCES / f"{name}.c"
        if not path.exists():
            path.write_text(text)


def build(title: str) -> None:
    """Build, and tell how many commands that took, and how long."""
    started = time.perf_counter()
    parts = [compile_part(i=i) for i in range(PARTS)]
    program = link(inputs=parts)
    program.get_result()
    executed = sum(run.state is RunState.SUCCEEDED for run in [*parts, program])
    print(f"{title:16} {executed:4} commands of {len(parts) + 1} {time.perf_counter() - started:8.2f} s")


def main() -> None:
    """Build all, nothing, and two things."""
    write_sources()
    build("first")
    build("once more")
    with (SOURCES / "part_7.c").open("r+") as part:
        revision = len(part.readlines())
        part.write(f"int revision_{revision} = {revision};\n")
    build("one file changed")


if __name__ == "__main__":
    main()
