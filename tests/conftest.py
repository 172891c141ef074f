"""Shared set-up: a worker has a core of its own, and `import explainer` comes before any operator of MindSpore runs.

MindSpore waits by spinning: for its queue of operators, and in threads that look for work. On small networks that takes
more than all the operators, and two workers take each other's time. So the tests run each operator to its end, on one
core; the numbers are the same. Tests of what touches MindSpore itself ask for `queued_operators`.
"""

from __future__ import annotations

import gc
import os
import uuid
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

TASKS = Path("/proc/self/task")
CORES = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
OWN = {sorted(CORES)[int(WORKER) % len(CORES)]} if CORES and WORKER else CORES


def _run_on(cores: Collection[int]) -> None:
    """All threads of this process, and those to come."""
    if cores and TASKS.exists():
        for task in TASKS.iterdir():
            with suppress(ProcessLookupError):  # a thread that has ended meanwhile
                os.sched_setaffinity(int(task.name), cores)


# What MindSpore's way does is tested with MindSpore; tests of the other engine ask for it.
os.environ.setdefault("EXPLAINER_ENGINE", "mindspore")
_run_on(OWN)  # MindSpore makes its threads for the cores that it finds

import explainer  # noqa: E402, F401  # isort: skip
from mindspore import context, nn  # noqa: E402  # isort: skip
from mindspore._c_expression import ms_ctx_param  # noqa: E402  # isort: skip
from gpus import FakeGpu  # noqa: E402  # isort: skip


def _queue_operators(queued: bool) -> None:
    context._context().set_param(ms_ctx_param.pynative_synchronize, not queued)


def pytest_configure() -> None:
    """Each operator runs to its end before the next one begins."""
    _queue_operators(False)


@pytest.fixture
def queued_operators() -> Iterator[None]:
    """Operators are queued and threads run on every core, as at the users'."""
    _queue_operators(True)
    _run_on(CORES)
    yield
    _run_on(OWN)
    _queue_operators(False)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FakeGpu:
    """ONNX Runtime says that it has CUDA; what sessions were asked for."""
    return FakeGpu(monkeypatch)


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    """An S3-compatible server on this machine."""
    from storages import s3_server  # imports what only some tests have a use for

    with s3_server() as address:
        yield address


@pytest.fixture
def bucket(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A folder of a bucket that has nothing yet, and whose URL the environment gives access to."""
    from s3fs import S3FileSystem
    from storages import ACCOUNT, Bucket

    for name, value in {**ACCOUNT, "AWS_ENDPOINT_URL": s3_address}.items():
        monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()  # what a thread of another test has made without these
    return Bucket(s3_address, f"bucket-{uuid.uuid4()}")


@pytest.fixture(params=["file", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Something behind a URL that has nothing yet."""
    from storages import Folder

    return request.getfixturevalue("bucket") if request.param == "s3" else Folder(tmp_path / "storage")


def pytest_collection_finish() -> None:
    """What was collected stays until the end: MindSpore need not look through it whenever it compiles a network."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Networks that outlive their module no longer count themselves: MindSpore would print a traceback for each."""
    del nn.Cell.__del__
