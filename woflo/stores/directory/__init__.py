"""Runs in a folder that several machines may share, and that a person can read and change.

What is kept is a chain of commits, each of them one atomic rename: so an operation may be about any number of runs,
steps, signals and keys, and is there whole or not at all. The files that a person sees are written after it, and what
a person does to them becomes an operation. There is no lock, and nobody has to finish what another one began.

store      the contract
log        what is kept, and who may write next: the one thing that has to be right
texts      rows, and changes of them, as JSON
model      what operations do, found by indexes
places     in which folder, and under which name, a run is shown
showing    writing those files
looking    seeing what people did to them
letters    what people ask for by a file
files      the few things that are asked of a file system
"""

from woflo.stores.directory.store import DirectoryStore

__all__ = ["DirectoryStore"]
