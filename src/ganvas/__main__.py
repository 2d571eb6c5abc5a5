"""`python -m ganvas` and the `ganvas` command."""

import os
import sys


def main() -> None:
    """Runs the command line, and ends with its exit status."""
    try:
        from ganvas.cli import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:  # while the libraries load
        status = 130
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        # What binds several processes leaves threads that race the interpreter's end and may abort a run that is done.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    main()
