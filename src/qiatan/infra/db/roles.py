"""The two roles the program works as. Neither owns anything; neither may change the schema.

`APP` sees one enterprise: the one named by `qiatan.enterprise` at the start of the transaction (row-level security).
`SYSTEM` sees all enterprises, for the few places that must: finding who is signed in, the message log, timers and sweeps.
"""

APP = "qiatan_app"
SYSTEM = "qiatan_system"
