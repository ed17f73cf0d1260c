"""Measurements: `python -m bench` prints one table, `python -m bench NAME …` some of its parts."""
