"""What is installed and what surrounds the package say the same: names, version, extras, files, links."""

from __future__ import annotations

import importlib.util
import re
import runpy
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import setuptools
import yaml

from explainer.version import __version__

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture
def packaging(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What setup.py asks of setuptools."""
    asked: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, "setup", lambda **arguments: asked.update(arguments))
    monkeypatch.chdir(ROOT)
    runpy.run_path(str(ROOT / "setup.py"))
    return asked


def test_the_distribution_has_its_name_version_and_command(packaging):
    assert (packaging["name"], packaging["version"]) == ("mindspore-explainer", __version__)
    assert packaging["entry_points"] == {"console_scripts": ["explainer = explainer.command.main:main"]}


def files_of_the_package() -> list[Path]:
    """But for what Python compiled, and the sources of the viewer, which is built in explainer/report/static."""
    files = (path.relative_to(ROOT) for path in (ROOT / "explainer").rglob("*") if path.is_file())
    return [path for path in files if "__pycache__" not in path.parts and path.parts[1:3] != ("report", "app")]


def test_every_folder_with_modules_is_a_package(packaging):
    folders = {path.parent for path in files_of_the_package() if path.suffix == ".py"}
    assert set(packaging["packages"]) == {".".join(folder.parts) for folder in folders}


def test_every_other_file_is_package_data(packaging):
    named = {Path(*package.split(".")) / name for package, names in packaging["package_data"].items() for name in names}
    assert named == {path for path in files_of_the_package() if path.suffix != ".py"}
    assert Path("explainer/py.typed") in named


def test_readme_has_a_row_for_every_extra(packaging):
    table = text_of("README.md").partition("| extra |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == sorted(packaging["extras_require"])


# ------------------------------------------------- the wheel


def wheel_contents() -> ModuleType:
    """The module scripts/wheel_contents.py, which is in no package."""
    specification = importlib.util.spec_from_file_location("wheel_contents", ROOT / "scripts" / "wheel_contents.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def problems(
    folder: Path, names: list[str], metadata: str = "Name: mindspore-explainer\nVersion: 1.2.3\n"
) -> list[str]:
    """What is found in a wheel with these files, of a checkout with a package of three."""
    package = folder / "checkout" / "explainer"
    (package / "__pycache__").mkdir(parents=True)
    (package / "version.py").write_text('__version__ = "1.2.3"')
    (package / "__pycache__" / "version.cpython-311.pyc").touch()
    (package / "py.typed").touch()
    (package / "data.txt").touch()
    wheel = folder / "made.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in names:
            archive.writestr(name, "")
        archive.writestr("mindspore_explainer-1.2.3.dist-info/METADATA", metadata)
    return wheel_contents().problems(wheel, folder / "checkout")


COMPLETE = ["explainer/version.py", "explainer/py.typed", "explainer/data.txt"]


def test_a_wheel_of_the_package_alone_is_right(tmp_path: Path):
    assert problems(tmp_path, COMPLETE) == []


def test_what_a_wheel_lacks_is_named(tmp_path: Path):
    assert problems(tmp_path, COMPLETE[:1]) == [
        "the wheel lacks explainer/data.txt",
        "the wheel lacks explainer/py.typed",
    ]


@pytest.mark.parametrize("name", ["tests/conftest.py", "scripts/bench.py", "explainer/gone.py"])
def test_what_a_wheel_should_not_hold_is_named(tmp_path: Path, name):
    assert problems(tmp_path, [*COMPLETE, name]) == [f"the wheel holds {name}, which is no file of the package"]


def test_another_version_or_name_is_told(tmp_path: Path):
    found = problems(tmp_path, COMPLETE, "Name: explainer\nVersion: 1.2.2\n")
    assert found == ["the wheel must be mindspore-explainer 1.2.3, got explainer 1.2.2"]


# ------------------------------------------------- what surrounds the package


def test_the_citation_names_this_version_and_what_the_format_requires(packaging):
    citation = yaml.safe_load(text_of("CITATION.cff"))
    assert citation["cff-version"] == "1.2.0"
    assert (citation["version"], citation["license"]) == (__version__, packaging["license"])
    assert citation["message"]
    assert citation["title"]
    assert all("name" in author or "family-names" in author for author in citation["authors"])


def test_pre_commit_runs_the_check():
    (repository,) = yaml.safe_load(text_of(".pre-commit-config.yaml"))["repos"]
    (hook,) = repository["hooks"]
    assert (repository["repo"], hook["entry"], hook["language"]) == ("local", "bash scripts/check", "system")
    assert hook["pass_filenames"] is False


def test_fixes_are_promised_for_this_version():
    major_minor = __version__.rpartition(".")[0]
    assert f"\n| {major_minor}.x | yes" in text_of("SECURITY.md")


def test_readme_leads_to_security_and_contributing():
    assert {"SECURITY.md", "CONTRIBUTING.md"} <= set(links("README.md"))


@pytest.mark.parametrize("page", PAGES)
def test_links_and_scripts_of_a_page_are_there(page):
    scripts = re.findall(r"\bscripts/[a-z_]+(?:\.py)?", text_of(page))
    assert [name for name in [*links(page), *scripts] if not (ROOT / name).exists()] == []


def links(page: str) -> list[str]:
    """The files of the repository to which a page links."""
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", text_of(page))
    return [target for target in targets if "://" not in target]
