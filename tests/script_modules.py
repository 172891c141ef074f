"""The scripts of the repository as modules, so that tests can call what they are made of."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).parents[1] / "scripts"


def load_script(name: str) -> Any:
    """The script of this name, as a module; what it does as a program is left out."""
    specification = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module  # dataclasses look their module up, and MindSpore the source of a network's class
    specification.loader.exec_module(module)
    return module
