"""`python -m ganvas` and the `ganvas` command."""

import sys


def main() -> None:
    """Runs the command line; what a person did wrong is said in one sentence, with exit status 2."""
    try:
        from ganvas.cli import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:  # while the libraries load
        status = 130
    sys.exit(status)


if __name__ == "__main__":
    main()
