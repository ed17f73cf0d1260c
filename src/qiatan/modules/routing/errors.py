"""What can be refused here."""

from __future__ import annotations

from qiatan.kit.errors import Fault


class LimitReached(Fault):
    """The maximum of conversations is reached. End one first, ask for a higher maximum, or choose somebody else."""

    code, status = "limit_reached", 409


class NobodyAvailable(Fault):
    """Nobody there can take a conversation now. Choose somebody else, or try again later."""

    code, status = "nobody_available", 409


class OfferOpen(Fault):
    """This conversation has been offered to somebody who has not answered yet. Withdraw that offer first."""

    code, status = "offer_open", 409


class OfferGone(Fault):
    """This offer is over: it was answered, withdrawn, or its time has run out."""

    code, status = "offer_gone", 409


class NotQueued(Fault):
    """You are not waiting in the queue."""

    code, status = "not_queued", 409


class SimulationRunning(Fault):
    """A simulation is running. Wait for its end before you start the next one."""

    code, status = "simulation_running", 409
