"""The names of classes: read from a file, numbered where they are doubled, and found by what others call them."""

import pytest

from explainer.data.labels import LabelNames, doubled, numbered, read_labels


def test_labels_are_the_lines_of_a_file_without_blank_ones_and_without_its_byte_order_mark(tmp_path):
    (tmp_path / "labels.txt").write_text("ant\nbée\n\n  cat  \r\ndog", encoding="utf-8-sig")
    assert read_labels(tmp_path / "labels.txt") == ["ant", "bée", "cat", "dog"]


def test_labels_that_cannot_be_read_are_told_with_their_file(tmp_path):
    with pytest.raises(ValueError, match=r"--labels must be a file, got .*nowhere\.txt, which is not there"):
        read_labels(tmp_path / "nowhere.txt", name="--labels")
    (tmp_path / "latin.txt").write_bytes("ant\nbée\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"`path` .*latin\.txt must be UTF-8 text: .* at byte 5"):
        read_labels(tmp_path / "latin.txt")
    (tmp_path / "empty.txt").write_text("\n \n")
    with pytest.raises(ValueError, match=r"--labels .*empty\.txt must name every class, one per line, got no name"):
        read_labels(tmp_path / "empty.txt", name="--labels")


def test_doubled_names_are_numbered_and_others_stay():
    found, doubles = numbered(["crane", "eel", "crane", "maillot", "crane", "maillot"])
    assert found == ["crane (1)", "eel", "crane (2)", "maillot (1)", "crane (3)", "maillot (2)"]
    assert doubles == {"crane": [0, 2, 4], "maillot": [3, 5]} == doubled(["crane", "eel"] + ["crane", "maillot"] * 2)
    assert numbered(["eel", "ant"]) == (["eel", "ant"], {})


def test_a_number_that_another_label_has_is_not_given_again():
    assert numbered(["crane", "crane (1)", "crane"])[0] == ["crane (2)", "crane (1)", "crane (3)"]


def test_a_label_is_found_by_its_name_and_in_tables_by_its_index():
    names = LabelNames(["ant", "7", "cat"])
    assert (names.index_of("cat"), names.index_of("2"), names.index_of("Cat")) == (2, None, None)
    assert [names.index_of_name_or_number(text) for text in ("cat", "0", "2", "3", "-1", "²", "")] == [
        *(2, 0, 2),
        *(None, None, None, None),
    ]
    assert LabelNames(["ant", "0"]).index_of_name_or_number("0") == 1  # a name comes before an index


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Ship", " (the label is 'ship')"),
        ("SHIP", " (the label is 'ship')"),
        ("shipp", " (did you mean 'ship'?)"),
        ("EGYPTIAN-CAT", " (did you mean 'Egyptian cat'?)"),
        ("crane", " (2 labels have that name: write 'crane (1)' or 'crane (2)')"),
        ("zzz", ""),
    ],
)
def test_what_a_name_may_have_meant(name, hint):
    labels, doubles = numbered(["ship", "crane", "Egyptian cat", "crane"])
    assert LabelNames(labels, doubles).hint(name) == hint
