"""The five first steps: done by facts, left out for good, and the look at the enterprise's site."""

from __future__ import annotations

