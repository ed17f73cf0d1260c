"""Machinery with state or I/O and no business word."""
