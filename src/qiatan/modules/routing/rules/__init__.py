"""Who gets a conversation: pure. What is needed stands in the files; the most used names are here."""

from __future__ import annotations

from qiatan.modules.routing.rules.case import Candidate, Case, Roster, Surroundings, has_place, serving
from qiatan.modules.routing.rules.compiled import CompiledAssignment, compile_assignment
from qiatan.modules.routing.rules.decide import ENTERPRISE, Choice, decide, decide_waiting

__all__ = [
    "ENTERPRISE",
    "Candidate",
    "Case",
    "Choice",
    "CompiledAssignment",
    "Roster",
    "Surroundings",
    "compile_assignment",
    "decide",
    "decide_waiting",
    "has_place",
    "serving",
]
