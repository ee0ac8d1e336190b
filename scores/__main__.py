"""`python -m scores` is the command `scores`."""

import sys

from scores.cli import main

if __name__ == "__main__":
    sys.exit(main())
