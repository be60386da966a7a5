"""`python -m services.cli`: the `chancery` command without its script on the path."""

from services.cli import main

if __name__ == "__main__":  # a process that the console starts imports this too
    main()
