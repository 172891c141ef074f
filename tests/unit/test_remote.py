"""Files and folders by URL: what is one, how they are listed, read, copied, and what is said where that fails."""

import builtins
import pickle
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from explainer import remote
from explainer.errors import MissingExtraError, RemoteError
from explainer.remote import (
    ReadAhead,
    RemotePath,
    download,
    downloaded,
    files_below,
    is_url,
    place_of,
    places_below,
    upload,
)

FILES = {"1.png": b"one", "cat/2.png": b"", "cat/deep/é 3.png": b"three"}


@pytest.fixture
def folder(storage):
    """A URL with FILES below it, and a file beside it whose name begins alike."""
    for name, content in FILES.items():
        storage.put(f"in/{name}", content)
    storage.put("in2/no.png", b"beside")
    return RemotePath(f"{storage.url}/in")


@pytest.fixture
def unpaused(monkeypatch):
    """No waiting before a second try."""
    monkeypatch.setattr(remote, "_PAUSES", (0.0, 0.0))


def sizes_of(files):
    return {name: len(content) for name, content in files.items()}


# ---- what is a URL ----


@pytest.mark.parametrize("given", ["out", "/out", "C:/out", "C:\\out", "a:b", "out/s3://x", Path("s3-x")])
def test_what_has_no_scheme_is_a_path(given):
    assert not is_url(given)
    assert place_of(given) == Path(given)


@pytest.mark.parametrize(
    ("given", "url"),
    [("s3://bucket/out/", "s3://bucket/out"), ("s3://bucket//", "s3://bucket"), ("file:///", "file:///")],
)
def test_a_slash_at_the_end_of_a_url_means_nothing(given, url):
    assert place_of(given) == RemotePath(url)


def test_a_url_that_lost_a_slash_never_becomes_a_folder():
    for given in ("s3:/bucket/out", Path("s3://bucket/out"), "file:/out"):
        with pytest.raises(
            ValueError, match=r"--out must be a path, or a URL with two slashes, got '(s3|file):/.*as text"
        ):
            place_of(given, "--out")


def test_a_chain_of_file_systems_is_refused():
    with pytest.raises(ValueError, match="--out must be a URL of one file system, got 'simplecache::s3://bucket/out'"):
        place_of("simplecache::s3://bucket/out", "--out")


def test_a_path_of_this_machine_is_asked_for_in_words():
    with pytest.raises(ValueError, match="--to must be a path of this machine, got the URL s3://b/out; copy it first"):
        remote.local_path("s3://b/out", "--to", "copy it first")


def test_secrets_are_never_shown():
    place = RemotePath("https://me:secret@host/photos?X-Amz-Signature=secret")
    assert str(place) == "https://***@host/photos?***"
    with pytest.raises(ValueError, match="is of a kind that cannot be read") as raised:
        RemotePath("nothing://me:secret@host/photos?key=secret").read_bytes()
    assert "secret" not in str(raised.value)


# ---- listing and reading ----


def test_all_files_below_a_folder_are_listed_with_their_sizes(folder):
    assert files_below(folder) == sizes_of(FILES)
    places = places_below(folder)
    assert [*map(str, sorted(places))] == sorted(FILES)
    assert {str(name): place.read_bytes() for name, place in places.items()} == FILES
    assert {str(name): place.stat().st_size for name, place in places.items()} == sizes_of(FILES)


def test_a_folder_of_this_machine_is_listed_in_the_same_way(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "2.png").write_bytes(b"two")
    assert places_below(tmp_path) == {PurePosixPath("cat/2.png"): tmp_path / "cat" / "2.png"}


def test_what_was_put_there_after_a_listing_is_listed(folder, storage):
    files_below(folder)
    storage.put("in/4.png", b"four")
    assert files_below(folder)["4.png"] == 4


def test_parts_are_those_of_a_path(folder):
    place = folder / "cat/" / "2.png"
    assert (place.name, place.suffix, place.parent.name, place.parent.parent) == ("2.png", ".png", "cat", folder)
    assert (place.is_file(), place.is_dir(), place.parent.is_file(), place.parent.is_dir()) == (
        True,
        False,
        False,
        True,
    )
    assert [*map(str, folder.glob("*.png"))] == [f"{folder}/1.png"]
    assert sorted(path.name for path in folder.iterdir()) == ["1.png", "cat"]
    with place.open("rb") as file:
        assert file.read() == b""
    assert (folder / "1.png").read_text() == "one"
    assert [(folder / "1.png").head(size) for size in (2, 3, 9)] == [b"on", b"one", b"one"]
    assert pickle.loads(pickle.dumps(place)).read_bytes() == b""


def test_a_file_that_is_not_there_is_no_file_at_all(folder):
    place = folder / "gone.png"
    assert not place.is_file()
    assert not place.is_dir()
    with pytest.raises(FileNotFoundError, match=r"it is not there: '.*in/gone\.png'"):
        place.read_bytes()


def test_a_folder_without_files_lists_nothing(folder):
    assert files_below(folder / "nowhere") == {}


def test_a_bucket_that_is_not_there_is_told(bucket):
    with pytest.raises(
        RemoteError, match=r"could not list s3://bucket-nowhere/in: The specified bucket does not exist$"
    ):
        files_below(RemotePath("s3://bucket-nowhere/in"))
    with pytest.raises(
        RemoteError, match=r"could not write s3://bucket-nowhere/in: The specified bucket does not exist$"
    ):
        remote.require_writable(RemotePath("s3://bucket-nowhere/in"))


def test_a_storage_without_credentials_says_where_they_are_taken_from(bucket, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    told = "could not list s3://.*: Unable to locate credentials; give them as .* AWS_ACCESS_KEY_ID .* or AWS_PROFILE"
    with pytest.raises(RemoteError, match=told):
        files_below(RemotePath(bucket.url))
    s3fs.S3FileSystem.clear_instance_cache()


# ---- reading ahead ----


@pytest.fixture
def fetched(folder, monkeypatch):
    """40 files, and the numbers of those that were fetched, in any order."""
    numbers = []
    monkeypatch.setattr(remote, "_opened", lambda place: (Recorded(numbers), place.name))
    files = ReadAhead([folder / f"{number}" for number in range(40)])
    yield files, numbers
    files._pool.shutdown()


class Recorded:
    """A file system that has any file, whose content is its name; "13" is not there."""

    def __init__(self, numbers):
        self._numbers = numbers

    def cat_file(self, path):
        self._numbers.append(int(path))
        if path == "13":
            raise FileNotFoundError(path)
        return path.encode()


@pytest.mark.parametrize(("first", "step"), [(0, 1), (2, 3), (39, 1)])
def test_files_are_fetched_once_and_in_their_turn(fetched, first, step):
    files, numbers = fetched
    turns = [number for number in range(first, 40, step) if number != 13]
    assert [files[turn].read_bytes() for turn in turns] == [str(turn).encode() for turn in turns]
    assert sorted(number for number in numbers if number != 13) == turns


def test_the_next_files_are_on_their_way_and_not_more(fetched):
    files, numbers = fetched
    assert (files[5].read_bytes(), numbers) == (b"5", [5])  # nothing tells yet which comes next
    assert files[7].read_bytes() == b"7"
    files._pool.shutdown()  # when all have come
    assert sorted(numbers) == [*range(5, 40, 2)]


def test_a_file_that_is_not_there_is_told_in_its_turn(fetched):
    files, _ = fetched
    assert [files[turn].read_bytes() for turn in (10, 11, 12)] == [b"10", b"11", b"12"]
    with pytest.raises(FileNotFoundError, match=r"it is not there: '.*/13'"):
        files[13].read_bytes()
    assert files[14].read_bytes() == b"14"


def test_any_order_gives_the_right_files(fetched):
    order = [3, 4, 4, 2, 30, 31, 5, 39, 0]
    files, _ = fetched
    assert [files[turn].read_bytes() for turn in order] == [str(turn).encode() for turn in order]


def test_files_of_this_machine_need_no_thread(tmp_path):
    files = ReadAhead([tmp_path / "1", tmp_path / "2"])
    assert (files[0], files[1], files._threads) == (tmp_path / "1", tmp_path / "2", None)


# ---- copying ----


@pytest.fixture
def here(tmp_path):
    """The paths of FILES on this machine, by name."""
    for name, content in FILES.items():
        path = tmp_path / "here" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return {name: tmp_path / "here" / name for name in FILES}


def test_files_are_uploaded_under_their_names(storage, here):
    sizes = []
    upload(here, RemotePath(f"{storage.url}/out"), last="cat/2.png", done=sizes.append)
    assert storage.files() == {f"out/{name}": content for name, content in FILES.items()}
    assert sorted(sizes) == [0, 3, 5]


def test_an_upload_may_be_repeated(storage, here):
    storage.put("out/1.png", b"hal")  # of its size, so it is taken for the file
    storage.put("out/cat/deep/é 3.png", b"half")
    upload(here, RemotePath(f"{storage.url}/out"), last="cat/2.png")
    assert storage.files() == {f"out/{name}": content for name, content in {**FILES, "1.png": b"hal"}.items()}


def test_the_last_file_comes_when_all_others_are_there(storage, here, monkeypatch):
    seen = []
    put = remote._put
    monkeypatch.setattr(remote, "_put", lambda *given: seen.append((given[2], len(storage.files()))) or put(*given))
    upload(here, RemotePath(f"{storage.url}/out"), last="1.png")
    assert (seen[-1][0].rpartition("/")[2], seen[-1][1]) == ("1.png", 2)


def test_where_the_last_file_is_there_all_are(storage, here):
    storage.put("out/1.png", b"one")
    upload(here, RemotePath(f"{storage.url}/out"), last="1.png")
    assert storage.files() == {"out/1.png": b"one"}


class Unreliable:
    """A file system that fails so many times, and then does as the one it stands for."""

    def __init__(self, system, failures, error=None):
        self._system, self.left = system, failures
        self._error = error or ConnectionError("the line is down")

    def __getattr__(self, name):
        return getattr(self._system, name)

    def put_file(self, *paths):
        if self.left:
            self.left -= 1
            raise self._error
        return self._system.put_file(*paths)


@pytest.fixture
def unreliable(monkeypatch, unpaused):
    """Has file systems fail: how often, and how."""
    opened = remote._opened

    def begin(failures, **how):
        place = {}

        def instead(path):
            system, inner = opened(path)
            return place.setdefault("system", Unreliable(system, failures, **how)), inner

        monkeypatch.setattr(remote, "_opened", instead)
        return place

    return begin


def test_a_file_is_tried_three_times(storage, here, unreliable):
    unreliable(2)
    upload({"1.png": here["1.png"]}, RemotePath(f"{storage.url}/out"), last="1.png")
    assert storage.files() == {"out/1.png": b"one"}


def test_a_server_that_is_not_there_is_told_without_the_password():
    with pytest.raises(RemoteError, match=r"could not reach ftp://\*\*\*@127\.0\.0\.1:1/photos: Connection refused$"):
        files_below(RemotePath("ftp://me:secret@127.0.0.1:1/photos"))


def test_after_three_failures_the_error_names_the_file(storage, here, unreliable):
    place = unreliable(9)
    with pytest.raises(RemoteError, match=r"could not write .*out/1\.png: the line is down$"):
        upload({"1.png": here["1.png"]}, RemotePath(f"{storage.url}/out"), last="1.png")
    assert place["system"].left == 6
    assert storage.files() == {}


def test_what_is_not_allowed_is_tried_once(storage, here, unreliable):
    place = unreliable(9, error=PermissionError("Access Denied"))
    with pytest.raises(RemoteError, match="Access Denied; whoever the credentials belong to must be allowed to list"):
        upload({"1.png": here["1.png"]}, RemotePath(f"{storage.url}/out"), last="1.png")
    assert place["system"].left == 8


@pytest.mark.parametrize("last", ["1.png", "cat/2.png"])
def test_a_file_that_is_shorter_there_is_an_error(storage, here, monkeypatch, last):
    monkeypatch.setattr(remote, "_put", lambda system, file, target: system.pipe_file(target, b""))
    for name in FILES:
        storage.put(f"out/{name}", FILES[name] if name != "1.png" and name != last else b"-")
    with pytest.raises(RemoteError, match=r"could not write .*1\.png: it has 0 bytes there, and 3 here"):
        upload(here, RemotePath(f"{storage.url}/out"), last=last)


def test_writing_is_tried_without_leaving_anything(storage):
    remote.require_writable(RemotePath(f"{storage.url}/out"))
    assert storage.files() == {}


def test_files_are_downloaded_under_their_names(folder, tmp_path):
    download(folder, ["1.png", "cat/deep/é 3.png"], tmp_path / "copy")
    found = {path.relative_to(tmp_path / "copy").as_posix() for path in (tmp_path / "copy").rglob("*.png")}
    assert found == {"1.png", "cat/deep/é 3.png"}
    assert (tmp_path / "copy" / "cat" / "deep" / "é 3.png").read_bytes() == b"three"


@pytest.mark.parametrize("name", ["../out.png", "/out.png", "cat/../../out.png"])
def test_a_name_that_leads_out_of_the_folder_is_never_written(tmp_path, name):
    with pytest.raises(ValueError, match=f"the file '{re.escape(name)}' of s3://bucket/in leads out of the folder"):
        download(RemotePath("s3://bucket/in"), [name], tmp_path / "copy")
    assert [*tmp_path.iterdir()] == []


def test_a_file_gets_its_name_when_it_is_complete(folder, tmp_path, monkeypatch):
    opened = remote._opened

    class Cut:
        def get_file(self, path, target):
            Path(target).write_bytes(b"ha")
            raise FileNotFoundError(path)

    monkeypatch.setattr(remote, "_opened", lambda place: (Cut(), opened(place)[1]))
    with pytest.raises(FileNotFoundError):
        download(folder, ["1.png"], tmp_path / "copy")
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["1.png.draft"]


def test_a_copy_is_there_as_long_as_it_is_needed(folder):
    with downloaded(folder, ["1.png", "cat/2.png"]) as copy:
        assert copy.name == "in"
        assert sorted(path.name for path in copy.rglob("*.png")) == ["1.png", "2.png"]
    assert not copy.exists()


# ---- fsspec ----


def test_without_fsspec_a_url_says_what_to_install(monkeypatch):
    imported = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("fsspec"):
            raise ImportError("No module named 'fsspec'")
        return imported(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"got s3://b/in: pip install 'mindspore-explainer\[remote\]'"):
        files_below(RemotePath("s3://b/in"))


def test_without_s3fs_a_url_says_what_to_install(monkeypatch):
    import fsspec.core

    def without(url, **options):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr(fsspec.core, "url_to_fs", without)
    with pytest.raises(MissingExtraError, match=r"s3://b/in needs .*: pip install 'mindspore-explainer\[remote\]'"):
        files_below(RemotePath("s3://b/in"))


def test_a_path_of_this_machine_never_imports_fsspec(tmp_path):
    (tmp_path / "1.png").write_bytes(b"")
    code = (
        "import sys; from pathlib import Path; from explainer.data.pictures import find_pictures; "
        f"find_pictures(Path({str(tmp_path)!r})); print({{'fsspec', 's3fs'}} & {{*sys.modules}})"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told == "set()\n"
