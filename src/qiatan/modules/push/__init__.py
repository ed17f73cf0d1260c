"""Push: calls an agent's phone or computer when no page of theirs is open (F07).

Promises: a browser is called for the agent who is signed in there, and no longer once that session has ended; nothing is pushed in quiet
hours; what was written is in it only where the agent wants that. What is pushed is a hint: lost ones lose nothing.
"""
