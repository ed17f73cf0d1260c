"""Customers: who talks to the enterprise, whatever way they come: cards, tags, notes, the blacklist.

Promises: a customer belongs to one enterprise for ever; neither a name that a visitor types nor a phone that an agent notes joins them to
somebody else's history; every change of a card is kept with who made it. Who may see which customer is decided above, by the conversations
an agent may see. Emits `CustomerChanged`, `CardWordsChanged`, `CustomerBlocked`.
"""
