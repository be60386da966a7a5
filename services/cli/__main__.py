"""`python -m services.cli`: the `chancery` command without its script on the path."""

from services.cli import main

main()
