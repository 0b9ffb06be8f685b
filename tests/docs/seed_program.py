"""The earlier README's examples as one program: `python seed_program.py`.

Only the clock is another one: a second of `time.sleep` takes a tenth, here and in forked children. The last
block asks for spawned ones, which sleep as they are told.
"""

import re
import sys
import time
from pathlib import Path
from types import ModuleType

_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_sleep = time.sleep

blocks = _BLOCK.findall(Path(__file__).with_name("seed_readme.md").read_text(encoding="utf-8"))
assert len(blocks) == 7, len(blocks)
as_printed = "\n".join(blocks)
assert as_printed.count("if duration < 10\n") == 1
program = as_printed.replace("if duration < 10\n", "if duration < 10:\n")

time.sleep = lambda seconds: _sleep(seconds / 10)
module = sys.modules["__main__"] = ModuleType("__main__")
exec(compile(program, "README.md", "exec"), vars(module))

# What the README tells of, and does not call:
assert [module.sleepy_worker().get_result(), module.fetch_data_from_unstable_api().get_result()] == [None, None]
error = module.quick_nap(1).exception()
assert type(error) is Exception
assert error.args == ("Ouch oof",)
