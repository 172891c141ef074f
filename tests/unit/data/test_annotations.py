"""Tables, COCO's instances and Pascal VOC's files: what they say, and what is refused of what strangers write."""

import json

import pytest

from explainer.data.annotations import box_of, content_of
from explainer.data.coco import read_coco
from explainer.data.csv_annotations import read_table
from explainer.data.voc import read_voc

FILE_LABEL = ("file", "label")


def plain(annotations):
    """The pictures as tuples: name, (label, box) for each object, size."""
    return [
        (found.name, [(entry.label, entry.box) for entry in found.objects], found.size)
        for found in annotations.pictures
    ]


# ---- boxes ----


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([1, 2, 3], "a box must be [x, y, width, height], got 3 numbers there"),
        ([1, 2, 3, 4, 5], "got 5 numbers there"),
        ([1, 2, -3, 4], "a box must have a width and height of at least 0, got -3 x 4 there"),
        (["1", "x", 3, 4], "a box must be given in numbers of pixels, got 'x' there"),
        ([1, None, 3, 4], "got 'None' there"),
        ([1, True, 3, 4], "got 'True' there"),
        ([1, float("nan"), 3, 4], "got 'nan' there"),
        ([1, float("inf"), 3, 4], "got 'inf' there"),
        ([1, 10**400, 3, 4], "a box must be given in numbers of pixels, got '1000"),
        ([1, [2], 3, 4], "got '[2]' there"),
    ],
)
def test_what_is_no_box_is_told_with_its_place(values, told):
    with pytest.raises(ValueError) as caught:
        box_of(values, "there")
    assert told in str(caught.value)


def test_a_box_may_be_empty_and_lie_outside():
    assert box_of(["-1.5", 2, 0, 4], "there") == (-1.5, 2, 0, 4)


def test_a_file_that_is_too_long_is_not_read(tmp_path):
    (tmp_path / "long.json").write_bytes(b"12345")
    with pytest.raises(ValueError, match=r"--annotations .*long\.json must have at most 4 bytes, got 5"):
        content_of(tmp_path / "long.json", "--annotations", 4)


# ---- tables ----


@pytest.fixture
def table(tmp_path):
    def read(text, needs=FILE_LABEL):
        (tmp_path / "t.csv").write_text(text, encoding="utf-8")
        return read_table(tmp_path / "t.csv", "--labels-csv", needs)

    return read


def test_a_table_has_labels_and_boxes_in_any_order_of_columns_and_rows_of_a_picture_are_taken_together(table):
    found = table(
        "\ufeffW,file,Label , x,y,height,note\n"
        '30,a.png,dog,1,2,40,"seen, twice"\n'
        ",b.png,cat;7,,,,\n"
        "\n"
        "3.5,a.png,0,10,20,4,\n"
        ",c.png,,,,,\n"
    )
    assert plain(found) == [
        ("a.png", [("dog", (1, 2, 30, 40)), ("0", (10, 20, 3.5, 4))], None),
        ("b.png", [("cat", None), ("7", None)], None),
        ("c.png", [], None),
    ]
    assert found.numbers and found.categories == ()


def test_a_table_of_boxes_needs_no_label(table):
    found = table("file,x,y,w,h\na.png,1,2,3,4\na.png,5,6,7,8\n", ("file", "x", "y", "w", "h"))
    assert plain(found) == [("a.png", [(None, (1, 2, 3, 4)), (None, (5, 6, 7, 8))], None)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "",
            "must begin with a line that names its columns, file, label among them, with commas, got nothing",
        ),
        ("a.png,dog\n", "got 'a.png', 'dog', without file, label"),
        ("file;label\na;b\n", "got 'file;label', without file, label"),
        ("file,label,x,y\na.png,dog,1,2\n", "without w, h"),
        ("file,label,labels\n", "must have each column once, got 'label' 2 times"),
        ("file,label\na.png\n", "a row must have 2 cells as the header has, got 1 in line 2 of --labels-csv"),
        ("file,label\na.png,cat, big\n", "got 3 in line 2 of --labels-csv"),
        ("file,label\n,cat\n", "a row must name its picture in the column file, got nothing in line 2"),
        ("file,label,x,y,w,h\na.png,cat;dog,1,2,3,4\n", "a row with a box must have the one label that it belongs to"),
        ("file,label,x,y,w,h\na.png,,1,2,3,4\n", "the one label that it belongs to, got '' in line 2"),
        ("file,label,x,y,w,h\na.png,cat,1,2,3,\n", "a box must be given in numbers of pixels, got '' in line 2"),
        ("file,label,x,y,w,h\n\na.png,cat,1,2,3,-4\n", "at least 0, got 3 x -4 in line 3"),
        ('file,label\n"a.png,cat\n', "must be a table with commas: unexpected end of data in line 2"),
    ],
)
def test_a_table_that_does_not_fit_is_told_with_its_line(table, text, told):
    with pytest.raises(ValueError) as caught:
        table(text)
    assert told in str(caught.value) and "t.csv" in str(caught.value)


def test_a_table_must_be_there_and_be_text(tmp_path):
    with pytest.raises(ValueError, match=r"--boxes must be a file, got .*nowhere\.csv, which is not there"):
        read_table(tmp_path / "nowhere.csv", "--boxes", FILE_LABEL)
    (tmp_path / "latin.csv").write_bytes("file,label\né,1".encode("latin-1"))
    with pytest.raises(ValueError, match=r"--boxes .*latin\.csv must be UTF-8 text"):
        read_table(tmp_path / "latin.csv", "--boxes", FILE_LABEL)


# ---- COCO ----

COCO = {
    "info": {"description": "two pictures"},
    "images": [
        {"id": 9, "file_name": "b.jpg", "width": 640, "height": 480, "license": 1},
        {"id": 4, "file_name": "val/a.jpg"},
    ],
    "categories": [{"id": 18, "name": "dog", "supercategory": "animal"}, {"id": 1, "name": "person"}],
    "annotations": [
        {
            "id": 1,
            "image_id": 9,
            "category_id": 18,
            "bbox": [1.5, 2, 30, 40],
            "segmentation": [[1, 2, 3]],
            "iscrowd": 0,
        },
        {"id": 2, "image_id": 9, "category_id": 1, "bbox": [0, 0, 640, 400], "iscrowd": 1},
        {"id": 3, "image_id": 9, "category_id": 18},
    ],
}


@pytest.fixture
def coco(tmp_path):
    def read(content):
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / "instances.json").write_text(text, encoding="utf-8")
        return read_coco(tmp_path / "instances.json", "--annotations")

    return read


def test_instances_are_labels_and_boxes_and_crowds_are_labels_without_a_box(coco):
    found = coco(COCO)
    assert plain(found) == [
        ("b.jpg", [("dog", (1.5, 2, 30, 40)), ("person", None), ("dog", None)], (640, 480)),
        ("val/a.jpg", [], None),
    ]
    assert (found.categories, found.crowds, found.numbers) == (("person", "dog"), 1, False)


def altered(*keys, value):
    content = json.loads(json.dumps(COCO))
    entry = content
    for key in keys[:-1]:
        entry = entry[key]
    entry[keys[-1]] = value
    return content


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "must be JSON: Expecting property name"),
        ("[1, 2]", "must be a JSON object with images, annotations and categories, got a list or a value"),
        ("[" * 100_000, "must be JSON: maximum recursion depth exceeded"),
        ({"images": []}, "it has no annotations"),
        (altered("images", value={"a": 1}), "it has no images"),
        (altered("images", 1, value=3), "an entry must be an object, got int in images[1]"),
        (altered("images", 1, "id", value="4"), "id must be a whole number, got '4' in images[1]"),
        (altered("images", 1, "id", value=9), "ids must be distinct, got 9 twice, in images[0]"),
        (altered("images", 1, "file_name", value=""), "file_name must be a name, got '' in images[1]"),
        (altered("categories", 0, "name", value=7), "name must be a name, got 7 in categories[0]"),
        (altered("annotations", 1, "image_id", value=5), "an entry that is there, got 5 in annotations[1]"),
        (altered("annotations", 1, "category_id", value=2), "an entry that is there, got 2 in annotations[1]"),
        (altered("annotations", 1, "category_id", value=None), "category_id must be a whole number, got nothing"),
        (altered("annotations", 0, "bbox", value=[1, 2, 3]), "got 3 numbers in annotations[0]"),
        (altered("annotations", 0, "bbox", value="all"), "bbox must be [x, y, width, height], got 'all'"),
        (json.dumps(COCO).replace("1.5", "NaN"), "in numbers of pixels, got 'nan' in annotations[0]"),
        (json.dumps(COCO).replace("1.5", "1e999"), "in numbers of pixels, got 'inf' in annotations[0]"),
        (json.dumps(COCO).replace("1.5", "9" * 5000), "must be JSON: Exceeds the limit"),
    ],
)
def test_instances_that_do_not_fit_are_told_with_their_entry(coco, content, told):
    with pytest.raises(ValueError) as caught:
        coco(content)
    assert told in str(caught.value) and "instances.json" in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("size", [0, -3, "640", True, None, 1.5])
def test_a_size_that_is_none_is_not_known(coco, size):
    assert coco(altered("images", 0, "width", value=size)).pictures[0].size is None


# ---- Pascal VOC ----

VOC = """<annotation>
  <folder>VOC2007</folder><filename>000001.jpg</filename>
  <size><width>353</width><height>500</height><depth>3</depth></size>
  <object><name>dog</name><truncated>1</truncated><difficult>1</difficult>
    <bndbox><xmin>48</xmin><ymin>240</ymin><xmax>195</xmax><ymax>371</ymax></bndbox></object>
  <object><name>person</name>
    <part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>
    <bndbox><xmin>1</xmin><ymin>1</ymin><xmax>353</xmax><ymax>500</ymax></bndbox></object>
  <object><name>cat</name></object>
</annotation>"""


@pytest.fixture
def voc(tmp_path):
    def read(*texts, inner="."):
        for index, text in enumerate(texts):
            path = tmp_path / inner / f"{index}.xml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return read_voc(tmp_path, "--annotations")

    return read


@pytest.mark.parametrize("inner", [".", "Annotations"])
def test_corners_count_from_1_and_the_last_pixel_is_included(voc, inner):
    found = voc(VOC, VOC.replace("000001", "2"), inner=inner)
    objects = [("dog", (47, 239, 148, 132)), ("person", (0, 0, 353, 500)), ("cat", None)]
    assert plain(found) == [("000001.jpg", objects, (353, 500)), ("2.jpg", objects, (353, 500))]
    assert found.categories == ()


def test_a_size_of_0_is_not_known(voc):
    assert voc(VOC.replace("353</width>", "0</width>")).pictures[0].size is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "must be an XML file of Pascal VOC: no element found"),
        ("<annotation>", "must be an XML file of Pascal VOC: no element found"),
        ("<html></html>", "must be an XML file of Pascal VOC, <annotation>, got <html>"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><annotation/>', "it declares a document type (DOCTYPE)"),
        ('<?xml version="1.0" encoding="klingon"?><annotation/>', "must be an XML file of Pascal VOC: "),
        (VOC.replace("000001.jpg", " "), "<filename> must hold a name, got nothing"),
        (VOC.replace("dog", ""), "<name> must hold a name, got nothing"),
        (VOC.replace("<xmax>195</xmax>", ""), "in numbers of pixels, got 'None'"),
        (VOC.replace("195", "4x"), "in numbers of pixels, got '4x'"),
        (VOC.replace("195", "40"), "a width and height of at least 0, got -7 x 132"),
    ],
)
def test_files_that_do_not_fit_are_told_by_name(voc, text, told):
    with pytest.raises(ValueError) as caught:
        voc(VOC, text)
    assert told in str(caught.value) and "1.xml" in str(caught.value) and "--annotations" in str(caught.value)


def test_a_file_outside_is_never_opened(voc, tmp_path):
    (tmp_path / "secret").write_text("dog")
    with pytest.raises(ValueError, match="it declares a document type"):
        voc(VOC.replace("<annotation>", '<!DOCTYPE a [<!ENTITY b SYSTEM "secret">]><annotation>').replace("dog", "&b;"))


def test_a_folder_without_such_files_is_told(tmp_path):
    with pytest.raises(ValueError, match=r"--annotations must be a folder with Pascal VOC's XML files, found none"):
        read_voc(tmp_path, "--annotations")
