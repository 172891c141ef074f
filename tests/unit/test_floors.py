"""The rules of the house: who may import whom. Read from the source, so that imports inside functions count too."""

import ast
from pathlib import Path

import pytest

import explainer

PACKAGE = Path(explainer.__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"

FLOORS = {
    1: {
        "arrays",
        "checks",
        "class_names",
        "classifier",
        "cores",
        "deprecated",
        "errors",
        "made_with",
        "memory",
        "own_code",
        "passes",
        "records",
        "representation",
        "relu_rules",
        "remote",
        "resizing",
        "score_board",
        "streams",
        "digests",
        "version",
    },
    2: {"data", "perturb", "summary"},
    3: {"network", "network.mindspore", "network.onnx"},
    4: {"benchmark", "counterfactual", "explanation", "uncertainty"},
    5: {"analysis", "run"},
    6: {"report", "serve"},
    7: {"__main__", "command", "testing", "the public face"},
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}


def room_of(module):
    """The room of a dotted module name: its innermost folder that has a floor, else the first part of the name."""
    below = module.split(".")[1:]
    rooms = [".".join(below[:length]) for length in range(len(below), 0, -1)]
    return next((room for room in rooms if room in FLOOR_OF), (below or ["the public face"])[0])


def module_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(source, module, is_package):
    """The dotted names that a source imports; `from a import b` counts as a, and as a.b where that is a module."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".")[: len(module.split(".")) - node.level + is_package] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            submodules = {f"{start}.{alias.name}" for alias in node.names}
            found |= {name for name in submodules if name in MODULES} or {start}
    return found


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
IMPORTS = {
    module: imports_of(path.read_text(encoding="utf-8"), module, path.name == "__init__.py")
    for module, path in MODULES.items()
}
ROOMS = sorted({room_of(module) for module in MODULES})


def ours_in(names):
    return sorted(name for name in names if name.split(".")[0] == "explainer")


def importers_of(name):
    """The modules that import a package of others, or one of its parts."""
    return {module for module, names in IMPORTS.items() if any(f"{other}.".startswith(f"{name}.") for other in names)}


def rooms_importing(room):
    """The other rooms that import this one."""
    return {room_of(module) for module in importers_of(f"explainer.{room}")} - {room}


def test_the_reader_of_imports_sees_every_spelling():
    source = """
import explainer.errors
from explainer.network.mindspore import cpu_setup
from explainer.checks import require_type
from .. import records
def later():
    from google.protobuf.message import DecodeError
"""
    assert imports_of(source, "explainer.run.job", False) == {
        "explainer.errors",
        "explainer.network.mindspore.cpu_setup",
        "explainer.checks",
        "explainer.records",
        "google.protobuf.message",
    }


def test_every_room_has_a_floor_and_is_on_the_page_about_the_house():
    assert [room for room in ROOMS if room not in FLOOR_OF] == []
    page = PAGE.read_text(encoding="utf-8")
    plain = [room for room in ROOMS if room not in {"the public face", "version"}]
    paths = {room: room.replace(".", "/") for room in plain}
    assert [room for room, path in paths.items() if f"{path}.py" not in page and f"{path}/" not in page] == []


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    floor = FLOOR_OF[room_of(module)]
    assert [name for name in ours_in(IMPORTS[module]) if FLOOR_OF[room_of(name)] > floor] == []


def test_rooms_do_not_import_one_another_in_a_circle():
    below = {room: set() for room in ROOMS}
    for module, names in IMPORTS.items():
        below[room_of(module)] |= {room_of(name) for name in ours_in(names)} - {room_of(module)}
    done = set()
    while len(done) < len(ROOMS):
        ready = {room for room in ROOMS if room not in done and below[room] <= done}
        assert ready, f"a circle among {sorted(set(ROOMS) - done)}"
        done |= ready


ASKING = {"explanation", "benchmark", "counterfactual", "uncertainty"}
READING = {"analysis", "report", "serve", "summary"}


@pytest.mark.parametrize("room", sorted(ASKING))
def test_methods_metrics_searches_and_draws_never_import_one_another(room):
    assert rooms_importing(room) & ASKING == set()


def test_only_the_run_and_what_reads_import_the_summary():
    assert rooms_importing("summary") <= {"run", "analysis", "report", "serve", "command", "testing", "the public face"}


@pytest.mark.parametrize("room", sorted(READING))
def test_what_reads_never_sees_a_network(room):
    below = {room_of(name) for module, names in IMPORTS.items() if room_of(module) == room for name in ours_in(names)}
    assert below & {"network", "network.mindspore", "data", "perturb", "run", *ASKING} == set()


def test_only_the_summary_and_the_graphs_import_protobuf():
    found = {room_of(module) for module in importers_of("google")}
    assert {room_of(module) for module in importers_of("google.protobuf")} == {"summary", "network.onnx"}
    assert found == {"summary", "network.onnx"}


def test_onnx_runtime_is_imported_where_a_session_is_made_and_where_its_devices_are_asked_for():
    assert importers_of("onnxruntime") == {"explainer.network.onnx.device", "explainer.network.onnx.session"}


def test_ray_is_imported_where_it_is_asked_for_workers_alone():
    assert importers_of("ray") == {"explainer.run.ray"}


def test_fsspec_is_imported_for_urls_alone():
    assert importers_of("fsspec") == {"explainer.remote"}


def test_rich_is_imported_where_tables_are_drawn_alone():
    assert importers_of("rich") == {"explainer.command.tables"}


def test_mindspore_is_imported_by_its_room_and_by_what_is_mindspores_by_nature():
    found = {module.removeprefix("explainer.") for module in importers_of("mindspore")}
    elsewhere = {module for module in found if not module.startswith("network.mindspore.")}
    contracts = {"testing.explainers", "testing.metrics", "testing.networks"}  # they have networks of their own
    assert (
        elsewhere == {"data.mindspore_dataset", "explanation.occlusion_sensitivity", "command.folder_run"} | contracts
    )


def test_the_package_imports_no_test_and_no_script():
    assert not importers_of("tests") | importers_of("scripts") | importers_of("networks")
