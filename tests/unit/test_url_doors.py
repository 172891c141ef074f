"""What takes a path in Python and no URL says so, and makes no folder of that name."""

import pytest
from hand_made_runs import write_run
from paired_runs import METADATA

from explainer import read_run, write_report
from explainer.analysis.comparison import compare_runs
from explainer.remote import RemotePath
from explainer.report.export import export
from explainer.summary.merge import merge
from explainer.summary.repair import repair
from explainer.summary.sample_index import iter_samples
from explainer.summary.verify import verify
from explainer.summary.writer import SummaryWriter

DOORS = {
    "read_run": lambda job, url: read_run(url),
    "verify": lambda job, url: verify(url),
    "repair": lambda job, url: repair(url, job.parent / "new"),
    "repair to": lambda job, url: repair(job, url),
    "export": lambda job, url: export(url, job.parent / "new.json", format="json"),
    "export to": lambda job, url: export(job, url, format="json"),
    "write_report": lambda job, url: write_report(url),
    "write_report to": lambda job, url: write_report(job, url),
    "write_report against": lambda job, url: write_report(job, job.parent / "r.html", against=url),
    "compare_runs": lambda job, url: compare_runs(url, job),
    "compare_runs with": lambda job, url: compare_runs(job, url),
    "merge": lambda job, url: merge(url, [job]),
    "merge of": lambda job, url: merge(job.parent / "new", [job, url]),
    "iter_samples": lambda job, url: [*iter_samples(url)],
    "SummaryWriter": lambda job, url: SummaryWriter(url, METADATA),
}


@pytest.mark.parametrize("given", ["s3://bucket/out", "file:///out", RemotePath("s3://bucket/out")])
@pytest.mark.parametrize("door", DOORS)
def test_a_url_is_refused_where_a_path_is_meant(tmp_path, monkeypatch, door, given):
    write_run(tmp_path / "job")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ValueError, match=r"`\w+` must be a path of this machine, got the URL (s3://bucket|file://)/out; "
    ):
        DOORS[door](tmp_path / "job", given)
    assert [path.name for path in tmp_path.iterdir()] == ["job"]
