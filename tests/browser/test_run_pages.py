"""The pages of a run as a whole: overview, scores, classes, about, compare."""

from __future__ import annotations

import pytest
from report_runs import CONTROLS, LABELS, METHODS, METRICS

from explainer.analysis.facts import facts_of


def _statistics(shown, metric: str, explainer: str):
    entries = facts_of(shown.view)["statistics"]
    return next(entry for entry in entries if (entry["metric"], entry["explainer"]) == (metric, explainer))


def test_the_overview_says_how_the_run_stands_and_where_it_fails(either, viewer):
    viewer.open(either.page, "#/")
    viewer.page.wait_for_selector(".pairs")
    samples = either.view.samples.values()
    correct, known = (
        sum(sample.correct is True for sample in samples),
        sum(sample.correct is not None for sample in samples),
    )
    assert f"accuracy {100 * correct / known:.1f} %" in viewer.text(".accuracy")
    assert "● Ended · 12 samples · 12 min" in viewer.text(".page-head")
    assert "the image has a NaN" in viewer.text(".missing")


def test_a_confusion_opens_as_many_samples_as_it_counts(either, viewer):
    viewer.open(either.page, "#/")
    count = viewer.page.locator(".pairs tr").first.locator("td").last.inner_text().split(" of ")[0]
    viewer.page.locator(".pairs a").first.click()
    viewer.wait_for_count(f"{count} of 12")


def test_all_errors_open_as_many_samples_as_the_link_says(shown, viewer):
    incorrect = {number for number, sample in shown.view.samples.items() if sample.correct is False}
    viewer.open(shown.page, "#/samples?top=1").press("g", "o")
    viewer.page.get_by_role("link", name=f"open all {len(incorrect)} errors").click()
    viewer.wait_for_count(f"{len(incorrect)} of 12")
    assert set(viewer.samples) <= incorrect


def test_the_pictures_of_the_overview_are_those_of_the_sort_that_they_open(shown, viewer):
    viewer.open(shown.page, "#/")
    viewer.page.wait_for_selector("canvas.thumb")
    strip = viewer.page.locator(".thumbs", has_text="Most wrong")
    links = strip.locator("li a").evaluate_all(
        "links => links.map((link) => Number(/sample.(\\d+)/.exec(link.hash)[1]))"
    )
    strip.get_by_role("link", name="all, in this order").click()
    viewer.wait_for_rows()
    assert viewer.samples[: len(links)] == links
    assert all(shown.view.samples[number].correct is False for number in links)


def test_the_table_of_scores_has_means_counts_and_what_is_undefined(either, viewer):
    viewer.open(either.page, "#/scores")
    rows = dict(zip((*METHODS, *CONTROLS), range(5), strict=True))
    names = viewer.page.locator(".scores tbody th bdi").all_inner_texts()
    assert sorted(names) == sorted(rows)
    for place, name in enumerate(names):
        entry = _statistics(either, "DeletionAUC", name)
        text = viewer.page.locator(".scores tbody tr").nth(place).locator("td").first.inner_text()
        assert f"{entry['mean']:.2f}" in text
        assert f"n {entry['defined']}" in text
        assert (f"{entry['undefined']} undefined" in text) == bool(entry["undefined"])
    random = viewer.page.locator(".scores tr", has_text=CONTROLS[0])
    assert random.locator("td").last.inner_text() == "not scored"


def test_a_metric_says_what_it_asks_when_it_has_the_focus_and_sorts_by_it(shown, viewer):
    viewer.open(shown.page, "#/scores")
    viewer.page.get_by_role("button", name="MaxSensitivity").focus()
    viewer.wait_for_text("#metric-words", "How much does the map change")
    viewer.press("Enter")
    assert viewer.hash == "#/scores?by=1"
    best = min((*METHODS, *CONTROLS), key=lambda name: _statistics(shown, "MaxSensitivity", name)["mean"])
    assert viewer.page.locator(".scores tbody th bdi").first.inner_text() == best


@pytest.mark.parametrize("form", ["dots", "parallel axes", "per class"])
def test_every_chart_of_the_scores_can_be_a_table(form, shown, viewer):
    viewer.open(shown.page, "#/scores")
    viewer.page.get_by_role("button", name=form).click()
    buttons = viewer.page.get_by_role("button", name="show as table")
    charts = buttons.count()
    assert charts > 0
    for _ in range(charts):
        buttons.first.click()
    assert viewer.page.locator("figure table.numbers").count() == charts
    assert buttons.count() == 0


def test_the_scores_of_correct_and_incorrect_samples_are_apart(shown, viewer):
    viewer.open(shown.page, "#/scores")
    viewer.page.get_by_role("button", name="incorrect").click()
    name = viewer.page.locator(".scores tbody th bdi").first.inner_text()
    text = viewer.page.locator(".scores tbody td").first.inner_text()
    assert f"{_statistics(shown, 'DeletionAUC', name)['incorrect']['mean']:.2f}" in text
    assert viewer.hash == "#/scores?of=incorrect"


def test_weights_are_off_until_they_are_wanted_and_stay_in_the_link(shown, viewer):
    viewer.open(shown.page, "#/scores")
    assert viewer.page.get_by_role("slider").count() == 0
    viewer.page.get_by_role("button", name="Your weighting").click()
    sliders = viewer.page.get_by_role("slider")
    assert sliders.count() == len(METRICS)
    sliders.first.focus()
    viewer.press("ArrowRight", "ArrowRight")
    assert viewer.hash == "#/scores?w=3,1,1"
    ranking = viewer.text(".weights table")
    viewer.page.reload()
    viewer.page.wait_for_selector(".weights table")
    assert viewer.text(".weights table") == ranking


def test_the_confusion_matrix_is_gone_through_with_arrows_and_opens_its_samples(shown, viewer):
    viewer.open(shown.page, "#/classes")
    viewer.page.get_by_role("application").focus()
    viewer.press("ArrowDown", "ArrowRight", "ArrowDown")  # the first one goes to the first cell
    assert viewer.text("#matrix-cell").startswith(f"true {LABELS[1]}, predicted {LABELS[1]}:")
    viewer.press("ArrowUp", "ArrowLeft")
    first = sum(
        sample.prediction.ground_truth == (0,) and sample.prediction.probabilities.argmax() == 0
        for sample in shown.view.samples.values()
    )
    assert viewer.text("#matrix-cell").startswith(f"true {LABELS[0]}, predicted {LABELS[0]}: {first} of")
    viewer.press("Enter")
    viewer.wait_for_count(f"{first} of 12")
    assert viewer.hash == "#/samples?truth=0&top=0"


def test_the_classes_have_their_samples_and_accuracy(shown, viewer):
    viewer.open(shown.page, "#/classes")
    for label, name in enumerate(LABELS):
        of = [sample for sample in shown.view.samples.values() if label in sample.prediction.ground_truth]
        row = viewer.page.locator(".class-table tr", has=viewer.page.get_by_role("link", name=name, exact=True))
        cells = row.locator("td").all_inner_texts()
        assert cells[0] == str(len(of))
        assert f"{100 * sum(sample.correct for sample in of) / len(of):.0f} %" in cells[1]


def test_about_has_parameters_versions_and_what_each_metric_asks(shown, viewer):
    viewer.open(shown.page, "#/about")
    text = viewer.text("main")
    for words in ("LeNet5", "3.11", "the image has a NaN", "Does the probability drop early", "conv2", "seed"):
        assert words in text


def test_a_report_of_one_run_says_which_command_compares_two(shown, viewer):
    viewer.open(shown.page, "#/compare")
    assert "explainer report JOB_FOLDER --against OTHER_JOB_FOLDER" in viewer.text("main")
