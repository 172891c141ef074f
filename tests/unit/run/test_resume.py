"""A run that was interrupted goes on: what is complete is not computed again, and the end is that of one run."""

from __future__ import annotations

import dataclasses
import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gpus import FakeGpu
from mindspore import Tensor, nn
from mindspore.dataset import GeneratorDataset

from explainer import ImageClassificationRunner, RunOptions, RunResult, read_run
from explainer.analysis.view import RunView
from explainer.arrays import FloatArray
from explainer.benchmark import Faithfulness, Sparseness
from explainer.errors import EngineError, ResumeError, SummaryReadError, SummaryWriteError
from explainer.explanation import Gradient, SmoothGrad
from explainer.network.sessions import Sessions
from explainer.records import Record, RunEnd, RunMetadata, SampleDone, Score
from explainer.run.resume import as_recorded
from explainer.summary.explain_pb2 import Event
from explainer.summary.reader import located
from explainer.summary.recorded_run import open_recorded
from explainer.summary.recordfile import frame, read_frames
from explainer.summary.repair import repair
from explainer.summary.same_run import compared, in_words
from explainer.summary.settings import differences
from explainer.summary.verify import verify
from explainer.testing.expectations import require_alike

LABELS = ["ant", "bee", "cat", "dog"]
COUNT = 7
IMAGES = np.random.default_rng(3).standard_normal((COUNT, 3, 5, 7)).astype(np.float32)
TRUTH = [0, 1, 2, 3, 0, 1, 2]


class StopError(Exception):
    """What ends a run in these tests, as a kill would."""


class Stop:
    """A consumer that ends the run when so many samples are complete."""

    def __init__(self, after: int | None = None) -> None:
        self.after = after
        self.records: list[Record] = []

    def write(self, record: Record) -> None:
        self.records.append(record)
        if isinstance(record, SampleDone) and self.after is not None:
            self.after -= 1
            if self.after == 0:
                raise StopError

    def close(self) -> None:
        pass


class Counting(Gradient):
    """Gradient that keeps the images it is asked about, by their first pixel."""

    def __init__(self, network: nn.Cell, seen: list[float], **settings: Any) -> None:
        super().__init__(network, name="Counting", **settings)
        self._seen = seen

    def _explain(self, images: FloatArray, targets: Any) -> Any:
        self._seen += images[:, 0, 0, 0].tolist()
        return super()._explain(images, targets)


def network_of(seed: int = 0) -> nn.Cell:
    weights = np.random.default_rng(seed).standard_normal((4, 105)).astype(np.float32) / 5
    return nn.SequentialCell(nn.Flatten(), nn.Dense(105, 4, weight_init=Tensor(weights), has_bias=False))


@dataclasses.dataclass
class Setting:
    """What a run is made of; every part can be another."""

    folder: Path
    images: FloatArray = dataclasses.field(default_factory=lambda: IMAGES)
    truth: list[int] = dataclasses.field(default_factory=lambda: TRUTH)
    labels: list[str] = dataclasses.field(default_factory=lambda: LABELS)
    network_seed: int = 0
    method_seed: int = 5
    samples: int = 3
    metrics: Callable[[], list[Any]] = lambda: [Sparseness(4)]
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    seen: list[float] = dataclasses.field(default_factory=list)
    jobs: list[Any] = dataclasses.field(default_factory=list)

    def run(self, *, resume: bool = False, stop: int | None = None) -> RunResult:
        network = network_of(self.network_seed)
        rows = [(image, np.int32(label)) for image, label in zip(self.images, self.truth, strict=True)]
        data = GeneratorDataset(rows, ["image", "label"], shuffle=False, num_parallel_workers=1), list(self.labels)
        options = RunOptions(**{"batch_size": 3, "progress": False, **self.options})
        runner = ImageClassificationRunner(self.folder, data, network, nn.Softmax(), options=options)
        noisy = SmoothGrad(network, Gradient, samples=self.samples, seed=self.method_seed)
        runner.register_saliency([Counting(network, self.seen), noisy], self.metrics())
        for job in self.jobs:
            runner.register(job)
        self.sink = Stop(stop)
        runner.register_sink(self.sink)
        return runner.run(resume=resume)

    def stopped(self, after: int) -> None:
        with pytest.raises(StopError):
            self.run(stop=after)

    def with_other(self, **parts: Any) -> Setting:
        return dataclasses.replace(self, **parts)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    setting = Setting(tmp_path_factory.mktemp("whole") / "job")
    setting.run()
    return setting.folder


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(tmp_path / "job")


@pytest.fixture(scope="module")
def stopped_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    setting = Setting(tmp_path_factory.mktemp("stopped") / "job")
    setting.stopped(4)
    return setting.folder


@pytest.fixture
def stopped(setting: Setting, stopped_run: Path) -> Setting:
    """A run that ended after four of seven samples."""
    shutil.copytree(stopped_run, setting.folder)
    return setting


def require_same_end(folder: Path, whole: Path) -> None:
    """All of a run must be as in one that was never interrupted, but for its time and the process that wrote it.

    Numbers to 1e-5, as for batches of other sizes; maps to a grey level.
    """
    found, wanted = read_run(folder), read_run(whole)
    require_alike("what is counted", _counted(found), _counted(wanted))
    require_alike("numbers", _numbers(found), _numbers(wanted), 1e-5)
    require_alike("maps", _maps(found), _maps(wanted), 1.5 / 255)
    assert verify(folder).problems == ()


def _counted(run: RunView) -> dict[str, Any]:
    samples = {
        number: (
            (sample.prediction.ground_truth, sample.prediction.predicted, sample.prediction.explained),
            [(entry.explainer, entry.label) for entry in sample.maps],
            [(score.explainer, score.metric, score.label) for score in sample.scores],
            sample.origin,
            run.picture(sample.image),
        )
        for number, sample in run.samples.items()
    }
    files = sorted(path.relative_to(run.files.data_dir).as_posix() for path in run.files.data_dir.rglob("*.*"))
    return {
        "samples": samples,
        "metadata": run.metadata,
        "state": (run.ended, run.findings, run.skipped, run.unfinished, run.repaired),
        "files": files,
        "manifest": (run.files.data_dir / "manifest.json").read_text(),
    }


def _numbers(run: RunView) -> list[Any]:
    samples = [
        (sample.prediction.probabilities, [(entry.low, entry.high) for entry in sample.maps], sample.scores)
        for sample in run.samples.values()
    ]
    return [samples, run.benchmarks, run.statistics()]


def _maps(run: RunView) -> list[FloatArray]:
    return [run.saliency(entry) for sample in run.samples.values() for entry in sample.maps]


def payloads_of(event_file: Path) -> list[bytes]:
    return [found.payload for found in read_frames(BytesIO(event_file.read_bytes()))]


def files_below(folder: Path) -> dict[Path, bytes]:
    """All but the lock."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


def first_pixels(numbers: range | list[int]) -> list[float]:
    return [float(IMAGES[number, 0, 0, 0]) for number in numbers]


# ------------------------------------------------- what comes of it


@pytest.mark.parametrize("after", [1, 3, 4, 6])
def test_a_run_that_goes_on_ends_as_one_that_was_never_interrupted(setting: Setting, uninterrupted: Path, after: int):
    setting.stopped(after)
    setting.seen.clear()
    result = setting.run(resume=True)
    require_same_end(setting.folder, uninterrupted)
    assert [*dict.fromkeys(setting.seen)] == first_pixels(range(after, COUNT))  # no other
    assert (result.samples, result.resumed, result.skipped) == (COUNT, after, 0)
    assert result.maps == sum(len(sample.maps) for sample in read_run(setting.folder).samples.values())


def test_maps_as_floats_go_on_and_are_those_of_an_uninterrupted_run(setting: Setting, tmp_path: Path):
    raw = setting.with_other(options={"raw_maps": "float16"})
    whole = raw.with_other(folder=tmp_path / "whole")
    whole.run()
    raw.stopped(4)
    leftover = read_run(raw.folder).files.data_dir / "heatmap" / "Counting" / "0" / "4_3.npy"
    leftover.write_bytes(b"half")
    (raw.folder / read_run(raw.folder).samples[2].maps[0].raw.path).write_bytes(b"")
    assert raw.run(resume=True).resumed == 3
    require_same_end(raw.folder, whole.folder)
    assert {path.suffix for path in whole.folder.rglob("*_*.npy")} == {".npy"}


def test_other_maps_as_floats_are_named(stopped: Setting):
    with pytest.raises(ResumeError, match=r"options.raw_maps differ: None then, 'float32' now"):
        stopped.with_other(options={"raw_maps": "float32"}).run(resume=True)


def test_stopped_resumed_stopped_and_resumed_again(setting: Setting, uninterrupted: Path):
    setting.stopped(2)
    with pytest.raises(StopError):
        setting.run(resume=True, stop=3)
    setting.seen.clear()
    assert setting.run(resume=True).resumed == 5
    assert [*dict.fromkeys(setting.seen)] == first_pixels([5, 6])
    require_same_end(setting.folder, uninterrupted)
    assert len(list(setting.folder.glob("*_explain"))) == 1  # the newest file is the one that MindInsight reads


def test_a_run_of_which_only_the_end_is_missing_gets_its_totals(setting: Setting, uninterrupted: Path):
    shutil.copytree(uninterrupted, setting.folder)
    event_file = read_run(setting.folder).files.event_file
    event_file.write_bytes(b"".join(map(frame, payloads_of(event_file)[:-2])))
    assert setting.run(resume=True).resumed == COUNT
    assert setting.seen == []
    require_same_end(setting.folder, uninterrupted)


def test_an_ended_run_computes_nothing_and_says_so(setting: Setting, uninterrupted: Path, caplog):
    shutil.copytree(uninterrupted, setting.folder)
    before = files_below(setting.folder)
    with caplog.at_level(logging.WARNING, "explainer"):
        result = setting.run(resume=True)
    assert "has ended: all of its samples are complete, nothing was computed" in caplog.text
    assert (result.samples, result.resumed, setting.seen) == (COUNT, COUNT, [])
    assert result.event_file == read_run(setting.folder).files.event_file
    assert files_below(setting.folder) == before


def test_an_empty_folder_is_a_new_run(setting: Setting, uninterrupted: Path):
    assert setting.run(resume=True).resumed == 0
    require_same_end(setting.folder, uninterrupted)


def test_a_file_in_which_nothing_was_written_yet_is_passed_over(setting: Setting):
    setting.folder.mkdir()
    (setting.folder / "events.out.events.summary.17.4_explain").touch()
    assert setting.run(resume=True).resumed == 0
    assert len(list(setting.folder.glob("*_explain"))) == 2


def test_the_newest_unfinished_run_goes_on_also_beside_ended_ones(stopped: Setting):
    unfinished = read_run(stopped.folder).files
    stopped.run()
    assert read_run(stopped.folder).files != unfinished
    assert stopped.run(resume=True).event_file == unfinished.event_file
    assert read_run(stopped.folder, run=unfinished.timestamp).ended


def test_consumers_get_the_metadata_what_is_new_and_the_totals(stopped: Setting):
    stopped.run(resume=True)
    records = stopped.sink.records
    assert isinstance(records[0], RunMetadata) and isinstance(records[-1], RunEnd)
    assert [record.sample_id for record in records if isinstance(record, SampleDone)] == [4, 5, 6]
    assert {record.sample_id for record in records if isinstance(record, Score)} == {4, 5, 6}


def test_a_skipped_sample_stays_skipped(setting: Setting, tmp_path: Path):
    images = IMAGES.copy()
    images[1] = np.nan
    bad = setting.with_other(images=images, options={"on_bad_sample": "skip"})
    whole = bad.with_other(folder=tmp_path / "whole")
    whole.run()
    bad.stopped(3)
    bad.run(resume=True)
    require_same_end(bad.folder, whole.folder)
    assert read_run(bad.folder).skipped.keys() == {1}


# ------------------------------------------------- what a kill leaves


def test_half_a_record_half_a_sample_and_leftover_pictures_are_gone(stopped: Setting, uninterrupted: Path):
    whole = payloads_of(read_run(uninterrupted).files.event_file)
    files = read_run(stopped.folder).files
    done = len(payloads_of(files.event_file))
    with files.event_file.open("ab") as file:  # two records of the next sample, and half of a third
        file.write(b"".join(map(frame, whole[done : done + 2])) + frame(whole[done + 2])[:20])
    draft = files.data_dir / "origin_images" / "0" / "4.png.draft"
    leftover = files.data_dir / "heatmap" / "Counting" / "0" / "4_3.png"
    draft.write_bytes(b"half")
    leftover.write_bytes(b"half")
    stopped.run(resume=True)
    require_same_end(stopped.folder, uninterrupted)
    assert payloads_of(files.event_file)[:done] == payloads_of(files.event_file)[:done]


@pytest.mark.parametrize("number", [0, 1, 3, 8])
def test_damage_before_the_end_costs_the_samples_that_it_hit_alone(stopped: Setting, uninterrupted: Path, number: int):
    """Of the metadata, its copy, and records of samples: the file is clean afterwards."""
    event_file = read_run(stopped.folder).files.event_file
    content = bytearray(event_file.read_bytes())
    content[list(read_frames(BytesIO(bytes(content))))[number].offset + 14] ^= 1
    event_file.write_bytes(bytes(content))
    lost = COUNT - 3 - len(read_run(stopped.folder).samples)
    stopped.run(resume=True)
    assert len({*stopped.seen}) == 3 + lost == (3 if number < 2 else 4)
    require_same_end(stopped.folder, uninterrupted)


@pytest.mark.parametrize(
    "spoil", [Path.unlink, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(b"x")]
)
def test_a_sample_whose_picture_is_not_what_was_recorded_is_computed_again(
    stopped: Setting, uninterrupted: Path, spoil: Callable[[Path], object]
):
    """As after a loss of power."""
    run = read_run(stopped.folder)
    spoil(stopped.folder / run.samples[2].maps[0].path)
    assert stopped.run(resume=True).resumed == 3
    assert [*dict.fromkeys(stopped.seen)] == first_pixels([2, 4, 5, 6])
    require_same_end(stopped.folder, uninterrupted)


def test_without_its_data_folder_all_is_computed_again(stopped: Setting, uninterrupted: Path):
    shutil.rmtree(read_run(stopped.folder).files.data_dir)
    assert stopped.run(resume=True).resumed == 0
    require_same_end(stopped.folder, uninterrupted)


def test_a_run_that_lost_its_metadata_is_refused(stopped: Setting):
    event_file = read_run(stopped.folder).files.event_file
    payloads = payloads_of(event_file)
    event_file.write_bytes(b"".join(map(frame, payloads[2:])))
    before = event_file.read_bytes()
    with pytest.raises(SummaryReadError, match="its metadata is damaged, and its copy, too"):
        stopped.run(resume=True)
    assert event_file.read_bytes() == before


def test_a_repaired_copy_goes_on(stopped: Setting, uninterrupted: Path, tmp_path: Path):
    run = read_run(stopped.folder)
    (stopped.folder / run.samples[1].image.path).unlink()
    repair(stopped.folder, tmp_path / "repaired")
    copy = stopped.with_other(folder=tmp_path / "repaired", seen=[])
    copy.run(resume=True)
    assert [*dict.fromkeys(copy.seen)] == first_pixels([1, 4, 5, 6])
    require_same_end(copy.folder, uninterrupted)
    assert read_run(copy.folder).repaired == ""  # nothing is left out any more


# ------------------------------------------------- what must be the same


def changed_images(stopped: Setting) -> dict[str, Any]:
    images = IMAGES.copy()
    images[[2, 3]] = images[[3, 2]]
    return {"images": images}


OTHERS = [
    ({"network_seed": 1}, "weights differ: '[0-9a-f]{32}' then, '[0-9a-f]{32}' now"),
    ({"labels": ["ant", "bee", "cat", "owl"]}, r"labels differ: \['ant', .*'dog'\] then, \['ant', .*'owl'\] now"),
    ({"method_seed": 6}, "explainers.SmoothGrad.seed differs: 5 then, 6 now"),
    ({"samples": 4}, "explainers.SmoothGrad.samples differs?: 3 then, 4 now"),
    ({"metrics": list}, r"names of metrics differ: \['Sparseness'\] then, \[\] now"),
    (
        {"metrics": lambda: [Sparseness(4), Faithfulness(4, nn.Softmax())]},
        r"names of metrics differ: \['Sparseness'\] then, \['Sparseness', 'NaiveFaithfulness'\] now",
    ),
    ({"options": {"threshold": 0.25}}, "options.threshold differs: 0.5 then, 0.25 now"),
    ({"options": {"engine": "onnxruntime"}}, "engine differs: 'mindspore' then, 'onnxruntime' now"),
    ({"options": {"mean": 0.5, "std": 2}}, "options.mean differs: None then, 0.5 now; options.std differs"),
    ({"options": {"label_format": "ids"}}, "options.label_format differs: 'auto' then, 'ids' now"),
    ({"images": IMAGES[:5], "truth": TRUTH[:5]}, "dataset.samples differ: 7 then, 5 now"),
    ({"images": IMAGES[[0, 1, 3, 2, 4, 5, 6]]}, "images differ: sample 2 is not the one that was explained"),
    ({"truth": [0, 2, 2, 3, 0, 1, 2]}, r"true labels differ: sample 1 had \[1\], has \[2\]"),
]


@pytest.mark.parametrize(("parts", "message"), OTHERS, ids=[str(index) for index in range(len(OTHERS))])
def test_each_difference_is_refused_by_its_name_and_nothing_is_touched(
    stopped: Setting, parts: dict[str, Any], message: str
):
    before = files_below(stopped.folder)
    with pytest.raises(ResumeError, match=f"cannot go on with .*_explain: .*{message}"):
        stopped.with_other(**parts).run(resume=True)
    assert files_below(stopped.folder) == before
    assert stopped.seen == []


def test_all_differences_are_named_at_once(stopped: Setting):
    with pytest.raises(ResumeError, match=r"weights differ: .*; .*seed differs: .*threshold differs: "):
        stopped.with_other(network_seed=1, method_seed=6, options={"threshold": 0.25}).run(resume=True)


def test_of_long_lists_the_first_difference_is_named():
    then = RunMetadata(labels=tuple(map(str, range(1000))), parameters={"fill": [0.5] * 9})
    for labels, told in (
        ((*then.labels[:7], "seven", *then.labels[8:]), "labels[7] differs: '7' then, 'seven' now"),
        (then.labels[:-1], "labels differ: 1000 then, 999 now"),
    ):
        now = dataclasses.replace(then, labels=labels)
        found = differences(compared(as_recorded(then)), compared(as_recorded(now)))
        assert list(map(in_words, found)) == [told]


def test_a_run_without_digests_of_its_images_is_refused(stopped: Setting):
    """As earlier versions wrote them."""
    event_file = read_run(stopped.folder).files.event_file
    events = [Event.FromString(payload) for payload in payloads_of(event_file)]
    for event in events:
        if event.explain.HasField("sample"):
            event.explain.sample.ClearField("input_digest")
    event_file.write_bytes(b"".join(frame(event.SerializeToString()) for event in events))
    with pytest.raises(ResumeError, match="an earlier version wrote it, which kept no digest of sample 0"):
        stopped.run(resume=True)


def test_an_ended_run_of_another_network_is_refused_too(setting: Setting, uninterrupted: Path):
    shutil.copytree(uninterrupted, setting.folder)
    with pytest.raises(ResumeError, match="weights differ"):
        setting.with_other(network_seed=1).run(resume=True)


@pytest.mark.parametrize(("version", "refused"), [("1.0.0", True), ("0.9.9", False)])
def test_of_the_package_the_major_version_must_be_the_same(
    stopped: Setting, monkeypatch: pytest.MonkeyPatch, version: str, refused: bool
):
    monkeypatch.setattr("explainer.run.metadata.__version__", version)
    if refused:
        with pytest.raises(ResumeError, match="package major version differs: '0' then, '1' now"):
            stopped.run(resume=True)
    else:
        assert stopped.run(resume=True).resumed == 4


def test_a_dataset_that_ends_too_soon_without_a_known_size_is_refused(stopped: Setting, tmp_path: Path):
    """Where MindSpore cannot count, the size is found out by reading."""
    with open_recorded(stopped.folder) as recorded:
        from explainer.data.batch import Sample
        from explainer.run.resume import CompleteSamples

        complete = CompleteSamples(recorded)
        for number in range(3):
            assert complete.has(Sample(number, IMAGES[number], (TRUTH[number],)))
        assert not complete.has(Sample(4, IMAGES[4], (0,)))
        with pytest.raises(ResumeError, match="images differ: the dataset ends before sample 3, which was explained"):
            complete.require_all_met()


@pytest.mark.parametrize("options", [{"batch_size": 5}, {"on_bad_sample": "skip"}])
def test_what_changes_no_result_may_differ_and_is_recorded(stopped: Setting, options: dict[str, Any]):
    stopped.with_other(options=options).run(resume=True)
    run = read_run(stopped.folder)
    assert run.resumed == (options,)
    assert run.ended and len(run.samples) == COUNT


def test_nothing_is_recorded_where_nothing_differs(stopped: Setting):
    stopped.run(resume=True)
    assert read_run(stopped.folder).resumed == ()


# The engine.


def by_onnx(folder: Path, engine: str = "onnxruntime") -> Setting:
    """A run whose first map and scores come from perturbed images."""
    return Setting(folder, options={"engine": engine}, metrics=lambda: [Faithfulness(4, nn.Softmax())])


@pytest.fixture(scope="module")
def stopped_by_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    setting = by_onnx(tmp_path_factory.mktemp("onnx") / "job")
    setting.stopped(4)
    return setting.folder


@pytest.fixture
def onnx(setting: Setting, stopped_by_onnx: Path) -> Setting:
    """A run that ended after four of seven samples, computed by ONNX Runtime; it goes on with "auto"."""
    shutil.copytree(stopped_by_onnx, setting.folder)
    return by_onnx(setting.folder, "auto")


def test_onnx_runtime_goes_on_with_what_it_began(onnx: Setting, tmp_path: Path):
    whole = by_onnx(tmp_path / "whole")
    whole.run()
    onnx.run(resume=True)
    require_same_end(onnx.folder, whole.folder)
    assert read_run(onnx.folder).metadata.parameters["engine"]["name"] == "onnxruntime"


def test_mindspore_goes_on_with_what_it_began(stopped: Setting, uninterrupted: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Sessions, "_made", lambda *given: pytest.fail("a session was made"))
    stopped.with_other(options={"engine": "auto"}).run(resume=True)
    require_same_end(stopped.folder, uninterrupted)


def test_a_run_of_another_engine_than_is_asked_for_is_refused(onnx: Setting):
    before = files_below(onnx.folder)
    with pytest.raises(ResumeError, match="engine differs: 'onnxruntime' then, 'mindspore' now"):
        onnx.with_other(options={"engine": "mindspore"}).run(resume=True)
    assert files_below(onnx.folder) == before


def test_a_run_that_began_on_the_processor_does_not_go_on_on_a_gpu(onnx: Setting, gpu: FakeGpu):
    before = files_below(onnx.folder)
    with pytest.raises(ResumeError, match="device differs: 'cpu' then, 'cuda' now"):
        onnx.with_other(options={"engine": "auto", "device": "cuda"}).run(resume=True)
    assert files_below(onnx.folder) == before


def test_a_run_that_began_on_a_gpu_goes_on_there_alone(setting: Setting, gpu: FakeGpu):
    on_gpu = Setting(setting.folder, options={"engine": "auto", "device": "cuda"})
    on_gpu.stopped(4)
    with pytest.raises(ResumeError, match="device differs: 'cuda' then, 'cpu' now"):
        on_gpu.with_other(options={"engine": "auto"}).run(resume=True)
    gpu.asked.clear()
    assert on_gpu.run(resume=True).samples == 7
    assert read_run(on_gpu.folder).metadata.parameters["engine"]["device"] == "cuda"


def test_a_run_whose_engine_can_no_longer_compute_it_is_refused(onnx: Setting, monkeypatch: pytest.MonkeyPatch):
    before = files_below(onnx.folder)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ResumeError, match=r"ONNX Runtime has begun it\. .* onnxruntime cannot be imported"):
        onnx.run(resume=True)
    assert files_below(onnx.folder) == before


def test_another_version_of_the_engine_may_go_on_and_is_recorded(onnx: Setting, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("explainer.run.resume.version_of", lambda package: f"{package} 9.9")
    onnx.run(resume=True)
    assert read_run(onnx.folder).resumed == ({"engine version": "onnxruntime 9.9"},)


def test_a_run_whose_gradients_another_engine_would_compute_is_refused(onnx: Setting, monkeypatch: pytest.MonkeyPatch):
    assert read_run(onnx.folder).metadata.parameters["engine"]["questions"]["gradient"]["name"] == "onnxruntime"
    before = files_below(onnx.folder)

    def none(graph: Any, **named: Any) -> Any:
        raise EngineError("the operator Sin has no derivative")

    monkeypatch.setattr("explainer.network.questions.gradient_graph", none)
    with pytest.raises(
        ResumeError, match=r"engine of the gradient differs: 'onnxruntime' .* \(the operator Sin has no"
    ):
        onnx.run(resume=True)
    assert files_below(onnx.folder) == before


class Diary:
    """A job without `recall`."""

    name = "diary"

    def check(self, first_batch: Any, labels: Any) -> None:
        pass

    def start(self) -> Iterator[Record]:
        yield from ()

    def on_batch(self, batch: Any) -> Iterator[Record]:
        yield from ()

    def finish(self) -> Iterator[Record]:
        yield from ()


def test_a_job_that_cannot_recall_is_refused_before_anything_else(stopped: Setting):
    with pytest.raises(RuntimeError, match="the job 'diary' cannot be in a run that is resumed: it has no method"):
        stopped.with_other(jobs=[Diary()]).run(resume=True)


def test_resume_must_be_true_or_false(setting: Setting):
    with pytest.raises(TypeError, match="`resume` must be True or False, got 'yes'"):
        setting.run(resume="yes")  # type: ignore[arg-type]


# ------------------------------------------------- the lock


def test_a_run_that_is_being_written_is_refused_and_others_in_the_folder_go_on(stopped: Setting):
    with open_recorded(stopped.folder), pytest.raises(SummaryWriteError, match="is being written, by a process that"):
        stopped.run(resume=True)
    with open_recorded(stopped.folder):
        assert stopped.run().samples == COUNT  # another run, of its own
    assert stopped.run(resume=True).resumed == 4  # nobody holds the lock any more


def test_a_new_run_is_locked_while_it_is_written_and_leaves_no_lock(setting: Setting):
    class Look(Diary):
        def recall(self, sample: Any) -> None:
            pass

        def on_batch(self, batch: Any) -> Iterator[Record]:
            with pytest.raises(SummaryWriteError, match="is being written"):
                open_recorded(setting.folder)
            yield from ()

    setting.jobs.append(Look())
    setting.run()
    assert list(setting.folder.rglob(".lock")) == []


def test_every_record_of_a_sample_is_as_the_reader_gives_it_back(stopped: Setting):
    with open_recorded(stopped.folder) as recorded:
        assert [sample.sample_id for sample in recorded.samples()] == [0, 1, 2, 3] == sorted(recorded.complete)
        assert recorded.sample(2).origin.input_digest == recorded.sample(2).origin.input_digest
    frames = read_frames(BytesIO(read_run(stopped.folder).files.event_file.read_bytes()))
    assert all(located(found).finding is None for found in frames)
