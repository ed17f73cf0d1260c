"""How far a new enterprise has come: five steps from its name to the first conversation.

Promises: what is done follows from what is there, so nobody ticks anything off; a step that was left out does not come back, and after the
last one nothing is shown any more. Emits nothing.
"""
