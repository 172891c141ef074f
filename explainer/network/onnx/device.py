"""Where ONNX Runtime computes: on the processor's cores, or on a GPU by CUDA."""

from __future__ import annotations

from typing import Any

from explainer.checks import require_choice
from explainer.errors import EngineError

CPU, CUDA = "cpu", "cuda"
DEVICES = (CPU, CUDA)
_CPU_PROVIDER, _CUDA_PROVIDER = "CPUExecutionProvider", "CUDAExecutionProvider"
_CUDA_SETTINGS = {"use_tf32": "0"}  # with its 11 binary digits outputs would be 1e-3 off MindSpore's
_DO = (
    "install onnxruntime-gpu in place of onnxruntime (pip uninstall onnxruntime, then pip install onnxruntime-gpu), or "
    'give device="cpu"'
)


def require_device(device: Any) -> None:
    """Raises unless ONNX Runtime can be asked to compute there.

    Raises:
        TypeError, ValueError: it is not "cpu" or "cuda".
        EngineError: the ONNX Runtime that is installed was built without CUDA, or there is none.
    """
    require_choice("device", device, DEVICES)
    if device == CPU:
        return
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineError(
            f'`device` "{device}" needs ONNX Runtime, which cannot be imported ({error}); {_DO}'
        ) from error
    found = onnxruntime.get_available_providers()
    if _CUDA_PROVIDER not in found:
        raise EngineError(
            f'`device` "{device}" needs an ONNX Runtime with {_CUDA_PROVIDER}; the one that is installed has '
            f"{', '.join(found)}; {_DO}"
        )


def providers_of(device: str) -> list[Any]:
    """What a session is asked to compute by, the first that has a kernel."""
    return [_CPU_PROVIDER] if device == CPU else [(_CUDA_PROVIDER, _CUDA_SETTINGS), _CPU_PROVIDER]


def require_in_use(session: Any, device: str) -> None:
    """Raises EngineError unless a session has the device: ONNX Runtime goes on without one that it cannot have."""
    used = session.get_providers()
    if device == CUDA and _CUDA_PROVIDER not in used:
        raise EngineError(
            f'`device` "{device}" is not in use: ONNX Runtime has made a session for {", ".join(used)} alone; its CUDA '
            'or cuDNN libraries, or a GPU, were not found (it prints which); mend that, or give device="cpu"'
        )
