"""`python -m woflo`: the command line."""

from woflo.cli import main

if __name__ == "__main__":
    main()
