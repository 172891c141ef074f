"""The page of samples: facets, sorts, looks, states."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from report_runs import LABELS, METHODS

OUTCOMES = {"truth unknown": 0, "right": 1, "false positive": 2, "false negative": 3, "true negative": 4}


def _columns(shown):
    return shown.report["cols"]


def _first_rows(shown):
    """The rows that stand for their samples: row and place of the sample."""
    chunk = _columns(shown)
    of, first = chunk.column("of"), chunk.column("first")
    return [(row, of[row]) for row in range(len(of)) if first[row]]


@pytest.mark.parametrize("form", ["shown", "single"])
def test_both_forms_show_every_sample_once(form, request, viewer):
    shown = request.getfixturevalue(form)
    viewer.open(shown.page)
    assert viewer.count == "12 of 12 samples"
    assert viewer.samples == sorted(viewer.samples) and viewer.samples[0] == 0


def test_each_outcome_lets_through_its_samples(either, viewer):
    codes = _columns(either).column("outcome")
    viewer.open(either.page)
    for outcome in ("right", "false positive", "truth unknown"):
        expected = sum(codes[row] == OUTCOMES[outcome] for row, _ in _first_rows(either))
        box = viewer.page.get_by_role("checkbox", name=outcome)
        box.check()
        viewer.wait_for_count(f"{expected} of 12")
        assert viewer.hash == f"#/samples?outcome={OUTCOMES[outcome]}"
        box.uncheck()
        viewer.wait_for_count("12 of 12")


def test_incorrect_predictions_can_be_seen_alone_whichever_label_is_explained(shown, viewer):
    incorrect = [number for number, sample in shown.view.samples.items() if sample.correct is False]
    viewer.open(shown.page)
    box = viewer.page.get_by_role("group", name="Prediction", exact=True).get_by_label("incorrect")
    box.check()
    viewer.wait_for_count(f"{len(incorrect)} of 12")
    assert viewer.hash == "#/samples?correct=2"
    assert viewer.samples == incorrect[: len(viewer.samples)]
    viewer.page.get_by_label("Search samples by name, number or label").fill("zzz")
    viewer.page.get_by_role("button", name="prediction incorrect").click()
    assert viewer.hash == "#/samples?q=zzz"


def test_the_outcomes_are_those_that_python_reads(shown, viewer):
    right = sum(sample.correct is True for sample in shown.view.samples.values())
    viewer.open(shown.page, "#/samples?outcome=1")
    assert viewer.count == f"{right} of 12 samples"


@pytest.mark.parametrize("facet", ["True label", "Predicted"])
def test_each_label_has_its_number_and_lets_through_as_many(facet, shown, viewer):
    of_samples = [
        sample.prediction.ground_truth if facet == "True label" else (int(sample.prediction.probabilities.argmax()),)
        for sample in shown.view.samples.values()
    ]
    viewer.open(shown.page)
    group = viewer.page.get_by_role("group", name=facet)
    for label, name in enumerate(LABELS):
        expected = sum(label in labels for labels in of_samples)
        choice = group.locator("label.choice", has_text=name)
        assert choice.locator(".number").inner_text() == str(expected)
        choice.click()
        viewer.wait_for_count(f"{expected} of 12")
        choice.click()
        viewer.wait_for_count("12 of 12")


def test_facets_narrow_each_other_but_not_themselves(shown, viewer):
    viewer.open(shown.page, "#/samples?outcome=1")
    numbers = viewer.page.locator("fieldset", has_text="True label").locator(".number").all_inner_texts()
    right = [sample for sample in shown.view.samples.values() if sample.correct]
    assert [int(text) for text in numbers[: len(LABELS)]] == [
        sum(label in sample.prediction.ground_truth for sample in right) for label in range(len(LABELS))
    ]
    outcomes = viewer.page.locator("fieldset", has_text="Outcome").locator(".number").all_inner_texts()
    assert sum(map(int, outcomes)) == 12


def test_the_handles_of_the_confidence_cut_it_off(shown, viewer):
    confidence = np.array(_columns(shown).column("p_top"), np.float32)
    least = round(float(np.sort(confidence)[5]) + 0.005, 2)
    viewer.open(shown.page)
    viewer.page.get_by_label("Confidence, from").fill(str(least))
    viewer.wait_for_count(f"{(confidence >= np.float32(least)).sum()} of 12")


def test_samples_are_found_by_the_names_of_their_files(shown, viewer):
    viewer.open(shown.page).press("f")
    viewer.page.keyboard.type("Cat_1")
    viewer.wait_for_count("1 of 12")
    viewer.wait_for_rows()
    assert viewer.samples == [10]


def test_what_matches_nothing_says_what_to_clear(either, viewer):
    viewer.open(either.page, "#/samples?q=zzz&outcome=2")
    assert "No sample matches" in viewer.text(".note")
    viewer.page.get_by_role("button", name="zzz").click()
    viewer.wait_for_count("4 of 12")
    assert viewer.hash == "#/samples?outcome=2"


def _order(shown, key, descending):
    chunk = _columns(shown)
    number, correct, top = chunk.column("sample"), chunk.column("correct"), chunk.column("p_top")
    wrongness = [1 + p if code == 2 else 1 - p if code == 1 else np.nan for code, p in zip(correct, top, strict=True)]
    by_sample = {"number": number, "wrong": wrongness, "confidence": top}
    values = {}
    for row, place in _first_rows(shown):
        if key == "disagreement":
            values[place] = chunk.column(key)[row]
        else:
            values[place] = by_sample[key][place] if key in by_sample else chunk.column(key)[place]
    sign = -1 if descending else 1
    ordered = sorted(values, key=lambda place: (np.isnan(values[place]), sign * values[place], place))
    return [number[place] for place in ordered]


SORTS = ("wrong", "confidence", "margin", "entropy", "total", "epistemic", "disagreement", "number")


def test_one_click_on_a_row_opens_it(either, viewer):
    viewer.open(either.page, "#/samples")
    viewer.page.locator('.row[data-sample="2"] .row-name').click()
    viewer.page.wait_for_selector(".pane canvas")
    assert viewer.hash.startswith("#/sample/2?") or viewer.hash == "#/sample/2"
    viewer.page.go_back()
    viewer.wait_for_rows()
    viewer.page.locator('.row[data-sample="1"] .cell').nth(1).click()
    viewer.page.wait_for_selector(".pane canvas")
    assert viewer.hash.startswith("#/sample/1")


def test_each_sort_has_its_first_and_last_row_either_way(shown, viewer):
    viewer.open(shown.page)
    for key in SORTS:
        viewer.page.get_by_label("Sort", exact=True).select_option(key)
        for _ in range(2):
            down = "high first" in viewer.text(".joined")
            expected = _order(shown, key, down)
            viewer.page.evaluate("document.activeElement.blur()")
            assert viewer.press("Home").focus[0] == expected[0], (key, down)
            assert viewer.press("End").focus[0] == expected[-1], (key, down)
            viewer.page.get_by_role("button", name="turn round").click()


def test_a_click_on_a_method_sorts_by_its_score_the_worst_first(either, viewer):
    scores = either.report["score-0"]
    values = scores.array(scores["values"]).reshape(-1, scores["methods"])[:, 1]
    rows = [row for row, _ in _first_rows(either)]
    viewer.open(either.page)
    viewer.page.get_by_role("columnheader", name="RISE").get_by_role("button").click()
    viewer.wait_for_text('.column-head[aria-sort="ascending"]', "RISE")
    viewer.wait_for_rows()
    ordered = sorted(rows, key=lambda row: (np.isnan(values[row]), values[row], row))
    of, number = _columns(either).column("of"), _columns(either).column("sample")
    assert viewer.press("Home").focus[0] == number[of[ordered[0]]]
    shown_score = viewer.text(f'.row[data-row="{ordered[0]}"] [data-column="3"] .caption')
    assert shown_score == f"{values[ordered[0]]:.2f}"


def test_methods_are_hidden_moved_and_brought_back(shown, viewer):
    viewer.open(shown.page).press("2")
    heads = viewer.page.locator(".column-head bdi")
    assert heads.all_inner_texts() == ["GradCAM", "Gradient"]
    viewer.press("2")
    assert heads.all_inner_texts() == ["GradCAM", "Gradient", "RISE"]
    start = viewer.page.get_by_role("button", name="RISE").bounding_box()
    viewer.page.mouse.move(start["x"] + 20, start["y"] + 5)
    viewer.page.mouse.down()
    viewer.page.mouse.move(start["x"] - 2000, start["y"] + 5, steps=4)
    viewer.page.mouse.up()
    assert heads.all_inner_texts() == ["RISE", "GradCAM", "Gradient"]
    assert viewer.hash == "#/samples?methods=1,0,2"


def test_one_row_for_each_label(shown, viewer):
    rows = _columns(shown)["rows"]
    viewer.open(shown.page)
    viewer.page.get_by_role("button", name="rows").click()
    viewer.page.get_by_label("explained label", exact=True).check()
    viewer.wait_for_count(f"{rows} of {rows} rows")


def test_the_labels_of_a_sample_are_gone_through_in_its_row(either, viewer):
    chunk = _columns(either)
    start, labels = chunk.column("start"), chunk.column("label")
    place = next(i for i in range(11) if start[i + 1] - start[i] == 2)
    own = range(start[place], start[place + 1])
    first = next(row for row in own if chunk.column("first")[row])
    (other,) = set(own) - {first}
    viewer.open(either.page, f"#/samples?row={first}&column=0").press("L")
    viewer.page.wait_for_selector(f'.row[data-row="{other}"]')
    assert LABELS[labels[other]] in viewer.text(f'.row[data-row="{other}"]')
    viewer.press("L")
    viewer.page.wait_for_selector(f'.row[data-row="{first}"]')
    assert viewer.count == "12 of 12 samples"


# Looks. At 64 px a small map of 130 x 96 pixels is drawn pixel by pixel, and the next one begins 72 px further.

SMALL = "size=64"


def _map_of(shown, row, method):
    chunk, cells = shown.report.row(row)
    entry = next(entry for entry in cells["maps"] if entry["method"] == method)
    grey = chunk.array(entry["values"]).reshape(entry["h"], entry["w"]).astype(float)
    return entry, entry["lo"] + grey / 255 * (entry["hi"] - entry["lo"])


def _picture_of(shown, row):
    chunk, cells = shown.report.row(row)
    image = cells["image"]
    return chunk.array(image["rgb"]).reshape(3, image["h"], image["w"]).transpose(1, 2, 0)


def _cell(viewer, row, place, shape):
    return viewer.row_pixels(row)[: shape[0], 72 * place : 72 * place + shape[1], :3]


def test_a_map_alone_has_the_palette_s_colours_of_its_own_scale(shown, viewer):
    viewer.open(shown.page, f"#/samples?{SMALL}&palette=grey&blend=map")
    entry, values = _map_of(shown, 0, 1)
    place = np.clip((values - entry["lo"]) / (entry["p99"] - entry["lo"]), 0, 1)
    seen = _cell(viewer, 0, 2, values.shape)
    assert np.abs(seen[..., 0] - 255 * place).max() <= 1
    assert (seen[..., 0] == seen[..., 2]).all()


def test_signed_maps_have_zero_in_the_middle(either, viewer):
    viewer.open(either.page, f"#/samples?{SMALL}&blend=map")
    entry, values = _map_of(either, 0, 2)
    seen = _cell(viewer, 0, 3, values.shape)
    assert (seen[values >= entry["p99"]] == (0x05, 0x30, 0x61)).all()
    assert (seen[values <= -entry["p99"]] == (0x67, 0x00, 0x1F)).all()
    assert seen[np.abs(values) < entry["p99"] / 200].min() > 235


def test_the_scale_of_the_run_and_a_fixed_one(shown, viewer):
    method = shown.report.run["methods"][1]
    _, values = _map_of(shown, 0, 1)
    for scale, (low, high) in {
        "scale=run": (method["p01"], method["p99"]),
        "scale=fixed&low=0.5&high=0.75": (0.5, 0.75),
    }.items():
        viewer.open(shown.page, f"#/samples?{SMALL}&palette=grey&blend=map&{scale}")
        place = np.clip((values - low) / (high - low), 0, 1)
        assert np.abs(_cell(viewer, 0, 2, values.shape)[..., 0] - 255 * place).max() <= 1


def test_without_opacity_only_the_picture_is_seen(shown, viewer):
    picture = _picture_of(shown, 0)
    for look in ("opacity=0", "opacity=0&blend=flat", "blend=picture"):
        viewer.open(shown.page, f"#/samples?{SMALL}&{look}")
        for place in range(4):
            assert (_cell(viewer, 0, place, picture.shape) == picture).all(), look


def test_flat_mixes_map_and_picture_by_the_opacity(shown, viewer):
    viewer.open(shown.page, f"#/samples?{SMALL}&palette=grey&blend=flat&opacity=0.5")
    entry, values = _map_of(shown, 0, 1)
    grey = np.round(255 * np.clip((values - entry["lo"]) / (entry["p99"] - entry["lo"]), 0, 1))
    mixed = grey[..., None] * 0.5 + _picture_of(shown, 0) * 0.5
    assert np.abs(_cell(viewer, 0, 2, values.shape) - mixed).max() <= 1.5


def test_looks_change_at_once_and_nothing_is_read_for_them(either, viewer):
    viewer.open(either.page, f"#/samples?{SMALL}")
    read = []
    viewer.page.on("request", lambda request: read.append(request.url))
    before = viewer.row_pixels(0)
    for key in ("p", "b", "s", "-", "="):
        viewer.press(key)
        after = viewer.row_pixels(0)
        assert (before != after).any(), key
        before = after
    assert [url for url in read if not url.endswith("state.json")] == []  # a served page asks how the run stands
    assert viewer.hash == f"#/samples?{SMALL}&palette=cividis&blend=flat&scale=run"


def test_a_held_key_shows_the_pictures_without_maps(shown, viewer):
    viewer.open(shown.page, f"#/samples?{SMALL}&blend=map")
    with_maps = viewer.row_pixels(0)
    viewer.page.keyboard.down("o")
    picture = _picture_of(shown, 0)
    assert (_cell(viewer, 0, 1, picture.shape) == picture).all()
    viewer.page.keyboard.up("o")
    assert (viewer.row_pixels(0) == with_maps).all()


# What cannot be shown.


def test_a_chunk_that_is_missing_is_said_and_read_when_it_is_back(shown, viewer, tmp_path):
    shutil.copytree(shown.page.parent, tmp_path / "report")
    (tmp_path / "report/data/g/0.js").rename(tmp_path / "0.js")
    viewer.open(tmp_path / "report" / shown.page.name)
    assert "data/g/0.js is missing" in viewer.text('.row[data-row="0"]')
    assert viewer.page.locator('.row[data-row="0"] .row-name').inner_text().startswith("0")
    (tmp_path / "0.js").rename(tmp_path / "report/data/g/0.js")
    viewer.page.locator('.row[data-row="0"]').get_by_role("button", name="Retry").click()
    viewer.page.wait_for_selector('.row[data-row="0"] .pictures')
    viewer.expected("ERR_FILE_NOT_FOUND")


def test_without_its_columns_the_page_says_so(shown, viewer, tmp_path):
    shutil.copytree(shown.page.parent, tmp_path / "report")
    (tmp_path / "report/data/cols.js").write_text('E("cols","AAAA")')
    viewer.page.goto((tmp_path / "report" / shown.page.name).as_uri() + "#/samples")
    viewer.wait_for_text(".note", "The samples cannot be shown")


def test_a_map_that_cannot_be_read_is_hatched_and_says_why(viewer, tmp_path):
    from report_runs import write_report_run

    from explainer.analysis.view import read_run
    from explainer.report.write import write_report

    write_report_run(tmp_path / "run")
    view = read_run(tmp_path / "run")
    entry = next(entry for entry in view.samples[1].maps if entry.explainer == METHODS[1])
    (view.summary_dir / entry.path).write_bytes(b"no picture")
    viewer.open(write_report(view, tmp_path / "seen").path)
    row = viewer.page.locator('.row[data-sample="1"]')
    assert row.locator(".cell.damaged").count() == 1
    assert "PNG" in row.locator('[data-column="3"] .reason').inner_text()
    assert row.locator(".cell.there").count() == 3
