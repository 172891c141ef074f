"""A GPU for tests of a machine that has none: ONNX Runtime says that it has CUDA, and computes on the processor."""

from __future__ import annotations

from typing import Any

import pytest


class FakeGpu:
    """What sessions were asked for.

    Attributes:
        asked: the providers of each session that was made.
        used: what a session that was asked for CUDA says that it uses.
        may_fall_back: of each session, whether ONNX Runtime may take the processor where the GPU fails.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        import onnxruntime

        self._made = onnxruntime.InferenceSession
        self.asked: list[Any] = []
        self.used = ["CUDAExecutionProvider", "CPUExecutionProvider"]
        self.may_fall_back: list[bool] = []
        patch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"])
        patch.setattr(onnxruntime, "InferenceSession", self._session)

    def _session(self, model: bytes, options: Any, *, providers: list[Any], **others: Any) -> Any:
        self.asked.append(providers)
        session: Any = self._made(model, options, providers=["CPUExecutionProvider"], **others)
        self.may_fall_back.append(session._enable_fallback)
        if providers != ["CPUExecutionProvider"]:
            session.get_providers = lambda: self.used
        return session
