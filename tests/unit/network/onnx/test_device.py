"""A GPU is computed on where it is there, and nowhere is the processor taken in its place; no GPU is needed here."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from gpus import FakeGpu

from explainer.errors import EngineError
from explainer.network.onnx.device import require_device
from explainer.network.onnx.graph import Batch, Graph, GraphBuilder
from explainer.network.onnx.session import Session

IMAGES = np.random.default_rng(0).standard_normal((3, 2, 5, 7)).astype(np.float32)
WEIGHTS = {"scale": np.float32([[[2]], [[-3]]])}


def scaled() -> Graph:
    builder = GraphBuilder((Batch(), 2, 5, 7))
    return builder.finished((builder.node("Mul", builder.images, builder.weight("scale", (2, 1, 1), "float32")),))


def test_a_session_is_asked_for_cuda_first_and_in_full_precision(gpu: FakeGpu) -> None:
    session = Session(scaled(), WEIGHTS, device="cuda")
    assert session.device == "cuda"
    assert gpu.asked == [[("CUDAExecutionProvider", {"use_tf32": "0"}), "CPUExecutionProvider"]]
    np.testing.assert_array_equal(session(IMAGES)[0], IMAGES * WEIGHTS["scale"])


def test_another_graph_with_its_weights_is_on_the_same_device(gpu: FakeGpu) -> None:
    assert Session(scaled(), WEIGHTS, device="cuda").with_weights_for(scaled()).device == "cuda"
    assert gpu.asked[0] == gpu.asked[1]


def test_on_the_processor_nothing_else_is_asked_for(gpu: FakeGpu) -> None:
    assert Session(scaled(), WEIGHTS).device == "cpu"
    assert gpu.asked == [["CPUExecutionProvider"]]


def test_a_session_that_silently_lacks_the_gpu_is_refused(gpu: FakeGpu) -> None:
    gpu.used = ["CPUExecutionProvider"]
    with pytest.raises(EngineError, match=r"is not in use: .* a session for CPUExecutionProvider alone; its CUDA"):
        Session(scaled(), WEIGHTS, device="cuda")


def test_a_session_that_fails_does_not_go_on_without_the_gpu(gpu: FakeGpu) -> None:
    """ONNX Runtime's own way out is the processor."""
    Session(scaled(), WEIGHTS, device="cuda")
    assert gpu.may_fall_back == [False]


def test_without_cuda_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "onnxruntime.get_available_providers", lambda: ["AzureExecutionProvider", "CPUExecutionProvider"]
    )
    require_device("cpu")
    with pytest.raises(
        EngineError,
        match=r'^`device` "cuda" needs an ONNX Runtime with CUDAExecutionProvider; the one that is installed has '
        r'AzureExecutionProvider, CPUExecutionProvider; install onnxruntime-gpu .* or give device="cpu"$',
    ):
        require_device("cuda")


def test_without_onnxruntime_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(EngineError, match=r'"cuda" needs ONNX Runtime, which cannot be imported .* onnxruntime-gpu'):
        require_device("cuda")


def test_another_device_is_refused() -> None:
    with pytest.raises(ValueError, match="`device` must be one of cpu, cuda, got 'gpu'"):
        require_device("gpu")
