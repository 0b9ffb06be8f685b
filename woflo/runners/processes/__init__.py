"""Child processes: starting, watching, ending them, and what travels to and from them.

supervisor   starts children, notices their end, ends them (in the reactor's thread alone)
child        what a child does between its start and its exit
wire         frames on the socket between both
shipping     values as bytes, and back; large ones through memory that both may read
travelling   exceptions as values, with the traceback of where they were raised
code         the code of tasks, sent once and again when what it refers to has changed
slots        the memory that all processes share: who is alive, and which call is under way
outbox       what a worker of a pool has written there and not sent yet
guardian     the small process that outlives a killed caller and ends its children
forkserver   the small process that forks for a large caller
tree         a process with all that it started
crash        the story of a process that ended without an outcome
"""
