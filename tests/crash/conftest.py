"""The tests of crashes use the programs of the acceptance tests, and those of the stores' tests."""

import sys
from pathlib import Path

_TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(_TESTS / folder) for folder in ("acceptance", "unit", "unit/stores")]
