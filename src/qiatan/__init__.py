"""Qiatan: a customer-service platform in one program."""

__version__ = "0.1.0"
