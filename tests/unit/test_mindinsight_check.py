"""What scripts/mindinsight_check.py finds in hand-made answers of a MindInsight; no server, no network."""

from __future__ import annotations

import copy
import json
import struct
import subprocess
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from script_modules import load_script

check = load_script("mindinsight_check")

# ------------------------------------------------- one good job, asymmetric on purpose


def inference(sample: int, label: str, layers: int = 0) -> dict[str, Any]:
    boxes = [[5, 6, 20, 15], [40, 0, 30, 50]]
    return {
        "label": label,
        "confidence": 0.75,
        "confidence_sd": 0.01,
        "confidence_itl95": [0.6, 0.9],
        "prediction_type": "TP",
        "saliency_maps": [{"explainer": name, "overlay": f"/{sample}/{label}/{name}"} for name in ("GradCAM", "RISE")],
        "hoc_layers": [
            {"confidence": 0.6, "boxes": boxes[: n + 1], "outcome": f"/{sample}/{label}/layer {n}"}
            for n in range(layers)
        ],
    }


def sample(number: int, *inferences: dict[str, Any]) -> dict[str, Any]:
    return {"id": number, "name": str(number), "image": f"/{number}", "inferences": list(inferences)}


def scores(name: str) -> dict[str, Any]:
    evaluations = [{"metric": "Localization", "score": "NaN"}, {"metric": "Faithfulness", "score": 0.25}]
    return {"explainer": name, "evaluations": evaluations, "class_scores": []}


def good_answers() -> Any:
    """Answers of a job with 3 samples, 4 labels, 2 explainers, 2 metrics and 2 occlusion layers."""
    samples = [
        sample(7, inference(7, "owl", layers=2), inference(7, "cat")),
        sample(0, inference(0, "dog")),
        sample(3, inference(3, "x.jpg")),
    ]
    occlusions = [sample(7, inference(7, "owl", layers=2))]
    urls = check.picture_urls(samples, occlusions)
    metadata = {
        "status": "LOADED",
        "sample_count": 3,
        "classes": [{"id": n, "label": label} for n, label in enumerate(("cat", "dog", "x.jpg", "owl"))],
        "saliency": {"explainers": ["GradCAM", "RISE"], "metrics": ["Faithfulness", "Localization"]},
        "uncertainty": {"enabled": True},
    }
    return check.JobAnswers(
        listed={"train_id": "./job", "saliency_map": True, "hierarchical_occlusion": True},
        metadata=metadata,
        samples=samples,
        occlusions=occlusions,
        evaluation={"explainer_scores": [scores("GradCAM"), scores("RISE")]},
        pictures={url: check.Picture("png", 70, 50) for url in urls},
        failures=(),
    )


def findings(answers: Any, **expected: Any) -> list[str]:
    return list(check.job_findings(answers, check.Expected(**expected)))


def test_a_good_job_has_no_findings() -> None:
    expected = {"samples": 3, "explainers": ("RISE",), "metrics": ("Localization", "Faithfulness")}
    assert findings(good_answers(), **expected) == []


def test_the_report_of_a_good_job_counts_everything_once() -> None:
    report = check.report_of(good_answers(), check.Expected())
    assert (report.samples, report.labels, report.maps, report.occlusion_layers) == (3, 4, 8, 2)
    assert report.pictures == 3 + 8 + 2
    assert (report.explainers, report.metrics) == (("GradCAM", "RISE"), ("Faithfulness", "Localization"))
    assert report.uncertainty
    assert report.errors == ()


def test_a_job_without_maps_scores_uncertainty_and_occlusion_is_as_good() -> None:
    answers = copy.deepcopy(good_answers())
    answers.listed.update(saliency_map=False, hierarchical_occlusion=False)
    answers.metadata["saliency"] = {"explainers": [], "metrics": []}
    answers.metadata["uncertainty"]["enabled"] = False
    for _, label in labels_of(answers):
        label["saliency_maps"] = []
        del label["confidence_sd"], label["confidence_itl95"]
    assert findings(replace(answers, occlusions=[], evaluation={"explainer_scores": []})) == []


# ------------------------------------------------------------ every breaking condition


def labels_of(answers: Any) -> list[tuple[int, Any]]:
    return [(number, label) for number, shown in enumerate(answers.samples) for label in shown["inferences"]]


def wrong_picture(url: str, picture: Any) -> Callable[[Any], None]:
    return lambda answers: answers.pictures.update({url: picture})


def second_layer(answers: Any) -> Any:
    return answers.occlusions[0]["inferences"][0]["hoc_layers"][1]


def without_label(answers: Any) -> None:
    answers.samples[1]["inferences"].clear()


def without_map(answers: Any) -> None:
    del answers.samples[0]["inferences"][1]["saliency_maps"][1]


def with_a_map_of_a_stranger(answers: Any) -> None:
    answers.samples[2]["inferences"][0]["saliency_maps"][0]["explainer"] = "Occlusion"


def without_deviation(answers: Any) -> None:
    del answers.samples[2]["inferences"][0]["confidence_sd"]


def with_half_an_interval(answers: Any) -> None:
    answers.samples[2]["inferences"][0]["confidence_itl95"] = [0.5]


def with_an_interval_upside_down(answers: Any) -> None:
    answers.samples[2]["inferences"][0]["confidence_itl95"] = [0.9, 0.6]


def with_a_probability_above_one(answers: Any) -> None:
    answers.samples[2]["inferences"][0]["confidence"] = 1.5


def with_metrics_in_another_order(answers: Any) -> None:
    answers.evaluation["explainer_scores"][1]["evaluations"].reverse()


def without_one_metric(answers: Any) -> None:
    del answers.evaluation["explainer_scores"][1]["evaluations"][0]


def without_one_explainers_scores(answers: Any) -> None:
    del answers.evaluation["explainer_scores"][0]


def with_scores_of_a_stranger(answers: Any) -> None:
    answers.evaluation["explainer_scores"].append(scores("Occlusion"))


def with_an_underscore(answers: Any) -> None:
    answers.metadata["classes"][1]["label"] = "hot_dog"


def with_a_blank_label(answers: Any) -> None:
    answers.metadata["classes"][1]["label"] = " "


def with_hidden_occlusion(answers: Any) -> None:
    answers.listed["hierarchical_occlusion"] = False


def without_the_occlusion_announced(answers: Any) -> None:
    answers.occlusions.clear()


def with_hidden_maps(answers: Any) -> None:
    answers.listed["saliency_map"] = False


def without_any_map(answers: Any) -> None:
    for _, label in labels_of(answers):
        label["saliency_maps"] = []


def without_one_listed_sample(answers: Any) -> None:
    del answers.samples[1]


def with_a_sample_twice(answers: Any) -> None:
    answers.samples[1]["id"] = 3


def with_three_numbers_in_a_box(answers: Any) -> None:
    second_layer(answers)["boxes"][1] = [40, 0, 30]


def with_a_box_beyond_the_edge(answers: Any) -> None:
    second_layer(answers)["boxes"][1] = [41, 0, 30, 50]


def with_a_box_before_the_edge(answers: Any) -> None:
    second_layer(answers)["boxes"][1] = [40, -1, 30, 50]


def with_a_layer_probability_below_zero(answers: Any) -> None:
    second_layer(answers)["confidence"] = -0.5


REFUSED = check.Picture("", 0, 0, 'HTTP 500 {"error_msg":"System error."}')
BREAKING = {
    without_label: "sample 0 has no label",
    without_map: "sample 7, label 'cat': no map of RISE",
    with_a_map_of_a_stranger: "sample 3, label 'x.jpg': a map of 'Occlusion', which has no column",
    without_deviation: "sample 3, label 'x.jpg': no uncertainty",
    with_half_an_interval: "sample 3, label 'x.jpg': no uncertainty",
    with_an_interval_upside_down: "the 95 % interval [0.9, 0.6] is upside down",
    with_a_probability_above_one: "sample 3, label 'x.jpg': probability 1.5 lies outside",
    with_metrics_in_another_order: "the metrics stand in different orders",
    without_one_metric: "RISE is scored by ['Faithfulness'], the metadata has",
    without_one_explainers_scores: "GradCAM is scored by []",
    with_scores_of_a_stranger: "scores of 'Occlusion', which is not among the explainers",
    with_an_underscore: "label 'hot_dog' holds \"_\"",
    with_a_blank_label: "label ' ' is blank",
    with_hidden_occlusion: "hierarchical_occlusion=False, which hides the page of 2 pictures",
    without_the_occlusion_announced: "hierarchical_occlusion=True, which offers a page with 0 pictures",
    with_hidden_maps: "saliency_map=False, which hides the page of 8 pictures",
    without_any_map: "saliency_map=True, which offers a page with 0 pictures",
    without_one_listed_sample: "has 2 samples, the metadata says 3",
    with_a_sample_twice: "sample 3 is listed 2 times",
    with_three_numbers_in_a_box: "label 'owl', occlusion layer 1: box [40, 0, 30] is not x, y, width, height",
    with_a_box_beyond_the_edge: "box [41, 0, 30, 50] leaves the original of 70x50",
    with_a_box_before_the_edge: "box [40, -1, 30, 50] leaves the original",
    with_a_layer_probability_below_zero: "occlusion layer 1: probability -0.5 lies outside",
    wrong_picture("/3", REFUSED): "sample 3, original picture: HTTP 500",
    wrong_picture("/7/cat/RISE", REFUSED): "sample 7, label 'cat', map of RISE: HTTP 500",
    wrong_picture("/7/cat/RISE", check.Picture("png", 50, 50)): "map of RISE: 50x50 pixels are stretched",
    wrong_picture("/7/cat/RISE", check.Picture("png", 50, 70)): "map of RISE: 50x70 pixels are stretched",
    wrong_picture("/7/owl/layer 1", REFUSED): "sample 7, label 'owl', occlusion layer 1: HTTP 500",
    wrong_picture("/7/owl/layer 0", check.Picture("png", 35, 25)): "layer 0: 35x25 pixels, the original has 70",
}


@pytest.mark.parametrize(("spoil", "finding"), BREAKING.items(), ids=BREAKING.values())
def test_a_breaking_condition_is_found(spoil: Callable[[Any], None], finding: str) -> None:
    answers = copy.deepcopy(good_answers())
    spoil(answers)
    assert any(finding in found for found in findings(answers)), findings(answers)


@pytest.mark.parametrize("size", [(70, 50), (7, 5), (140, 100), (10, 7)])
def test_a_map_of_another_size_in_the_same_proportions_is_no_finding(size: tuple[int, int]) -> None:
    answers = copy.deepcopy(good_answers())
    answers.pictures["/7/cat/RISE"] = check.Picture("png", *size)  # 10x7 of 70x50: within one pixel of the map
    assert findings(answers) == []


def test_an_underscore_is_harmless_without_occlusion() -> None:
    answers = copy.deepcopy(good_answers())
    with_an_underscore(answers)
    with_hidden_occlusion(answers)
    assert findings(replace(answers, occlusions=[])) == []


def test_uncertainty_may_be_absent_everywhere() -> None:
    answers = copy.deepcopy(good_answers())
    without_deviation(answers)
    answers.metadata["uncertainty"]["enabled"] = False
    assert findings(answers) == []


def test_a_failed_call_is_reported_once_and_hides_no_other_finding() -> None:
    answers = copy.deepcopy(good_answers())
    without_map(answers)
    broken = replace(answers, occlusions=None, evaluation=None, failures=("hoc: HTTP 500", "hoc: HTTP 500"))
    found = findings(broken)
    assert found[0] == "hoc: HTTP 500"
    assert found[1:] == ["sample 7, label 'cat': no map of RISE: its cell stays empty"]


def test_a_job_that_never_loaded_is_reported_as_such_only() -> None:
    answers = replace(good_answers(), metadata={}, samples=None, occlusions=None, failures=("never LOADED",))
    report = check.report_of(answers, check.Expected(samples=3))
    assert (report.errors, report.samples, report.labels) == (("never LOADED",), 0, 0)


# -------------------------------------------------------------------- expectations


def test_expected_names_and_numbers_that_are_missing_are_found() -> None:
    found = findings(good_answers(), samples=4, explainers=("RISE", "Occlusion"), metrics=("Robustness",))
    assert found == [
        "'Occlusion' expected among the explainers, got ['GradCAM', 'RISE']",
        "'Robustness' expected among the metrics, got ['Faithfulness', 'Localization']",
        "4 samples expected, got 3",
    ]


def test_a_job_without_samples_passes_only_when_allowed() -> None:
    answers = copy.deepcopy(good_answers())
    answers.metadata["sample_count"] = 0
    empty = replace(answers, samples=[], occlusions=[])
    assert [found[:10] for found in findings(empty)] == ["no samples"]
    assert findings(empty, empty_allowed=True) == []


def listing(*jobs: str) -> dict[str, Any]:
    return {"total": len(jobs), "explain_jobs": [{"train_id": job} for job in jobs]}


def test_a_base_without_jobs_passes_only_when_allowed() -> None:
    assert check.listing_findings(listing(), [], check.Expected()) == ["no explain job found"]
    assert check.listing_findings(listing(), [], check.Expected(empty_allowed=True)) == []


# ------------------------------------------------------------------- usable answers


def test_json_with_a_number_that_a_browser_refuses_is_no_usable_answer() -> None:
    for constant in ("NaN", "Infinity", "-Infinity"):
        answer = check.Answer(200, "application/json", f'{{"score": {constant}}}'.encode())
        with pytest.raises(check.AnswerError, match=f"evaluation: no JSON for a browser: it holds {constant}"):
            check.usable("evaluation", answer)


def test_the_word_nan_in_quotes_is_a_usable_score() -> None:
    assert check.usable("evaluation", check.Answer(200, "application/json", b'{"score": "NaN"}'))


def test_a_refused_call_names_its_likely_cause() -> None:
    with pytest.raises(check.AnswerError, match=r"HTTP 500 boom; likely cause: more label scores than labels"):
        check.usable("evaluation", check.Answer(500, "text/plain", b"boom"))


def test_a_job_that_stays_in_loading_is_said_to() -> None:
    answer = check.Answer(200, "application/json", b'{"status": "LOADING"}')
    assert check.never_loaded(answer).startswith("never LOADED, last answer HTTP 200 LOADING; likely cause:")


@dataclass
class PagingSite:
    """A site that holds some samples, announces a number of them, and remembers the pages asked for."""

    held: int
    announced: int
    timeout: float = 0.0

    def __post_init__(self) -> None:
        self.asked: list[int] = []

    def post(self, path: str, body: dict[str, Any]) -> Any:
        self.asked.append(body["offset"])
        start = body["offset"] * body["limit"]
        samples = list(range(self.held))[start : start + body["limit"]]
        answer = {"count": self.announced, "samples": samples}
        return check.Answer(200, "application/json", json.dumps(answer).encode())


@pytest.mark.parametrize(("held", "pages"), [(0, 1), (1, 1), (100, 1), (101, 2), (205, 3)])
def test_all_pages_are_read_and_no_more(held: int, pages: int) -> None:
    site = PagingSite(held, held)
    assert check.paged(site, "saliency", {}) == list(range(held))
    assert site.asked == list(range(pages))


def test_pages_that_do_not_add_up_are_no_usable_answer() -> None:
    with pytest.raises(check.AnswerError, match="saliency: 150 samples on 3 pages, 205 announced"):
        check.paged(PagingSite(150, 205), "saliency", {})


# ------------------------------------------------------------------------- pictures


def png(width: int, height: int) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(width)) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    note = b"\xff\xe0" + struct.pack(">H", 6) + b"JFIF"
    frame = b"\xff\xc2" + struct.pack(">HBHH", 8, 8, height, width) + b"\1"
    return b"\xff\xd8" + note + frame + b"picture" + b"\xff\xd9"


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"picture;"


def bmp(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IIIIii", 30, 0, 26, 12, width, -height) + b"rows"


KINDS = {"png": png(70, 50), "jpeg": jpeg(70, 50), "gif": gif(70, 50), "bmp": bmp(70, 50)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_picture_has_its_size_and_no_trouble(kind: str) -> None:
    answer = check.Answer(200, f"image/{kind}", KINDS[kind])
    assert check.picture_of(answer) == check.Picture(kind, 70, 50)


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_without_its_end_is_found(kind: str) -> None:
    answer = check.Answer(200, f"image/{kind}", KINDS[kind][:-1])
    assert check.picture_of(answer).trouble == f"a {kind} without its end ({len(KINDS[kind]) - 1} bytes)"


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_cut_off_in_its_header_is_found(kind: str) -> None:
    answer = check.Answer(200, f"image/{kind}", KINDS[kind][:9])
    assert check.picture_of(answer).trouble == f"a {kind} cut off in its header (9 bytes)"


def test_a_picture_served_as_something_else_is_found() -> None:
    answer = check.Answer(200, "application/octet-stream", jpeg(70, 50))
    assert check.picture_of(answer).trouble == "a jpeg, but served as application/octet-stream"


def test_a_picture_without_pixels_is_found() -> None:
    assert check.picture_of(check.Answer(200, "image/png", png(0, 50))).trouble == "a png without pixels"


def test_a_file_that_no_page_is_sure_to_show_is_found() -> None:
    answer = check.Answer(200, "application/octet-stream", b"RIFF\x10\0\0\0WEBPVP8 ")
    assert check.picture_of(answer).trouble.startswith("neither PNG, JPEG, GIF nor BMP")


def test_a_refused_picture_says_what_the_server_said() -> None:
    answer = check.Answer(400, "application/json", b'{"error_msg":"Image is not exist."}')
    assert check.picture_of(answer).trouble == 'HTTP 400 {"error_msg":"Image is not exist."}'


# ------------------------------------------------------------------ folder and log


def explain_file(*parts: str, stamp: int = 1) -> PurePosixPath:
    return PurePosixPath(*parts, f"events.summary.{stamp}.0_explain")


def test_folders_that_are_listed_have_no_findings() -> None:
    files = [explain_file(), explain_file("a job")]
    assert check.listing_findings(listing("./", "./a job"), files, check.Expected()) == []


@pytest.mark.parametrize(
    ("files", "finding"),
    [
        ([explain_file("job"), explain_file("a", "b")], "./a/b has an explain file, but is not listed"),
        ([explain_file("job"), explain_file("job", stamp=2)], "./job has 2 explain files"),
        ([explain_file("job"), explain_file(".hidden")], "./.hidden starts with a dot"),
    ],
)
def test_a_folder_that_would_not_be_shown_is_found(files: list[PurePosixPath], finding: str) -> None:
    found = check.listing_findings(listing("./job", "./.hidden"), files, check.Expected())
    assert [text[: len(finding)] for text in found] == [finding]


def test_jobs_beyond_the_longest_list_are_found() -> None:
    found = check.listing_findings({**listing("./job"), "total": 1200}, [], check.Expected())
    assert found == ["1200 jobs announced, 1 listed, 999 is the most"]


def test_explain_files_are_found_one_level_deeper_than_mindinsight_looks(tmp_path: Path) -> None:
    shown = [explain_file(), explain_file("b"), explain_file("b", "c"), explain_file("a")]
    others = [
        explain_file("b", "c", "d"),
        explain_file("b", "_explain_1"),
        PurePosixPath("summary.x_explain"),
    ]
    for path in (*shown, *others, PurePosixPath("events.summary.1.0_lineage")):
        (tmp_path / path.parent).mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "linked").symlink_to("b")
    linked = [explain_file("linked"), explain_file("linked", "c")]
    assert check.explain_files(tmp_path) == sorted(shown + linked)


FULL = b'{"saliency_map": true, "benchmark": false, "uncertainty": true, "hierarchical_occlusion": false}'


def test_a_full_manifest_has_no_findings() -> None:
    assert check.manifest_findings({"job/_explain_1/manifest.json": FULL}) == []


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        (FULL[:-3], "manifest.json is not JSON"),
        (b"", "manifest.json is not JSON"),
        (FULL.replace(b"uncertainty", b"certainty"), "must say true or false for 'uncertainty'"),
        (FULL.replace(b"true", b"1"), "must say true or false for 'saliency_map'"),
        (b"[]", "must say true or false for 'hierarchical_occlusion'"),
    ],
)
def test_a_manifest_that_hides_all_jobs_is_found(content: bytes, finding: str) -> None:
    assert any(finding in found for found in check.manifest_findings({"manifest.json": content}))


def test_manifests_are_read_from_the_base_and_from_its_jobs(tmp_path: Path) -> None:
    for place in ("_explain_1", "job/_explain_2", "job/deeper/_explain_3"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "manifest.json").write_bytes(FULL)
    assert check.manifests(tmp_path) == {
        "_explain_1/manifest.json": FULL,
        "job/_explain_2/manifest.json": FULL,
    }


def log_line(level: str, message: str, second: int = 0) -> str:
    moment = f"2026-11-21-09:00:{second:02}.000.000"
    return f"[{level}] MI(12:34,MainProcess):{moment} [mindinsight/loader.py:{second}][EXPLAINER] {message}\n"


def test_each_complaint_of_the_server_is_reported_once_with_its_longest_wording() -> None:
    lines = [
        log_line("INFO", "Start to load data"),
        log_line("ERROR", "Failed: list index out of range", 1),
        log_line("ERROR", "list index out of range", 2),
        log_line("ERROR", "Failed: list index out of range", 3),
        log_line("WARNING", "Check crc failed and reset offset, offset=12"),
        log_line("WARNING", "Cannot find summary"),
    ]
    assert check.log_findings(lines) == [
        "server log, 2 times: Failed: list index out of range",
        "server log, 1 times: Check crc failed and reset offset, offset=12",
    ]


# ---------------------------------------------------------------------- the command


def reports(*errors: str) -> list[Any]:
    job = replace(check.report_of(good_answers(), check.Expected()), errors=errors)
    return [check.BaseReport("runs/demo", (job,), (), 3.25)]


def test_the_text_is_a_line_per_job_and_the_verdict() -> None:
    lines = check.as_text(reports()).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["runs/demo", "./job", "3", "4", "2", "2", "8", "13", "2", "0"],
        ["ok:", "1", "jobs", "in", "3.2", "s"],
    ]
    assert len(lines[0]) == len(lines[1])


def test_each_error_has_a_line_of_its_own_with_its_folder() -> None:
    lines = check.as_text(reports("no samples", "a sample twice")).splitlines()
    assert lines[2:4] == ["error: runs/demo ./job: no samples", "error: runs/demo ./job: a sample twice"]
    assert lines[4].startswith("FAILED, 2 errors")


def test_the_json_holds_the_whole_result() -> None:
    result = json.loads(check.as_json(reports("no samples")))
    assert result["ok"] is False
    assert result["errors"] == ["runs/demo ./job: no samples"]
    assert result["bases"][0]["jobs"][0]["explainers"] == ["GradCAM", "RISE"]


def test_the_options_become_expectations(tmp_path: Path) -> None:
    arguments = ["--expect-samples", "5", "--expect-explainers", "A, B", "--allow-empty", str(tmp_path)]
    options = check.parsed(arguments)
    assert options.bases == [tmp_path]
    assert options.expected == check.Expected(5, ("A", "B"), (), True)


@pytest.mark.parametrize("arguments", [[], ["no-such-folder"], ["--json", "no-such-folder/a.json", "."]])
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        check.parsed(arguments)
    assert ended.value.code == 2
    assert "usage: check_mindinsight" in capsys.readouterr().err


def test_a_folder_with_other_things_is_never_made_the_installation(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(check.SetupError, match="holds other things and is no virtual environment"):
        check.install(tmp_path)


def test_the_server_environment_has_no_proxy_and_a_home_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "http_proxy", "PYTHONPATH", "MINDINSIGHT_HOST", "GUNICORN_CMD_ARGS"):
        monkeypatch.setenv(name, "foreign")
    site = check.Site("http://127.0.0.1:4321", tmp_path / "own", 1.0)
    environment = check.server_environment(tmp_path / "venv", tmp_path, site)
    assert "foreign" not in environment.values()
    assert environment["HOME"] == str(tmp_path / "own")
    assert environment["MINDINSIGHT_PORT"] == "4321"


def test_a_server_that_ignores_the_request_is_killed_with_its_children() -> None:
    stubborn = "trap '' INT; sleep 60 & echo $!; wait; sleep 60"
    process = subprocess.Popen(["sh", "-c", stubborn], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout
    child = int(process.stdout.readline())
    check.stop(process, patience=0.05)
    process.stdout.close()
    assert process.returncode is not None
    assert is_gone(child)


def is_gone(process_id: int) -> bool:
    """Whether the process ends within two seconds; a zombie has ended."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{process_id}/stat").read_text().rsplit(") ", 1)[1][0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False
