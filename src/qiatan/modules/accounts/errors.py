"""What can go wrong with accounts, as callers see it."""

from __future__ import annotations

from qiatan.kit.errors import Fault


class WrongCredentials(Fault):
    """This e-mail address and password do not belong together. Check both, or ask an administrator of your enterprise."""

    code, status = "wrong_credentials", 401


class SignupClosed(Fault):
    """New enterprises are not accepted here. Ask whoever runs this installation."""

    code, status = "signup_closed", 403


class EmailTaken(Fault):
    """This e-mail address has an account already. Sign in with it, or use another address."""

    code, status = "email_taken", 409


class AlreadyJoined(Fault):
    """This account is in use; invitations are for those who have not joined yet."""

    code, status = "already_joined", 409


class LastAdmin(Fault):
    """An enterprise keeps at least one enabled administrator. Make somebody else administrator first."""

    code, status = "last_admin", 409


class LimitReached(Fault):
    """There are as many as allowed. Remove some first."""

    code, status = "limit_reached", 409
