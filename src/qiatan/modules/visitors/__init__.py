"""Visitors: who is on an enterprise's site now, known by a random token, and what a visit looked like.

Promises: nobody chooses a token or an id; only a token's hash is stored; a token opens one customer on one channel of one enterprise,
expires after 30 idle days, is replaced after a day, and dies with its channel being switched off. Emits nothing.
"""
