"""`python -m ganvas` and the `ganvas` command."""

import sys


def main() -> None:
    """Runs the command line; what a person did wrong is said in one sentence, with exit status 2."""
    from ganvas.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
