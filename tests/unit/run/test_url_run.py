"""A run whose summary goes to a URL: written here, uploaded when it has ended, and never lost in between."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mindspore import Tensor, nn
from mindspore.dataset import GeneratorDataset

from explainer import ImageClassificationRunner, RunOptions, read_run, remote
from explainer.benchmark import Sparseness
from explainer.errors import RemoteError, SummaryWriteError
from explainer.explanation import Gradient
from explainer.records import SampleDone
from explainer.remote import RemotePath, download, files_below
from explainer.summary import folder
from explainer.summary import staging as staging_module
from explainer.summary.staging import staging_folder
from explainer.summary.verify import verify

COUNT = 5
MAPS = 9  # of true and predicted labels
IMAGES = np.random.default_rng(3).standard_normal((COUNT, 3, 5, 7)).astype(np.float32)
WEIGHTS = np.random.default_rng(0).standard_normal((4, 105)).astype(np.float32) / 5
LABELS = ["ant", "bee", "cat", "dog"]


class StopError(Exception):
    """What ends a run in these tests, as a kill would."""


class Stop:
    """A consumer that ends the run when so many samples are complete, and counts those it is given."""

    def __init__(self, after=None):
        self.done, self._after = 0, after

    def write(self, record):
        self.done += isinstance(record, SampleDone)
        if self.done == self._after:
            raise StopError

    def close(self):
        pass


@pytest.fixture(autouse=True)
def staging(tmp_path, monkeypatch):
    """The folder of all staging folders."""
    monkeypatch.setenv("EXPLAINER_STAGING", str(tmp_path / "staging"))
    monkeypatch.setattr(remote, "_PAUSES", (0.0, 0.0))
    return tmp_path / "staging"


def run_to(place, *, after=None, **how):
    """The result of a run, and how many samples it computed."""
    network = nn.SequentialCell(nn.Flatten(), nn.Dense(105, 4, weight_init=Tensor(WEIGHTS), has_bias=False))
    rows = [(image, np.int32(index % 4)) for index, image in enumerate(IMAGES)]
    data = GeneratorDataset(rows, ["image", "label"], shuffle=False), LABELS
    options = RunOptions(batch_size=1, progress=False)
    runner = ImageClassificationRunner(place, data, network, nn.Softmax(), options=options)
    runner.register_saliency([Gradient(network)], [Sparseness(4)], controls=False)
    stop = Stop(after)
    runner.register_sink(stop)
    return runner.run(**how), stop.done


def copied(url, tmp_path, name="copy"):
    """The summary behind a URL, copied with no help of what runs use."""
    download(RemotePath(url), files_below(RemotePath(url)), tmp_path / name)
    return tmp_path / name


def contents_of(job):
    """All that a run found out."""
    run = read_run(job)
    return [
        (
            (sample.prediction.ground_truth, sample.prediction.probabilities.tolist()),
            [(one.explainer, one.label, run.saliency(one).tolist()) for one in sample.maps],
            sample.scores,
        )
        for sample in run.samples.values()
    ], run.benchmarks


def fails(monkeypatch, is_meant):
    """Has the upload of files fail whose names are meant."""
    put = remote._put

    def instead(system, file, target):
        if is_meant(target):
            raise ConnectionError("the line is down")
        put(system, file, target)

    monkeypatch.setattr(remote, "_put", instead)
    return lambda: monkeypatch.setattr(remote, "_put", put)


def test_what_is_behind_the_url_is_the_run_of_a_folder(storage, tmp_path, staging):
    here, _ = run_to(tmp_path / "here")
    there, computed = run_to(f"{storage.url}/out/")
    assert computed == COUNT
    job = copied(f"{storage.url}/out", tmp_path)
    assert contents_of(job) == contents_of(tmp_path / "here")
    assert verify(job).complete
    assert [path for path in staging.rglob("*") if path.is_file()] == []
    assert str(there.summary_dir) == f"{storage.url}/out"
    assert str(there.event_file) == f"{storage.url}/out/{there.event_file.name}"
    assert str(there.data_dir) == f"{storage.url}/out/_explain_{folder.run_number(there.event_file.name)}"
    assert there.event_file.is_file() and there.data_dir.is_dir()
    timeless = {"summary_dir": None, "event_file": None, "data_dir": None, "seconds": 0, "seconds_of": {}}
    assert dataclasses.replace(there, **timeless) == dataclasses.replace(here, **timeless)


def test_two_runs_to_one_url_leave_one_another_as_they_are(storage, tmp_path):
    run_to(f"{storage.url}/out")
    first = storage.files()
    run_to(f"{storage.url}/out")
    assert {name: content for name, content in storage.files().items() if name in first} == first
    assert len(folder.find_runs(copied(f"{storage.url}/out", tmp_path))) == 2


def test_a_shard_is_uploaded_into_a_folder_of_its_own(storage, tmp_path):
    result, computed = run_to(f"{storage.url}/out", shard=(1, 3))
    assert (str(result.summary_dir), computed) == (f"{storage.url}/out/shard-1-of-3", 2)
    assert [*read_run(copied(f"{storage.url}/out/shard-1-of-3", tmp_path)).samples] == [1, 4]
    assert {name.split("/")[1] for name in storage.files()} == {"shard-1-of-3"}


def test_the_event_file_comes_last(storage, monkeypatch):
    order = []
    put = remote._put
    monkeypatch.setattr(remote, "_put", lambda *given: order.append(given[2]) or put(*given))
    run_to(f"{storage.url}/out")
    assert [folder.run_number(Path(name).name) is None for name in order] == [True] * (len(order) - 1) + [False]


def test_an_interrupted_run_goes_on_here_and_is_uploaded_at_its_end(storage, tmp_path, staging):
    with pytest.raises(StopError):
        run_to(f"{storage.url}/out", after=2)
    assert storage.files() == {}
    (left,) = folder.find_runs(staging_folder(RemotePath(f"{storage.url}/out")))
    assert staging in left.event_file.parents
    result, computed = run_to(f"{storage.url}/out", resume=True)
    assert (result.samples, result.resumed, computed) == (COUNT, 2, COUNT - 2)
    run_to(tmp_path / "here")
    assert contents_of(copied(f"{storage.url}/out", tmp_path)) == contents_of(tmp_path / "here")
    assert not left.event_file.exists()


@pytest.mark.parametrize("what", ["a picture", "the event file"])
def test_a_run_whose_upload_failed_is_whole_here_and_uploaded_by_the_next(storage, tmp_path, monkeypatch, what):
    is_meant = (lambda name: name.endswith("_explain")) if what == "the event file" else (lambda name: "/0/3" in name)
    mend = fails(monkeypatch, is_meant)
    place = staging_folder(RemotePath(f"{storage.url}/out"))
    with pytest.raises(SummaryWriteError) as raised:
        run_to(f"{storage.url}/out")
    told = f"the run has ended, but is not at {storage.url}/out: could not write {storage.url}/out/"
    assert str(raised.value).startswith(told)
    assert f": the line is down. It lies in {place}, and run(resume=True) (--resume) uploads it" in str(raised.value)
    assert verify(place).complete
    assert not any(name.endswith("_explain") for name in storage.files())  # nobody takes this for a summary
    mend()
    result, computed = run_to(f"{storage.url}/out", resume=True)
    assert (result.samples, result.maps, computed) == (COUNT, MAPS, 0)
    assert verify(copied(f"{storage.url}/out", tmp_path)).complete
    assert not place.exists()


def test_a_new_run_uploads_one_that_was_left_too(storage, tmp_path, monkeypatch):
    mend = fails(monkeypatch, lambda name: name.endswith("_explain"))
    with pytest.raises(SummaryWriteError):
        run_to(f"{storage.url}/out")
    mend()
    _, computed = run_to(f"{storage.url}/out")
    assert computed == COUNT
    job = copied(f"{storage.url}/out", tmp_path)
    assert len(folder.find_runs(job)) == 2
    assert all(verify(job, run=run.timestamp).complete for run in folder.find_runs(job))


def test_an_unfinished_run_that_a_new_one_leaves_alone_stays_and_is_told(storage, caplog):
    with pytest.raises(StopError):
        run_to(f"{storage.url}/out", after=2)
    place = staging_folder(RemotePath(f"{storage.url}/out"))
    (left,) = folder.find_runs(place)
    result, computed = run_to(f"{storage.url}/out")
    assert computed == COUNT
    assert f"{place} holds a run for {storage.url}/out from before; resume goes on with it" in caplog.messages
    assert folder.find_runs(place) == [left]
    assert [name for name in storage.files() if name.endswith("_explain")] == [f"out/{result.event_file.name}"]


def test_resume_of_a_run_that_is_behind_the_url_computes_nothing(storage, staging):
    first, _ = run_to(f"{storage.url}/out")
    before = storage.files()
    result, computed = run_to(f"{storage.url}/out", resume=True)
    assert (result.samples, result.maps, computed) == (COUNT, MAPS, 0)
    assert result.event_file == first.event_file
    assert storage.files() == before
    assert [path for path in staging.rglob("*") if path.is_file()] == []


def test_a_resume_that_is_refused_leaves_nothing_here(storage, staging, monkeypatch):
    run_to(f"{storage.url}/out")
    monkeypatch.setattr(sys.modules[__name__], "LABELS", ["ant", "bee", "cat", "gnu"])
    with pytest.raises(ValueError, match="labels differ"):
        run_to(f"{storage.url}/out", resume=True)
    assert [path for path in staging.rglob("*") if path.is_file()] == []


def test_an_upload_that_ended_before_its_copy_was_removed_is_not_repeated(storage, tmp_path, monkeypatch):
    import shutil

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *given, **how: (_ for _ in ()).throw(StopError))
        with pytest.raises(StopError):
            run_to(f"{storage.url}/out")
    before = storage.files()
    assert verify(copied(f"{storage.url}/out", tmp_path)).complete
    fails(monkeypatch, lambda name: True)
    _, computed = run_to(f"{storage.url}/out", resume=True)
    assert (computed, storage.files()) == (0, before)
    assert not staging_folder(RemotePath(f"{storage.url}/out")).exists()


def test_two_processes_cannot_write_to_one_url(storage):
    place = staging_folder(RemotePath(f"{storage.url}/out"))
    code = (
        "import sys; from pathlib import Path; from explainer.summary.lock import RunLock; "
        f"Path({str(place)!r}).mkdir(parents=True); lock = RunLock(Path({str(place)!r})); print('held', flush=True); "
        "sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], env=os.environ, text=True, **pipes) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(
            SummaryWriteError, match="it is being written, by a process that is alive; wait for its end"
        ):
            run_to(f"{storage.url}/out")
        other.communicate("")
    assert run_to(f"{storage.url}/out")[1] == COUNT


@pytest.mark.parametrize("name", ["another", "the same"])
def test_another_run_of_the_same_second_is_never_mixed_with_this_one(storage, monkeypatch, name):
    place = staging_folder(RemotePath(f"{storage.url}/out"))
    deliver = staging_module._Staging.deliver

    def meanwhile(self):
        (run,) = folder.find_runs(place)
        other = folder.event_file_name(run.timestamp, 7) if name == "another" else run.event_file.name
        storage.put(f"out/{other}", b"of another machine")
        deliver(self)

    monkeypatch.setattr(staging_module._Staging, "deliver", meanwhile)
    with pytest.raises(SummaryWriteError, match=r"another run, events\.\S+, was begun there in the same second; give"):
        run_to(f"{storage.url}/out")
    assert [*storage.files().values()] == [b"of another machine"]
    assert verify(place).complete


def test_a_storage_that_may_not_be_written_is_told_before_any_work(storage, staging, monkeypatch):
    opened = remote._opened

    class ReadOnly:
        protocol = "s3"

        def pipe_file(self, path, content):
            raise PermissionError("Access Denied")

    monkeypatch.setattr(remote, "_opened", lambda place: (ReadOnly(), opened(place)[1]))
    stop = Stop()
    with pytest.raises(
        RemoteError, match=rf"could not write {storage.url}/out: Access Denied; whoever the credentials"
    ):
        run_to(f"{storage.url}/out")
    assert (stop.done, [path for path in staging.rglob("*") if path.is_file()]) == (0, [])


def test_a_bucket_that_is_not_there_is_told_before_any_work(bucket):
    with pytest.raises(
        RemoteError, match="could not write s3://bucket-nowhere/out: The specified bucket does not exist"
    ):
        run_to("s3://bucket-nowhere/out")


def test_a_staging_folder_that_cannot_be_made_is_told_with_its_variable(bucket, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("EXPLAINER_STAGING", str(tmp_path / "file"))
    with pytest.raises(SummaryWriteError, match=r"Not a directory; .* set EXPLAINER_STAGING to another folder"):
        run_to(f"{bucket.url}/out")


def test_the_staging_folder_follows_from_the_url_and_names_no_secret(tmp_path, monkeypatch):
    urls = ["s3://b/out", "s3://b/a/out", "s3://c/out", "ftp://me:secret@host/out"]
    places = [staging_folder(RemotePath(url)) for url in urls]
    assert len({*places}) == 4 and places[0] == staging_folder(RemotePath("s3://b/out"))
    assert all(place.parent == tmp_path / "staging" and place.name.startswith("out-") for place in places)
    assert places[3] == staging_folder(RemotePath("ftp://me:another@host/out"))
    monkeypatch.delenv("EXPLAINER_STAGING")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert staging_folder(RemotePath("s3://b/out")).parent == tmp_path / "caches" / "explainer" / "staging"


def test_a_url_that_lost_a_slash_makes_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ValueError, match="`summary_dir` must be a path, or a URL with two slashes, got 's3:/bucket/out'"
    ):
        run_to(Path("s3://bucket/out"))
    assert [*tmp_path.iterdir()] == []


def test_a_run_into_a_folder_of_this_machine_never_imports_fsspec(tmp_path):
    code = (
        "import sys; sys.path[:0] = sys.argv[1:2]; from pathlib import Path; import explainer; "
        "import test_url_run as own; "
        "own.run_to(Path(sys.argv[2])); explainer.read_run(sys.argv[2]); "
        "print({'fsspec', 's3fs', 'boto3'} & {*sys.modules})"
    )
    given = [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path / "out")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    assert subprocess.run(given, env=environment, capture_output=True, text=True, check=True).stdout == "set()\n"
