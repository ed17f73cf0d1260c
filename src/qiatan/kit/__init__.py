"""Pure helpers: no I/O, no clock of their own, no business word."""
