"""`python -m ats`."""

from ats.cli import main

main()
