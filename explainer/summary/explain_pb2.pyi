from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Event(_message.Message):
    __slots__ = ("wall_time", "step", "version", "explain")
    WALL_TIME_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    wall_time: float
    step: int
    version: str
    explain: Explain
    def __init__(self, wall_time: _Optional[float] = ..., step: _Optional[int] = ..., version: _Optional[str] = ..., explain: _Optional[_Union[Explain, _Mapping]] = ...) -> None: ...

class Explain(_message.Message):
    __slots__ = ("sample_id", "image_path", "ground_truth_label", "inference", "explanation", "benchmark", "metadata", "status", "hoc", "run", "sample", "score", "done", "skipped", "curve", "uncertainty", "edit_tree", "repaired", "resumed", "order")
    class Explanation(_message.Message):
        __slots__ = ("explain_method", "label", "heatmap_path", "low", "high", "completeness_gap", "digest", "raw", "standard_error")
        EXPLAIN_METHOD_FIELD_NUMBER: _ClassVar[int]
        LABEL_FIELD_NUMBER: _ClassVar[int]
        HEATMAP_PATH_FIELD_NUMBER: _ClassVar[int]
        LOW_FIELD_NUMBER: _ClassVar[int]
        HIGH_FIELD_NUMBER: _ClassVar[int]
        COMPLETENESS_GAP_FIELD_NUMBER: _ClassVar[int]
        DIGEST_FIELD_NUMBER: _ClassVar[int]
        RAW_FIELD_NUMBER: _ClassVar[int]
        STANDARD_ERROR_FIELD_NUMBER: _ClassVar[int]
        explain_method: str
        label: int
        heatmap_path: str
        low: float
        high: float
        completeness_gap: float
        digest: bytes
        raw: Explain.RawMap
        standard_error: float
        def __init__(self, explain_method: _Optional[str] = ..., label: _Optional[int] = ..., heatmap_path: _Optional[str] = ..., low: _Optional[float] = ..., high: _Optional[float] = ..., completeness_gap: _Optional[float] = ..., digest: _Optional[bytes] = ..., raw: _Optional[_Union[Explain.RawMap, _Mapping]] = ..., standard_error: _Optional[float] = ...) -> None: ...
    class RawMap(_message.Message):
        __slots__ = ("path", "digest", "exponent")
        PATH_FIELD_NUMBER: _ClassVar[int]
        DIGEST_FIELD_NUMBER: _ClassVar[int]
        EXPONENT_FIELD_NUMBER: _ClassVar[int]
        path: str
        digest: bytes
        exponent: int
        def __init__(self, path: _Optional[str] = ..., digest: _Optional[bytes] = ..., exponent: _Optional[int] = ...) -> None: ...
    class Inference(_message.Message):
        __slots__ = ("ground_truth_prob", "predicted_label", "predicted_prob", "ground_truth_prob_sd", "ground_truth_prob_itl95_low", "ground_truth_prob_itl95_hi", "predicted_prob_sd", "predicted_prob_itl95_low", "predicted_prob_itl95_hi")
        GROUND_TRUTH_PROB_FIELD_NUMBER: _ClassVar[int]
        PREDICTED_LABEL_FIELD_NUMBER: _ClassVar[int]
        PREDICTED_PROB_FIELD_NUMBER: _ClassVar[int]
        GROUND_TRUTH_PROB_SD_FIELD_NUMBER: _ClassVar[int]
        GROUND_TRUTH_PROB_ITL95_LOW_FIELD_NUMBER: _ClassVar[int]
        GROUND_TRUTH_PROB_ITL95_HI_FIELD_NUMBER: _ClassVar[int]
        PREDICTED_PROB_SD_FIELD_NUMBER: _ClassVar[int]
        PREDICTED_PROB_ITL95_LOW_FIELD_NUMBER: _ClassVar[int]
        PREDICTED_PROB_ITL95_HI_FIELD_NUMBER: _ClassVar[int]
        ground_truth_prob: _containers.RepeatedScalarFieldContainer[float]
        predicted_label: _containers.RepeatedScalarFieldContainer[int]
        predicted_prob: _containers.RepeatedScalarFieldContainer[float]
        ground_truth_prob_sd: _containers.RepeatedScalarFieldContainer[float]
        ground_truth_prob_itl95_low: _containers.RepeatedScalarFieldContainer[float]
        ground_truth_prob_itl95_hi: _containers.RepeatedScalarFieldContainer[float]
        predicted_prob_sd: _containers.RepeatedScalarFieldContainer[float]
        predicted_prob_itl95_low: _containers.RepeatedScalarFieldContainer[float]
        predicted_prob_itl95_hi: _containers.RepeatedScalarFieldContainer[float]
        def __init__(self, ground_truth_prob: _Optional[_Iterable[float]] = ..., predicted_label: _Optional[_Iterable[int]] = ..., predicted_prob: _Optional[_Iterable[float]] = ..., ground_truth_prob_sd: _Optional[_Iterable[float]] = ..., ground_truth_prob_itl95_low: _Optional[_Iterable[float]] = ..., ground_truth_prob_itl95_hi: _Optional[_Iterable[float]] = ..., predicted_prob_sd: _Optional[_Iterable[float]] = ..., predicted_prob_itl95_low: _Optional[_Iterable[float]] = ..., predicted_prob_itl95_hi: _Optional[_Iterable[float]] = ...) -> None: ...
    class Benchmark(_message.Message):
        __slots__ = ("benchmark_method", "explain_method", "total_score", "label_score", "defined", "undefined")
        BENCHMARK_METHOD_FIELD_NUMBER: _ClassVar[int]
        EXPLAIN_METHOD_FIELD_NUMBER: _ClassVar[int]
        TOTAL_SCORE_FIELD_NUMBER: _ClassVar[int]
        LABEL_SCORE_FIELD_NUMBER: _ClassVar[int]
        DEFINED_FIELD_NUMBER: _ClassVar[int]
        UNDEFINED_FIELD_NUMBER: _ClassVar[int]
        benchmark_method: str
        explain_method: str
        total_score: float
        label_score: _containers.RepeatedScalarFieldContainer[float]
        defined: int
        undefined: int
        def __init__(self, benchmark_method: _Optional[str] = ..., explain_method: _Optional[str] = ..., total_score: _Optional[float] = ..., label_score: _Optional[_Iterable[float]] = ..., defined: _Optional[int] = ..., undefined: _Optional[int] = ...) -> None: ...
    class Metadata(_message.Message):
        __slots__ = ("label", "explain_method", "benchmark_method")
        LABEL_FIELD_NUMBER: _ClassVar[int]
        EXPLAIN_METHOD_FIELD_NUMBER: _ClassVar[int]
        BENCHMARK_METHOD_FIELD_NUMBER: _ClassVar[int]
        label: _containers.RepeatedScalarFieldContainer[str]
        explain_method: _containers.RepeatedScalarFieldContainer[str]
        benchmark_method: _containers.RepeatedScalarFieldContainer[str]
        def __init__(self, label: _Optional[_Iterable[str]] = ..., explain_method: _Optional[_Iterable[str]] = ..., benchmark_method: _Optional[_Iterable[str]] = ...) -> None: ...
    class HocLayer(_message.Message):
        __slots__ = ("prob", "box")
        PROB_FIELD_NUMBER: _ClassVar[int]
        BOX_FIELD_NUMBER: _ClassVar[int]
        prob: float
        box: _containers.RepeatedScalarFieldContainer[int]
        def __init__(self, prob: _Optional[float] = ..., box: _Optional[_Iterable[int]] = ...) -> None: ...
    class Hoc(_message.Message):
        __slots__ = ("label", "mask", "layer")
        LABEL_FIELD_NUMBER: _ClassVar[int]
        MASK_FIELD_NUMBER: _ClassVar[int]
        LAYER_FIELD_NUMBER: _ClassVar[int]
        label: int
        mask: str
        layer: _containers.RepeatedCompositeFieldContainer[Explain.HocLayer]
        def __init__(self, label: _Optional[int] = ..., mask: _Optional[str] = ..., layer: _Optional[_Iterable[_Union[Explain.HocLayer, _Mapping]]] = ...) -> None: ...
    class Order(_message.Message):
        __slots__ = ("samples", "digest")
        SAMPLES_FIELD_NUMBER: _ClassVar[int]
        DIGEST_FIELD_NUMBER: _ClassVar[int]
        samples: int
        digest: bytes
        def __init__(self, samples: _Optional[int] = ..., digest: _Optional[bytes] = ...) -> None: ...
    class Run(_message.Message):
        __slots__ = ("format_major", "format_minor", "package_version", "label", "job", "parameters", "explain_method", "benchmark_method")
        FORMAT_MAJOR_FIELD_NUMBER: _ClassVar[int]
        FORMAT_MINOR_FIELD_NUMBER: _ClassVar[int]
        PACKAGE_VERSION_FIELD_NUMBER: _ClassVar[int]
        LABEL_FIELD_NUMBER: _ClassVar[int]
        JOB_FIELD_NUMBER: _ClassVar[int]
        PARAMETERS_FIELD_NUMBER: _ClassVar[int]
        EXPLAIN_METHOD_FIELD_NUMBER: _ClassVar[int]
        BENCHMARK_METHOD_FIELD_NUMBER: _ClassVar[int]
        format_major: int
        format_minor: int
        package_version: str
        label: _containers.RepeatedScalarFieldContainer[str]
        job: _containers.RepeatedScalarFieldContainer[str]
        parameters: str
        explain_method: _containers.RepeatedScalarFieldContainer[str]
        benchmark_method: _containers.RepeatedScalarFieldContainer[str]
        def __init__(self, format_major: _Optional[int] = ..., format_minor: _Optional[int] = ..., package_version: _Optional[str] = ..., label: _Optional[_Iterable[str]] = ..., job: _Optional[_Iterable[str]] = ..., parameters: _Optional[str] = ..., explain_method: _Optional[_Iterable[str]] = ..., benchmark_method: _Optional[_Iterable[str]] = ...) -> None: ...
    class Sample(_message.Message):
        __slots__ = ("image_path", "ground_truth", "predicted", "explained", "probability", "image_digest", "input_digest", "source", "source_digest", "objects")
        IMAGE_PATH_FIELD_NUMBER: _ClassVar[int]
        GROUND_TRUTH_FIELD_NUMBER: _ClassVar[int]
        PREDICTED_FIELD_NUMBER: _ClassVar[int]
        EXPLAINED_FIELD_NUMBER: _ClassVar[int]
        PROBABILITY_FIELD_NUMBER: _ClassVar[int]
        IMAGE_DIGEST_FIELD_NUMBER: _ClassVar[int]
        INPUT_DIGEST_FIELD_NUMBER: _ClassVar[int]
        SOURCE_FIELD_NUMBER: _ClassVar[int]
        SOURCE_DIGEST_FIELD_NUMBER: _ClassVar[int]
        OBJECTS_FIELD_NUMBER: _ClassVar[int]
        image_path: str
        ground_truth: _containers.RepeatedScalarFieldContainer[int]
        predicted: _containers.RepeatedScalarFieldContainer[int]
        explained: _containers.RepeatedScalarFieldContainer[int]
        probability: _containers.RepeatedScalarFieldContainer[float]
        image_digest: bytes
        input_digest: bytes
        source: str
        source_digest: bytes
        objects: Explain.Objects
        def __init__(self, image_path: _Optional[str] = ..., ground_truth: _Optional[_Iterable[int]] = ..., predicted: _Optional[_Iterable[int]] = ..., explained: _Optional[_Iterable[int]] = ..., probability: _Optional[_Iterable[float]] = ..., image_digest: _Optional[bytes] = ..., input_digest: _Optional[bytes] = ..., source: _Optional[str] = ..., source_digest: _Optional[bytes] = ..., objects: _Optional[_Union[Explain.Objects, _Mapping]] = ...) -> None: ...
    class Objects(_message.Message):
        __slots__ = ("width", "height", "label", "box")
        WIDTH_FIELD_NUMBER: _ClassVar[int]
        HEIGHT_FIELD_NUMBER: _ClassVar[int]
        LABEL_FIELD_NUMBER: _ClassVar[int]
        BOX_FIELD_NUMBER: _ClassVar[int]
        width: int
        height: int
        label: _containers.RepeatedScalarFieldContainer[int]
        box: _containers.RepeatedScalarFieldContainer[int]
        def __init__(self, width: _Optional[int] = ..., height: _Optional[int] = ..., label: _Optional[_Iterable[int]] = ..., box: _Optional[_Iterable[int]] = ...) -> None: ...
    class Score(_message.Message):
        __slots__ = ("explain_method", "benchmark_method", "label", "value")
        EXPLAIN_METHOD_FIELD_NUMBER: _ClassVar[int]
        BENCHMARK_METHOD_FIELD_NUMBER: _ClassVar[int]
        LABEL_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        explain_method: str
        benchmark_method: str
        label: int
        value: float
        def __init__(self, explain_method: _Optional[str] = ..., benchmark_method: _Optional[str] = ..., label: _Optional[int] = ..., value: _Optional[float] = ...) -> None: ...
    class Curve(_message.Message):
        __slots__ = ("explain_method", "benchmark_method", "label", "fill", "fraction", "probability")
        EXPLAIN_METHOD_FIELD_NUMBER: _ClassVar[int]
        BENCHMARK_METHOD_FIELD_NUMBER: _ClassVar[int]
        LABEL_FIELD_NUMBER: _ClassVar[int]
        FILL_FIELD_NUMBER: _ClassVar[int]
        FRACTION_FIELD_NUMBER: _ClassVar[int]
        PROBABILITY_FIELD_NUMBER: _ClassVar[int]
        explain_method: str
        benchmark_method: str
        label: int
        fill: str
        fraction: _containers.RepeatedScalarFieldContainer[float]
        probability: _containers.RepeatedScalarFieldContainer[float]
        def __init__(self, explain_method: _Optional[str] = ..., benchmark_method: _Optional[str] = ..., label: _Optional[int] = ..., fill: _Optional[str] = ..., fraction: _Optional[_Iterable[float]] = ..., probability: _Optional[_Iterable[float]] = ...) -> None: ...
    class Uncertainty(_message.Message):
        __slots__ = ("mean", "deviation", "low", "high", "total", "aleatoric", "epistemic", "drawn_label", "draw")
        MEAN_FIELD_NUMBER: _ClassVar[int]
        DEVIATION_FIELD_NUMBER: _ClassVar[int]
        LOW_FIELD_NUMBER: _ClassVar[int]
        HIGH_FIELD_NUMBER: _ClassVar[int]
        TOTAL_FIELD_NUMBER: _ClassVar[int]
        ALEATORIC_FIELD_NUMBER: _ClassVar[int]
        EPISTEMIC_FIELD_NUMBER: _ClassVar[int]
        DRAWN_LABEL_FIELD_NUMBER: _ClassVar[int]
        DRAW_FIELD_NUMBER: _ClassVar[int]
        mean: _containers.RepeatedScalarFieldContainer[float]
        deviation: _containers.RepeatedScalarFieldContainer[float]
        low: _containers.RepeatedScalarFieldContainer[float]
        high: _containers.RepeatedScalarFieldContainer[float]
        total: float
        aleatoric: float
        epistemic: float
        drawn_label: _containers.RepeatedScalarFieldContainer[int]
        draw: _containers.RepeatedScalarFieldContainer[float]
        def __init__(self, mean: _Optional[_Iterable[float]] = ..., deviation: _Optional[_Iterable[float]] = ..., low: _Optional[_Iterable[float]] = ..., high: _Optional[_Iterable[float]] = ..., total: _Optional[float] = ..., aleatoric: _Optional[float] = ..., epistemic: _Optional[float] = ..., drawn_label: _Optional[_Iterable[int]] = ..., draw: _Optional[_Iterable[float]] = ...) -> None: ...
    class EditStep(_message.Message):
        __slots__ = ("layer", "box", "network_output", "step_change", "stop_reason", "child")
        LAYER_FIELD_NUMBER: _ClassVar[int]
        BOX_FIELD_NUMBER: _ClassVar[int]
        NETWORK_OUTPUT_FIELD_NUMBER: _ClassVar[int]
        STEP_CHANGE_FIELD_NUMBER: _ClassVar[int]
        STOP_REASON_FIELD_NUMBER: _ClassVar[int]
        CHILD_FIELD_NUMBER: _ClassVar[int]
        layer: int
        box: _containers.RepeatedScalarFieldContainer[int]
        network_output: float
        step_change: float
        stop_reason: str
        child: _containers.RepeatedCompositeFieldContainer[Explain.EditStep]
        def __init__(self, layer: _Optional[int] = ..., box: _Optional[_Iterable[int]] = ..., network_output: _Optional[float] = ..., step_change: _Optional[float] = ..., stop_reason: _Optional[str] = ..., child: _Optional[_Iterable[_Union[Explain.EditStep, _Mapping]]] = ...) -> None: ...
    class EditTree(_message.Message):
        __slots__ = ("label", "mask", "by_masking", "layer", "root", "reason")
        LABEL_FIELD_NUMBER: _ClassVar[int]
        MASK_FIELD_NUMBER: _ClassVar[int]
        BY_MASKING_FIELD_NUMBER: _ClassVar[int]
        LAYER_FIELD_NUMBER: _ClassVar[int]
        ROOT_FIELD_NUMBER: _ClassVar[int]
        REASON_FIELD_NUMBER: _ClassVar[int]
        label: int
        mask: str
        by_masking: bool
        layer: _containers.RepeatedCompositeFieldContainer[Explain.HocLayer]
        root: Explain.EditStep
        reason: str
        def __init__(self, label: _Optional[int] = ..., mask: _Optional[str] = ..., by_masking: bool = ..., layer: _Optional[_Iterable[_Union[Explain.HocLayer, _Mapping]]] = ..., root: _Optional[_Union[Explain.EditStep, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...
    SAMPLE_ID_FIELD_NUMBER: _ClassVar[int]
    IMAGE_PATH_FIELD_NUMBER: _ClassVar[int]
    GROUND_TRUTH_LABEL_FIELD_NUMBER: _ClassVar[int]
    INFERENCE_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    BENCHMARK_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    HOC_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    CURVE_FIELD_NUMBER: _ClassVar[int]
    UNCERTAINTY_FIELD_NUMBER: _ClassVar[int]
    EDIT_TREE_FIELD_NUMBER: _ClassVar[int]
    REPAIRED_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    sample_id: int
    image_path: str
    ground_truth_label: _containers.RepeatedScalarFieldContainer[int]
    inference: Explain.Inference
    explanation: _containers.RepeatedCompositeFieldContainer[Explain.Explanation]
    benchmark: _containers.RepeatedCompositeFieldContainer[Explain.Benchmark]
    metadata: Explain.Metadata
    status: str
    hoc: _containers.RepeatedCompositeFieldContainer[Explain.Hoc]
    run: Explain.Run
    sample: Explain.Sample
    score: _containers.RepeatedCompositeFieldContainer[Explain.Score]
    done: bool
    skipped: str
    curve: _containers.RepeatedCompositeFieldContainer[Explain.Curve]
    uncertainty: Explain.Uncertainty
    edit_tree: _containers.RepeatedCompositeFieldContainer[Explain.EditTree]
    repaired: str
    resumed: str
    order: Explain.Order
    def __init__(self, sample_id: _Optional[int] = ..., image_path: _Optional[str] = ..., ground_truth_label: _Optional[_Iterable[int]] = ..., inference: _Optional[_Union[Explain.Inference, _Mapping]] = ..., explanation: _Optional[_Iterable[_Union[Explain.Explanation, _Mapping]]] = ..., benchmark: _Optional[_Iterable[_Union[Explain.Benchmark, _Mapping]]] = ..., metadata: _Optional[_Union[Explain.Metadata, _Mapping]] = ..., status: _Optional[str] = ..., hoc: _Optional[_Iterable[_Union[Explain.Hoc, _Mapping]]] = ..., run: _Optional[_Union[Explain.Run, _Mapping]] = ..., sample: _Optional[_Union[Explain.Sample, _Mapping]] = ..., score: _Optional[_Iterable[_Union[Explain.Score, _Mapping]]] = ..., done: bool = ..., skipped: _Optional[str] = ..., curve: _Optional[_Iterable[_Union[Explain.Curve, _Mapping]]] = ..., uncertainty: _Optional[_Union[Explain.Uncertainty, _Mapping]] = ..., edit_tree: _Optional[_Iterable[_Union[Explain.EditTree, _Mapping]]] = ..., repaired: _Optional[str] = ..., resumed: _Optional[str] = ..., order: _Optional[_Union[Explain.Order, _Mapping]] = ...) -> None: ...
