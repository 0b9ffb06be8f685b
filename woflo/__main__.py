"""`woflo` and `python -m woflo`: the command line."""

import sys

__all__ = ["main"]


def main() -> None:
    """Execute the command line of this program; an interrupt before it has been read is one, too."""
    try:
        from woflo.cli import main as command

        command()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
