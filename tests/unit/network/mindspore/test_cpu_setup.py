"""The CPU set-up is done where it helps, left alone where it is not wanted, and says so where it came too late."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import mindspore
import pytest

import explainer
from explainer.network.mindspore import cpu_setup
from explainer.network.mindspore.cpu_setup import Outcome, set_up, warn_if_late

ONEDNN_3 = any((Path(mindspore.__file__).parent / "lib").glob("libdnnl.so.3*"))
NEEDED = cpu_setup._has_avx512() and ONEDNN_3
CHOICES = ("EXPLAINER_CPU_SETUP", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")


class FakeLibrary:
    """A oneDNN that remembers what it was told and answers what the test wants."""

    def __init__(self, answer: int) -> None:
        self.answer = answer
        self.loaded: list[str] = []
        self.limits: list[int] = []

    def __call__(self, path: str) -> FakeLibrary:
        self.loaded.append(path)
        return self

    def dnnl_set_max_cpu_isa(self, limit: int) -> int:
        self.limits.append(limit)
        return self.answer


@pytest.fixture
def mindspore_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A MindSpore with oneDNN 3, on the CPU and imported already."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libdnnl.so.3").touch()
    monkeypatch.setattr(cpu_setup, "_mindspore_folder", lambda: tmp_path)
    monkeypatch.setattr(cpu_setup, "_device", lambda: "CPU")
    return tmp_path


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> FakeLibrary:
    """On a machine with AVX-512 where no choice was made, a oneDNN that accepts the limit."""
    for name in CHOICES:
        monkeypatch.setenv(name, "")  # so that what is set is put back
        monkeypatch.delenv(name)
    monkeypatch.setattr(cpu_setup, "_outcomes", [])
    library = FakeLibrary(answer=0)
    monkeypatch.setattr(cpu_setup.ctypes, "CDLL", library)
    monkeypatch.setattr(cpu_setup, "_has_avx512", lambda: True)
    return library


def test_onednn_is_held_to_avx2_where_it_helps(library: FakeLibrary, mindspore_folder: Path) -> None:
    assert set_up() is Outcome.DONE
    assert os.environ["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert library.loaded == [str(mindspore_folder / "lib" / "libdnnl.so.3")]
    assert library.limits == [0x7]  # dnnl_cpu_isa_avx2 in oneDNN's header


def test_the_environment_is_enough_as_long_as_mindspore_is_not_imported(
    library: FakeLibrary, mindspore_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "mindspore")
    monkeypatch.setattr(cpu_setup, "_device", lambda: None)
    assert set_up() is Outcome.DONE
    assert os.environ["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert not library.loaded


def test_the_first_outcome_counts(library: FakeLibrary, mindspore_folder: Path) -> None:
    set_up()
    library.answer = 2  # MindSpore has run operators since
    assert set_up() is Outcome.DONE
    assert len(library.limits) == 1


def test_onednn_that_refuses_the_limit_was_asked_too_late(library: FakeLibrary, mindspore_folder: Path) -> None:
    library.answer = 2
    assert set_up() is Outcome.TOO_LATE
    assert "ONEDNN_MAX_CPU_ISA" not in os.environ


@pytest.mark.parametrize("value", ["off", "OFF"])
def test_off_in_the_environment_leaves_it_alone(
    library: FakeLibrary, mindspore_folder: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("EXPLAINER_CPU_SETUP", value)
    assert set_up() is Outcome.SWITCHED_OFF
    assert not library.loaded


@pytest.mark.parametrize("name", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"])
def test_a_limit_of_the_user_s_own_is_left_alone(
    library: FakeLibrary, mindspore_folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "ALL")
    assert set_up() is Outcome.USER_CHOICE
    assert not library.loaded


@pytest.mark.parametrize("device", ["GPU", "Ascend"])
def test_another_device_is_left_alone(
    library: FakeLibrary, mindspore_folder: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    monkeypatch.setattr(cpu_setup, "_device", lambda: device)
    assert set_up() is Outcome.OTHER_DEVICE
    assert not library.loaded


def test_a_machine_without_avx512_is_left_alone(
    library: FakeLibrary, mindspore_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu_setup, "_has_avx512", lambda: False)
    assert set_up() is Outcome.NOT_NEEDED
    assert not library.loaded


@pytest.mark.parametrize("libraries", [[], ["libdnnl.so.2", "libdnnl.so.2.2"]])
def test_a_mindspore_without_onednn_3_is_left_alone(
    library: FakeLibrary, mindspore_folder: Path, libraries: list[str]
) -> None:
    (mindspore_folder / "lib" / "libdnnl.so.3").unlink()
    for name in libraries:
        (mindspore_folder / "lib" / name).touch()
    assert set_up() is Outcome.NOT_NEEDED
    assert not library.loaded


@pytest.mark.parametrize(
    ("flags", "wanted"), [("fpu avx2 avx512f avx512bw", True), ("fpu avx avx2", False), (None, False)]
)
def test_avx512_is_read_from_the_processor_s_flags(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str | None, wanted: bool
) -> None:
    described = tmp_path / "cpuinfo"
    if flags is not None:
        described.write_text(f"model name : é\nflags : {flags}\n", encoding="utf-8")
    monkeypatch.setattr(cpu_setup, "Path", lambda _: described)
    assert cpu_setup._has_avx512() is wanted


def test_the_outcome_is_one_line_in_the_log(
    library: FakeLibrary, mindspore_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="explainer"):
        set_up()
    assert [record.getMessage() for record in caplog.records] == [f"CPU set-up: {Outcome.DONE.value}"]


def test_no_mindspore_is_left_alone(
    library: FakeLibrary, mindspore_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu_setup, "_mindspore_folder", lambda: None)
    assert set_up() is Outcome.NOT_NEEDED


def test_mindspore_is_found_where_it_is_installed() -> None:
    assert cpu_setup._mindspore_folder() == Path(mindspore.__file__).parent
    assert cpu_setup._device() == mindspore.get_context("device_target")


def test_coming_too_late_is_warned_of_with_the_line_to_add(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_setup, "_outcomes", [Outcome.TOO_LATE])
    with pytest.warns(RuntimeWarning, match=r"Put `import explainer` first in the script, or set ONEDNN_MAX_CPU_ISA"):
        warn_if_late()


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.TOO_LATE])
def test_no_other_outcome_is_warned_of(outcome: Outcome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_setup, "_outcomes", [outcome])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_late()


# In a process of its own.

MULTIPLY_FIRST = """
import numpy as np
from mindspore import Tensor
(Tensor(np.ones((8, 8), np.float32)) @ Tensor(np.ones((8, 8), np.float32))).asnumpy()
"""
MAKE_AN_EXPLAINER = """
import warnings
import explainer
from explainer.explanation import Gradient
from mindspore import nn
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    Gradient(nn.ReLU())
print([str(warning.message).partition(";")[0] for warning in caught])
"""
CHANGED_ENVIRONMENT = """
import os
before = dict(os.environ)
import explainer, sys
changed = set(os.environ.items()) ^ set(before.items())
print(sorted(changed), "mindspore" in sys.modules)
"""
NOTHING_BUT_MAKE_AND_MULTIPLY = """
import explainer, warnings
from mindspore import Tensor, nn
import numpy as np
(Tensor(np.ones((8, 8), np.float32)) @ Tensor(np.ones((8, 8), np.float32))).asnumpy()
from explainer.explanation import Gradient
warnings.simplefilter("error")
Gradient(nn.ReLU())
print("not late")
"""
needs_avx512 = pytest.mark.skipif(not NEEDED, reason="no AVX-512 or no oneDNN 3 here, so there is nothing to set up")


def run(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A fresh Python with warnings as errors, but for one that MindSpore itself causes while it exits."""
    inherited = {name: value for name, value in os.environ.items() if name not in CHOICES}
    package: Any = {"PYTHONPATH": str(Path(explainer.__file__).parents[1])}
    command = [sys.executable, "-W", "error", "-W", "ignore:getName:DeprecationWarning", "-c", script]
    return subprocess.run(
        command, cwd=folder, env=inherited | package | environment, capture_output=True, text=True, timeout=120
    )


def test_the_import_loads_no_mindspore_and_sets_one_variable_where_it_is_needed(tmp_path: Path) -> None:
    finished = run(CHANGED_ENVIRONMENT, tmp_path)
    wanted = [("ONEDNN_MAX_CPU_ISA", "AVX2")] if NEEDED else []
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, f"{wanted} False\n", "")


def test_an_operator_after_the_import_is_in_time(tmp_path: Path) -> None:
    assert run(NOTHING_BUT_MAKE_AND_MULTIPLY, tmp_path).stdout == "not late\n"


def test_an_import_in_time_is_not_warned_of(tmp_path: Path) -> None:
    assert run(MAKE_AN_EXPLAINER, tmp_path).stdout == "[]\n"


@needs_avx512
def test_an_import_after_the_first_operator_is_warned_of_when_an_explainer_is_made(tmp_path: Path) -> None:
    finished = run(MULTIPLY_FIRST + MAKE_AN_EXPLAINER, tmp_path)
    assert finished.stdout == "['MindSpore ran an operator before `import explainer`']\n"


@needs_avx512
def test_off_in_the_environment_silences_the_warning(tmp_path: Path) -> None:
    finished = run(MULTIPLY_FIRST + MAKE_AN_EXPLAINER, tmp_path, EXPLAINER_CPU_SETUP="off")
    assert finished.stdout == "[]\n"
