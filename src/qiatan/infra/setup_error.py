"""The error that ends a start."""

from __future__ import annotations


class SetupError(Exception):
    """The machine or its settings must change before Qiatan can run.

    The message is one line: what is wrong, with its value, and what to do. The command line prints it and exits with 2.
    """


class SettingsError(SetupError):
    """A setting has a value that cannot be meant. The message names the variable and the remedy."""
