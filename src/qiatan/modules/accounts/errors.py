"""What can go wrong with accounts, as callers see it."""

from __future__ import annotations

from qiatan.kit.errors import Fault


class WrongCredentials(Fault):
    """This e-mail address and password do not belong together. Check both, or ask an administrator of your enterprise."""

    code, status = "wrong_credentials", 401


class Busy(Fault):
    """Too many people sign in at this moment. Try again in a few seconds."""

    code, status = "try_again", 503


class LoginDenied(Fault):
    """Signing in is not allowed from this address. Ask an administrator of your enterprise."""

    code, status = "login_denied", 403

    @classmethod
    def at(cls, address: str) -> LoginDenied:
        return cls(f"Signing in is not allowed from the address {address}. Ask an administrator of your enterprise.")


class TooManyLetters(Fault):
    """Enough letters were sent for now, to this address or by this enterprise today. Wait, then send it again."""

    code, status = "too_many_letters", 429


class WrongCode(Fault):
    """This code is not right. Take the newest one from your app, or a recovery code that was not used yet."""

    code, status = "wrong_code", 401


class CodeClockOff(Fault):
    """This code belongs to another time. Let the phone set its clock by itself, then enter the newest code."""

    code, status = "code_clock_off", 401

    @classmethod
    def by(cls, seconds: int) -> CodeClockOff:
        """`seconds`: how far the phone's clock is ahead; negative when it is behind."""
        side = "fast" if seconds > 0 else "slow"
        return cls(
            f"This code belongs to another time: the phone's clock is about {abs(seconds)} seconds {side}."
            " Let the phone set its clock by itself, then enter the newest code."
        )


class CodeReplayed(Fault):
    """This code was used already. Wait for the next one in your app."""

    code, status = "code_replayed", 401


class ChallengeExpired(Fault):
    """This took too long, or too many tries. Begin again."""

    code, status = "challenge_expired", 401


class PasskeyRefused(Fault):
    """This passkey was not accepted. Try again, or use another way to sign in."""

    code, status = "passkey_refused", 401


class RecentSignInRequired(Fault):
    """Your account has no password to ask for, and you signed in a while ago. Sign out, sign in again, and do this within ten minutes."""

    code, status = "recent_sign_in_required", 403


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


class RoleInUse(Fault):
    """Somebody has this role. Give them another one first."""

    code, status = "role_in_use", 409


class RoleBuiltIn(Fault):
    """Name and permissions of a built-in role are fixed. Copy it, and change the copy."""

    code, status = "role_built_in", 409


class LimitReached(Fault):
    """There are as many as allowed. Remove some first."""

    code, status = "limit_reached", 409


class ViewEnded(Fault):
    """This view as a colleague has ended. Begin it again from their page."""

    code, status = "view_ended", 403


class WouldLockOut(Fault):
    """These rules would sign you out yourself. Add your address to the trusted ones, or confirm that you want it so."""

    code, status = "would_lock_out", 409


class OidcRefused(Fault):
    """The identity provider's answer does not hold. Begin the sign-in again; if it goes on, tell an administrator of your enterprise."""

    code, status = "oidc_refused", 403


class OidcUnconfirmed(Fault):
    """The identity provider has not confirmed your e-mail address. Confirm it there, then sign in again."""

    code, status = "oidc_unconfirmed", 403


class OidcNoAccount(Fault):
    """Nobody here has the e-mail address that the identity provider knows you by. Ask an administrator of your enterprise to invite you."""

    code, status = "oidc_no_account", 403


class OidcUnreachable(Fault):
    """The identity provider cannot be used. Try again in a moment, or sign in with your password."""

    code, status = "oidc_unreachable", 502
