"""`python -m dbkit` is the command `dbkit`."""

from dbkit.cli import main

main()
