"""Summaries behind URLs on the command line: written by `explainer run`, read by the commands that read summaries."""

import json

import pytest
from hand_made_runs import write_run
from run_leaves import compared, leaves_of
from shard_runs import write_shards

from explainer.command import main as cli
from explainer.command.main import cli as group
from explainer.command.paths import PATH, PLACE

TAKES_URLS = {
    *(("run", name) for name in ("images", "labels", "labels_csv", "annotations", "boxes", "summary_dir")),
    *((name, "folder") for name in ("config", "export", "figure", "inspect", "repair", "report", "verify")),
    *(("compare", name) for name in ("first", "second")),
    ("report", "against"),
    ("merge", "shards"),
}


@pytest.fixture(autouse=True)
def staging(tmp_path, monkeypatch):
    """Where runs are written before they are uploaded, and where copies are made."""
    monkeypatch.setenv("EXPLAINER_STAGING", str(tmp_path / "staging"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return tmp_path / "staging"


@pytest.fixture
def summary(storage, tmp_path):
    """A run in a folder, and behind a URL."""
    write_run(tmp_path / "job")
    for path in (tmp_path / "job").rglob("*"):
        if path.is_file():
            storage.put(path.relative_to(tmp_path).as_posix(), path.read_bytes())
    return tmp_path / "job", f"{storage.url}/job"


@pytest.fixture
def told(capsys, tmp_path):
    """Runs a command: exit status, output and error; no copy is left."""

    def run(*arguments):
        status = cli.main([*map(str, arguments)])
        assert [*(tmp_path / "temporary").iterdir()] == []
        return status, *capsys.readouterr()

    return run


def test_every_path_of_every_command_takes_a_url_or_refuses_it():
    kinds = {
        (name, parameter.name): parameter.type
        for name, command in group.commands.items()
        for parameter in command.params
        if "path" in type(parameter.type).__name__.lower() or parameter.type is PLACE
    }
    assert {place for place, kind in kinds.items() if kind is PLACE} == TAKES_URLS
    assert all(kind is PLACE or kind is PATH for kind in kinds.values())


@pytest.mark.parametrize(
    ("command", "copies"),
    [
        (("inspect",), 0),
        (("inspect", "--json"), 0),
        (("inspect", "--worst", "2"), 0),
        (("verify",), 1),
        (("verify", "--json"), 1),
    ],
)
def test_what_is_told_of_a_url_is_what_is_told_of_the_folder(summary, told, command, copies):
    here, there = summary
    name, *more = command
    status, output, _ = told(name, here, *more)
    found = told(name, there, *more)
    assert (found[0], "".join(found[1].split())) == (status, "".join(output.replace(str(here), there).split()))
    assert found[2].count("\n") == copies and (f"{there}: " in found[2]) == bool(copies)


def test_a_url_is_compared_with_a_folder_and_with_another(summary, told):
    here, there = summary
    facts = json.loads(told("compare", here, here, "--json")[1])
    for first, second in ((here, there), (there, here), (there, there)):
        status, output, error = told("compare", first, second, "--json")
        found = json.loads(output)
        assert [found.pop(side)["folder"] for side in "ab"] == [str(first), str(second)]
        assert status == 0 and found.items() <= facts.items()
        assert error.count("copied into a temporary folder for this command\n") == [first, second].count(there)


@pytest.mark.parametrize(
    ("command", "name"),
    [(("export", "--format", "json"), "out.json"), (("repair",), "out"), (("report", "--single"), "out.html")],
)
def test_what_is_made_of_a_url_is_what_is_made_of_the_folder(summary, told, tmp_path, command, name):
    name_of_command, *more = command
    made = []
    for index, place in enumerate(summary):
        target = tmp_path / str(index) / name
        target.parent.mkdir()
        assert told(name_of_command, place, *more, "--to", target)[0] == 0
        files = [path for path in [target, *target.rglob("*")] if path.is_file()]
        made.append({path.relative_to(target.parent): path.read_bytes() for path in files})
    assert made[0] == made[1] and made[0]


def test_shards_behind_urls_are_merged(storage, told, tmp_path):
    shards = write_shards(tmp_path / "shards", 2)
    assert told("merge", tmp_path / "here", *shards)[0] == 0
    for path in (tmp_path / "shards").rglob("*"):
        if path.is_file():
            storage.put(path.relative_to(tmp_path).as_posix(), path.read_bytes())
    storage.put("shards/other/notes.txt", b"")
    url = f"{storage.url}/shards"
    for name, given in [
        ("all", [url]),
        ("each", [f"{url}/{shard.name}" for shard in shards]),
        ("both", [f"{url}/{shards[0].name}", shards[1]]),
    ]:
        status, output, error = told("merge", tmp_path / name, *given)
        assert (status, "merged      2 shards: shard-0-of-2 (6 samples), shard-1-of-2 (5 samples)\n" in output) == (
            0,
            True,
        )
        assert error.count("copied into a temporary folder") == len([place for place in given if place not in shards])
        assert compared(dict(leaves_of(tmp_path / "here")), dict(leaves_of(tmp_path / name))) == ((), 0.0)
    status, _, error = told("merge", tmp_path / "none", f"{url}/other")
    assert (status, error) == (2, f"explainer: found no summary in {url}/other: no file *summary.<number>*_explain\n")


def test_the_report_of_a_url_needs_a_place(summary, told):
    status, _, error = told("report", summary[1])
    assert status == 2 and "--to must say where the report goes, as that of a URL has no place" in error


@pytest.mark.parametrize("command", [("inspect",), ("verify",), ("config",), ("figure", "--to", "f.png")])
def test_a_url_without_a_summary_is_told(summary, told, storage, command):
    name, *more = command
    storage.put("jobs/shard-0-of-2/events.out.events.summary.17.4_explain", b"")
    for place, why in [
        ("nothing", ": no file *summary.<number>*_explain"),
        ("jobs", "; its folders shard-0-of-2 hold"),
    ]:
        status, output, error = told(name, f"{storage.url}/{place}", *more)
        assert (status, output) == (2, "")
        assert error.startswith(f"explainer: found no summary in {storage.url}/{place}{why}")


def test_a_bucket_that_is_not_there_is_told(bucket, told):
    status, _, error = told("inspect", "s3://bucket-nowhere/out")
    assert (status, error) == (
        2,
        "explainer: could not read s3://bucket-nowhere/out: The specified bucket does not exist\n",
    )


def test_a_server_and_a_graph_take_no_url(told):
    for arguments in (("serve", "s3://bucket/out"), ("layers", "--network", "s3://bucket/one.mindir")):
        status, _, error = told(*arguments)
        assert status == 2 and "it must be a path of this machine, got the URL s3://bucket/o" in error


# ---- explainer run ----


def test_a_run_to_a_url_tells_of_the_url(command, storage, told, staging):
    url = f"{storage.url}/out"
    status, output, error = command(summary_dir=url)
    assert (status, error) == (0, "")
    assert output.startswith(f"summary     {url}")
    assert output.endswith(f"explainer inspect {url}\nlook at it: explainer report {url} --to report.html\n")
    assert [path for path in staging.rglob("*") if path.is_file()] == []
    status, output, _ = told("verify", url)
    assert (status, "5 complete" in output) == (0, True)
    configured = told("config", url)[1]
    assert f'summary-dir = "{url}"\n' in configured


def test_a_run_that_is_begun_by_a_file_takes_urls_as_they_are(command, storage, tmp_path, told):
    url = f"{storage.url}/out"
    (tmp_path / "run.toml").write_text(f'summary-dir = "{url}"\n', encoding="utf-8")
    assert command("--config", tmp_path / "run.toml", without="summary_dir")[0] == 0
    assert told("verify", url)[0] == 0


def test_a_run_that_could_not_be_uploaded_says_where_it_is_and_how_to_go_on(command, storage, monkeypatch, staging):
    from explainer import remote

    url = f"{storage.url}/out"
    put = remote._put

    def expired(system, file, target):
        if target.endswith("_explain"):
            raise PermissionError("The provided token has expired.")
        put(system, file, target)

    monkeypatch.setattr(remote, "_put", expired)
    status, output, error = command(summary_dir=url)
    assert (status, output, error.count("\n")) == (1, "", 1)
    assert error.startswith(
        f"explainer: the run has ended, but is not at {url}: could not write {url}/events.out.events."
    )
    assert "token has expired" in error and f"It lies in {staging}" in error and "(--resume) uploads it" in error
    monkeypatch.setattr(remote, "_put", put)
    status, output, error = command("--resume", summary_dir=url)
    assert status == 0 and error.endswith("resumed: 5 of 5 samples were complete before\n")


def test_a_bucket_that_is_not_there_ends_a_run_before_any_work(command, bucket):
    status, output, error = command(summary_dir="s3://bucket-nowhere/out")
    assert (status, output) == (1, "")
    assert error == "explainer: could not write s3://bucket-nowhere/out: The specified bucket does not exist\n"


def test_an_estimate_writes_nothing_behind_a_url(command, storage):
    assert command("--dry-run", summary_dir=f"{storage.url}/out")[0] == 0
    assert storage.files() == {}


def test_workers_write_to_a_url_what_one_process_writes_to_a_folder(command, storage, told, tmp_path):
    url = f"{storage.url}/out"
    network = {"network": "folder_run_factories:seeded", "network_args": "seed=1"}
    assert command(summary_dir=tmp_path / "here", **network)[0] == 0
    assert command("--workers", 2, summary_dir=url, **network)[0] == 0
    assert told("verify", url)[0] == 0
    facts = json.loads(told("compare", tmp_path / "here", url, "--json")[1])
    paired = facts["paired"]
    assert (paired["samples"], paired["only_in_a"], paired["only_in_b"]) == (5, [], [])
    (maps,) = facts["maps"]
    assert maps["lowest"] == pytest.approx(1.0)  # the same order of all pixels, of every map


def test_ray_takes_no_url(command):
    status, _, error = command("--ray", "local", summary_dir="s3://bucket/out")
    assert status != 0 and "must be a path of this machine, got the URL s3://bucket/out" in error
