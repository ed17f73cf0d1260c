"""`python -m qiatan` is the command `qiatan`."""

from qiatan.entrypoints.cli import main

main()
