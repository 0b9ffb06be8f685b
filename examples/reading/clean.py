"""Keep the prose of a text: no headings, dates and names of signers. `python clean.py TEXT PROSE`."""

import re
import sys
from pathlib import Path

SENTENCE = re.compile(r'(\S+\s+){4,}\S+[.,;:-]+("|And)?')  # five words and more, with a mark at the end
DATES = re.compile(r"(Passed by|The Ten Original|In CONGRESS)")

source, target = map(Path, sys.argv[1:])
paragraphs = re.split(r"\n\s*\n", source.read_text("utf-8"))
prose = [" ".join(one.split()) for one in paragraphs]
kept = [one for one in prose if SENTENCE.fullmatch(one) and not DATES.match(one)]
target.write_text("\n".join(kept) + "\n", "utf-8")
