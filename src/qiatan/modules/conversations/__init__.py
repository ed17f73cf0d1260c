"""Conversations and their messages.

Owns: conversations, messages, internal notes, read state, withdrawal, joining, ending by hand and by time, grades. Promises: an acknowledged message is on disk; `seq` is dense from 1 in each
conversation; a repeated send returns the first result; at most one open conversation per customer and channel. Emits the events of
`events.py`; who gets a conversation is decided above, by routing.
"""
