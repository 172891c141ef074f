"""`python -m explainer`, as `explainer`: for launchers that start a Python of their choice, such as msrun."""

import sys

from explainer.command.main import main

if __name__ == "__main__":
    sys.exit(main())
