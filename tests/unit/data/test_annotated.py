"""Labels and boxes of folders and of files, on the pictures that were found."""

from pathlib import Path

import pytest

from explainer.data.annotated import PictureNames, annotated, with_boxes
from explainer.data.annotations import AnnotatedObject, AnnotatedPicture, Annotations
from explainer.data.class_folders import class_folders, labelled_by_folder
from explainer.data.labels import LabelNames
from explainer.data.pictures import Picture, PictureObject

LABELS = LabelNames(["ant", "bee", "cat", "dog"])


def pictures(*names):
    return tuple(Picture(Path("/photos") / name, name) for name in names)


def file(*entries, numbers=True):
    """Annotations of (name, (label, box), ...)."""
    found = [
        AnnotatedPicture(name, tuple(AnnotatedObject(label, box, f"in entry {at}") for label, box in objects))
        for at, (name, *objects) in enumerate(entries)
    ]
    return Annotations(tuple(found), numbers=numbers)


def objects(found):
    return [(picture.name, [(entry.label, entry.box) for entry in picture.objects]) for picture in found]


# ---- folders ----


def test_the_uppermost_folder_is_the_label():
    found, unknown = labelled_by_folder(pictures("ant/1.png", "ant/deep/er.png", "dog/a.png", "zero.png"), LABELS)
    assert [picture.labels for picture in found] == [(0,), (0,), (3,), ()]
    assert unknown == {}


def test_folders_that_are_no_label_are_counted_with_what_they_may_mean():
    names = ["Dog/1.png", "Dog/2.png", "gnu/1.png", "train/ant/1.png", "antt/1.png"]
    found, unknown = labelled_by_folder(pictures(*names), LABELS)
    assert all(picture.labels == () for picture in found)
    assert unknown == {
        "Dog": (2, " (the label is 'dog')"),
        "antt": (1, " (did you mean 'ant'?)"),
        "gnu": (1, ""),
        "train": (1, " (the folders in it are labels, so give that folder)"),
    }


def test_class_folders_come_in_the_order_in_which_image_folders_are_numbered():
    assert class_folders(pictures("b/1.png", "B/1.png", "a/z/1.png", "1.png")) == ["B", "a", "b"]


# ---- names ----


def test_a_picture_is_found_by_its_path_or_the_end_of_it():
    names = PictureNames(pictures("a.png", "x/a.png", "x/b.png", "y/x/b.png", "z/c.png"))
    assert names.find("a.png").name == "a.png"  # exact, though x/a.png ends like it
    assert names.find("c.png").name == "z/c.png"
    assert names.find("./z/c.png").name == names.find("z\\c.png").name == "z/c.png"
    assert (names.find("C.png"), names.find("../c.png"), names.find("/etc/passwd"), names.find("")) == (None,) * 4
    with pytest.raises(ValueError, match=r"^'b\.png' must be told by its path in the folder, as 'x/b\.png' and 'y/x/b"):
        names.find("b.png")


# ---- labels of a file ----


def test_the_pictures_that_a_file_names_have_its_labels_and_boxes_in_their_own_order():
    table = file(("c.png", ("cat", (1, 2, 3, 4)), ("0", None)), ("a.png", ("dog", None)), ("c.png", ("cat", None)))
    found, unmatched = annotated(pictures("a.png", "b.png", "c.png"), table, LABELS)
    assert objects(found) == [("a.png", [(3, None)]), ("c.png", [(2, (1, 2, 3, 4)), (0, None), (2, None)])]
    assert [picture.labels for picture in found] == [(3,), (0, 2)]
    assert (unmatched.missing, unmatched.unknown) == ([], {})


def test_what_a_file_names_and_is_not_there_is_told():
    table = file(("a.png", ("Dog", None), ("gnu", None)), ("q.png", ("gnu", None)), ("b.png", ("gnu", None)))
    found, unmatched = annotated(pictures("a.png", "b.png"), table, LABELS)
    assert objects(found) == [("a.png", []), ("b.png", [])]
    assert unmatched.missing == ["q.png"]
    assert unmatched.unknown == {"Dog": 1, "gnu": 2}
    assert unmatched.places == {"Dog": "in entry 0", "gnu": "in entry 0"}


def test_digits_are_indices_in_tables_alone():
    assert annotated(pictures("a.png"), file(("a.png", ("2", None)), numbers=False), LABELS)[1].unknown == {"2": 1}


# ---- boxes alone ----

CATS = (Picture(Path("/photos/a.png"), "a.png", (PictureObject(2),)), Picture(Path("/photos/b.png"), "b.png"))


def test_boxes_belong_to_the_only_label_of_their_picture():
    found, unmatched = with_boxes(CATS, file(("a.png", (None, (1, 2, 3, 4)), ("cat", (5, 6, 7, 8)))), LABELS)
    assert objects(found) == [("a.png", [(2, None), (2, (1, 2, 3, 4)), (2, (5, 6, 7, 8))]), ("b.png", [])]
    assert unmatched.unlabelled == 0


def test_a_box_on_a_picture_without_a_label_is_counted():
    _, unmatched = with_boxes(CATS, file(("b.png", (None, (1, 2, 3, 4)), (None, (1, 2, 3, 4)))), LABELS)
    assert unmatched.unlabelled == 2


@pytest.mark.parametrize(
    ("picture", "label", "told"),
    [
        ("a.png", "dog", r"a label that its picture 'a\.png' has \(cat\), got 'dog' in entry 0; .* --labels-csv"),
        ("a.png", "3", r"a label that its picture 'a\.png' has \(cat\), got 'dog' in entry 0"),
        ("b.png", "dog", r"a label that its picture 'b\.png' has \(none\), got 'dog' in entry 0"),
        ("c.png", None, r"must tell its label where the picture has several \(ant, bee\), got none in entry 0"),
    ],
)
def test_a_box_of_another_label_or_of_one_of_several_is_refused(picture, label, told):
    both = Picture(Path("/photos/c.png"), "c.png", (PictureObject(0), PictureObject(1)))
    with pytest.raises(ValueError, match=told):
        with_boxes((*CATS, both), file((picture, (label, (1, 2, 3, 4)))), LABELS)
