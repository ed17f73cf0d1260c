"""What can be refused here."""

from __future__ import annotations

from qiatan.kit.errors import Fault, NotFound


class ConversationNotFound(NotFound):
    """This conversation does not exist, or you may not see it."""


class ConversationEnded(Fault):
    """This conversation has ended. The customer's next message opens a new one."""

    code, status = "conversation_ended", 409


class NotYours(Fault):
    """Somebody else serves this conversation. Take it over before you write."""

    code, status = "not_yours", 409


class AlreadyTaken(Fault):
    """Somebody else took this conversation a moment ago."""

    code, status = "already_taken", 409


class AlreadyJoined(Fault):
    """You take part in this conversation already."""

    code, status = "takes_part", 409


class TooManyJoined(Fault):
    """Five colleagues have joined this conversation already. One of them has to leave first."""

    code, status = "limit_reached", 409


class TooLate(Fault):
    """A message can be withdrawn within two minutes, by whoever wrote it."""

    code, status = "too_late", 409


class NothingToEvaluate(Fault):
    """There is nothing to evaluate yet: the customer has not written, or nobody has served them."""

    code, status = "nothing_to_evaluate", 409


class AlreadyEvaluated(Fault):
    """The customer has evaluated this conversation already."""

    code, status = "already_evaluated", 409


class EvaluationClosed(Fault):
    """A conversation can be evaluated until 24 hours after its end."""

    code, status = "too_late", 409


class NotInvited(Fault):
    """This conversation can be evaluated when its agent asks for it."""

    code, status = "not_invited", 403


class TooLateToEdit(Fault):
    """A text can be changed within 15 minutes, as long as it was not withdrawn."""

    code, status = "too_late", 409


class TooManyEdits(Fault):
    """A text can be changed 20 times. Withdraw it, or write a new one."""

    code, status = "too_many_edits", 409


class SearchTooSlow(Fault):
    """This took too long. Try again, or search for a longer text."""

    code, status = "try_again", 503


class TryAgain(Fault):
    """The server is busy; the message was not stored. It will be sent again."""

    code, status = "try_again", 503
