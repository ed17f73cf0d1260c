"""Quick replies: what agents say again and again, of the whole enterprise and of each agent, in groups and in order (F01, F39).

Promises: whether an entry is plain or rich follows from what is in it, at every save; one's own are seen by nobody else; what an agent may
use comes as one list with a version, so that unchanged costs nothing; an import says what it would do before it does it. Emits
`RepliesChanged`. What is sent is written by conversations.
"""
