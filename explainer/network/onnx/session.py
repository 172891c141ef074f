"""A graph at work: ONNX Runtime, with the weights of one moment."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explainer.arrays import FloatArray
from explainer.errors import EngineError
from explainer.memory import give_back, pieces
from explainer.network.onnx.device import CPU, providers_of, require_in_use
from explainer.network.onnx.footprint import images_together
from explainer.network.onnx.graph import Graph, Value
from explainer.network.onnx.model import model_of, needed_weights

_SPINNING = "300"  # microseconds: threads wait so for the next operator, and leave the cores to the next session
_COMPARED = ctypes.CDLL(None if os.name == "posix" else "msvcrt").memcmp  # gives 0 where so many bytes are the same
_COMPARED.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
_POOLINGS = ("MaxPool", "AveragePool")
_ERRORS_ALONE = 3  # ONNX Runtime's level of what it prints


class Session:
    """A graph with the weights that it is given: values of it, for any number of images.

    The weights are constants to ONNX Runtime, which prepares them once for its kernels: as inputs they would be
    prepared for every batch. So a session is for the weights that it was made with; others get another session.

    Args:
        graph: the network.
        weights: each parameter by its name; those that the outputs do not need may be missing.
        outputs: the values to be given; the network's own outputs, if there are none.
        threads: how many of them; as many as `thread_count` says, if it is not given.
        device: where it computes, "cpu" or "cuda".

    Attributes:
        device: as it was given.

    Raises:
        EngineError: ONNX Runtime does not take the graph, or cannot have the device.
    """

    def __init__(
        self,
        graph: Graph,
        weights: Mapping[str, NDArray[Any]],
        outputs: Iterable[Value] = (),
        *,
        threads: int | None = None,
        device: str = CPU,
    ) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads = thread_count() if threads is None else threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.spin_duration_us", _SPINNING)
        options.log_severity_level = _ERRORS_ALONE
        if _have_one_arena():
            options.add_session_config_entry("session.use_env_allocators", "1")
        wanted = tuple(outputs) or graph.outputs
        self._together = images_together(replace(graph, outputs=wanted), device, threads)
        needed = needed_weights(graph, wanted)
        self._kept = {name: _held(value, weights[name]) for name, value in needed.items()}
        options.add_external_initializers(
            [value.name for value in needed.values()],
            [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in self._kept.values()],
        )
        try:
            self._session = onnxruntime.InferenceSession(
                model_of(graph, wanted),
                options,
                providers=providers_of(device),
                enable_fallback=0,
                disabled_optimizers=_wrong_for(graph),
            )
        except Exception as error:  # ONNX Runtime has a class of its own for each reason, all private
            raise EngineError(f"ONNX Runtime does not take the graph: {first_line(error)}") from error
        give_back()  # what the model took that it was made from
        require_in_use(self._session, device)
        self.device = device
        self._copies = [_Copy(name, array) for name, array in self._kept.items()]
        self._inputs = [value.name for value in graph.inputs]
        self._names = [value.name for value in wanted]

    def __call__(self, images: FloatArray, *others: FloatArray) -> tuple[NDArray[Any], ...]:
        """The values for images (N, C, H, W) float32, and what else the graph is given, in its order.

        Raises:
            EngineError: ONNX Runtime cannot compute them, as where there is no memory left.
        """
        inputs = dict(zip(self._inputs, map(np.ascontiguousarray, (images, *others)), strict=True))
        try:
            given: list[NDArray[Any]] = self._session.run(self._names, inputs)
        except Exception as error:  # ONNX Runtime has a class of its own for each reason, all private
            what = f"{len(images)} images of {images.shape[1:]}"
            raise EngineError(f"ONNX Runtime failed for {what}: {first_line(error)}") from error
        return tuple(given)

    def in_parts(self, *of_images: FloatArray, always: Iterable[NDArray[Any]] = ()) -> tuple[NDArray[Any], ...]:
        """As a call, with so few images at a time that what is held of them stays near the cores.

        Args:
            of_images: the images, and what is given beside each of them.
            always: what is given beside all of them, and comes last.

        Raises:
            EngineError: as for a call.
        """
        parts = [
            self(*(array[rows] for array in of_images), *always) for rows in pieces(len(of_images[0]), self._together)
        ]
        return parts[0] if len(parts) == 1 else tuple(map(np.concatenate, zip(*parts, strict=True)))

    def with_weights_for(self, graph: Graph) -> Session:
        """Another graph at work, with the same weights, which both share.

        Raises:
            EngineError: as for the class.
        """
        return Session(graph, self._kept, device=self.device)

    @property
    def held(self) -> Mapping[str, NDArray[Any]]:
        """The weights that it was made with, by their names; nobody writes into them."""
        return self._kept

    def holds(self, weights: Mapping[str, NDArray[Any]]) -> bool:
        """Whether these are the weights that it was made with, to the last bit."""
        return all(copy.is_equal_to(weights[copy.name]) for copy in self._copies)


class _Copy:
    """A weight that a session holds, and where the one was that it was last compared with."""

    def __init__(self, name: str, array: NDArray[Any]) -> None:
        self.name = name
        self._array = array
        self._address = array.ctypes.data
        self._other: NDArray[Any] | None = None
        self._address_of_other = 0

    def is_equal_to(self, other: NDArray[Any]) -> bool:
        """Whether the other has the same numbers, bit by bit."""
        if other is not self._other:
            if not other.flags.c_contiguous or (other.shape, other.dtype) != (self._array.shape, self._array.dtype):
                return are_equal(self._array, other)
            self._other, self._address_of_other = other, other.ctypes.data  # NumPy takes long to tell where it is
        return not _COMPARED(self._address, self._address_of_other, self._array.nbytes)


def are_equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether both are arrays of the same bits.

    As fast as memory: NumPy writes down for each number whether it is equal, which takes twice as long, and a
    cryptographic digest nine times.

    >>> are_equal(np.zeros(3), np.zeros(3)), are_equal(np.zeros(3), -np.zeros(3))
    (True, False)
    """
    if (one.shape, one.dtype) != (other.shape, other.dtype):
        return False
    one, other = np.ascontiguousarray(one), np.ascontiguousarray(other)
    return not _COMPARED(one.ctypes.data, other.ctypes.data, one.nbytes)


def _wrong_for(graph: Graph) -> list[str]:
    """ONNX Runtime's optimizations that would change what the graph gives.

    Up to 1.27 at least, zeros that are padded before a MaxPool become the pooling's own margin, which no number below
    zero loses to. Where the first images have none, no comparison would show it.
    """
    makers: dict[Value | None, str] = {value: node.operator for node in graph.nodes for value in node.outputs}
    is_padded = any(node.operator in _POOLINGS and makers.get(node.inputs[0]) == "Pad" for node in graph.nodes)
    return ["Pad_Fusion"] if is_padded else []


@cache
def _have_one_arena() -> bool:
    """Whether sessions take turns in the memory of one arena, made for the first of them: alone each keeps its most."""
    import onnxruntime

    kind, use = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, onnxruntime.OrtMemType.DEFAULT
    settings = onnxruntime.OrtArenaCfg(0, -1, -1, -1)  # ONNX Runtime's own
    try:
        onnxruntime.create_and_register_allocator(onnxruntime.OrtMemoryInfo("Cpu", kind, 0, use), settings)
    except Exception:  # somebody else has made one, for purposes of their own
        return False
    return True


def thread_count() -> int:
    """How many threads a session has: what `OMP_NUM_THREADS` says, as for MindSpore, else the cores of this process."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdigit() and int(told) > 0:
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _held(value: Value, array: NDArray[Any]) -> NDArray[Any]:
    if array.shape != value.shape or array.dtype != value.dtype:
        raise EngineError(f"the weight {value.name} is {array.shape} {array.dtype}, not {value.shape} {value.dtype}")
    if array.flags.owndata and array.flags.c_contiguous and not array.flags.writeable:
        return array  # of another session
    copied = np.array(array, order="C")  # MindSpore's optimizers write into its own
    copied.flags.writeable = False
    return copied


def first_line(error: Exception) -> str:
    """What an error says first."""
    return str(error).strip().split("\n")[0][:200]
