"""Customers: who talks to the enterprise, whatever way they come.

Promises: a customer belongs to one enterprise for ever; a name that a visitor types never joins them to somebody else's history.
Who may see which customer is decided above, by the conversations an agent may see. Emits `CustomerChanged`.
"""
