"""Folders of pictures: which files are found, their labels, and the images that they become."""

import numpy as np
import pytest
from photo_runs import HEIGHT, WIDTH, pixels_of
from PIL import Image

from explainer.data.picture_file import Decoding
from explainer.data.pictures import Picture, PictureSource, find_pictures, read_labels
from explainer.data.preprocess import Preprocess

COLOUR = Preprocess((HEIGHT, WIDTH))


# ---- files and labels ----


def test_pictures_come_in_the_order_of_their_paths_with_the_label_of_their_folder(tmp_path):
    for name in ("dog/a.png", "ant/2.png", "ant/1.PNG", "ant/deep/er.jpeg", "gnu/a.webp", "zero.bmp", "dog/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "dog" / "folder.png").mkdir()
    found = find_pictures(tmp_path, ["bee", "ant", "dog"])
    assert [(picture.path.relative_to(tmp_path).as_posix(), picture.label) for picture in found.pictures] == [
        ("ant/1.PNG", 1),
        ("ant/2.png", 1),
        ("ant/deep/er.jpeg", 1),
        ("dog/a.png", 2),
        ("gnu/a.webp", -1),
        ("zero.bmp", -1),
    ]


def test_what_is_no_picture_is_counted_by_its_ending(tmp_path):
    for name in ("ant/1.png", "ant/a.txt", "ant/b.TXT", "c.heic", ".DS_Store", "deep/er/README"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    found = find_pictures(tmp_path, ["ant"])
    assert [picture.path.name for picture in found.pictures] == ["1.png"]
    assert (found.others, found.left_out) == ({".txt": 2, ".heic": 1, "": 2, ".png": 1}, 0)


def test_what_is_to_be_left_out_is_neither_a_picture_nor_another_file(tmp_path):
    for name in ("ant/1.png", "out/2.png", "out/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = find_pictures(tmp_path, ["out"], is_left_out=lambda path: path.parts[0] == "out")
    assert [picture.path.name for picture in found.pictures] == ["1.png"]
    assert (found.others, found.left_out) == ({}, 2)


def test_a_folder_must_be_there_and_hold_pictures(tmp_path):
    with pytest.raises(ValueError, match=r"`folder` must be a folder, got .*nowhere"):
        find_pictures(tmp_path / "nowhere", [])
    (tmp_path / "notes.txt").write_text("not a picture")
    with pytest.raises(ValueError, match=r"--images must hold pictures \(.*\.bmp, \.gif, .*\), found none"):
        find_pictures(tmp_path, [], name="--images")


def test_labels_are_the_lines_of_a_file_without_blank_ones_and_without_its_byte_order_mark(tmp_path):
    (tmp_path / "labels.txt").write_text("ant\nbée\n\n  cat  \r\ndog", encoding="utf-8-sig")
    assert read_labels(tmp_path / "labels.txt") == ["ant", "bée", "cat", "dog"]


def test_labels_that_cannot_be_read_are_told_with_their_file(tmp_path):
    with pytest.raises(ValueError, match=r"--labels .*nowhere\.txt could not be read: No such file"):
        read_labels(tmp_path / "nowhere.txt", name="--labels")
    (tmp_path / "latin.txt").write_bytes("ant\nbée\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"`path` .*latin\.txt must be UTF-8 text: .* at byte 5"):
        read_labels(tmp_path / "latin.txt")


# ---- images ----


def source_of(folder, image, image_format=COLOUR):
    image.save(folder / "one.png")
    return PictureSource([Picture(folder / "one.png", 3)], image_format)


def test_an_image_is_the_pixels_less_mean_by_std_channel_by_channel(tmp_path):
    mean, std = (0.5, 0.25, 0.125), (0.25, 0.5, 0.75)
    source = source_of(tmp_path, Image.fromarray(pixels_of(1)), Preprocess((HEIGHT, WIDTH), mean=mean, std=std))
    ((image, label),) = source
    assert (image.dtype, image.shape, label.dtype, int(label)) == (np.float32, (3, HEIGHT, WIDTH), np.int32, 3)
    expected = (pixels_of(1) / 255 - mean) / std
    np.testing.assert_allclose(image, expected.transpose(2, 0, 1), rtol=0, atol=1e-6)  # float32


def test_one_mean_is_of_all_channels_and_a_source_has_the_length_of_its_pictures(tmp_path):
    source = source_of(tmp_path, Image.fromarray(pixels_of(1)), Preprocess((HEIGHT, WIDTH), mean=(0.5,), std=(0.25,)))
    assert len(source) == 1
    expected = (pixels_of(1) / 255 - 0.5) / 0.25
    np.testing.assert_allclose(source[0][0], expected.transpose(2, 0, 1), rtol=0, atol=1e-6)  # float32


def test_a_picture_that_cannot_be_read_is_an_image_of_nan_with_the_reason(tmp_path):
    Image.fromarray(pixels_of(1)).save(tmp_path / "whole.png")
    (tmp_path / "empty.png").write_bytes(b"")
    source = PictureSource([Picture(tmp_path / "empty.png", 2), Picture(tmp_path / "whole.png", 1)], COLOUR)
    (empty, label), (whole, _) = source
    assert (empty.shape, empty.dtype, np.isnan(empty).all(), int(label)) == ((3, HEIGHT, WIDTH), np.float32, True, 2)
    np.testing.assert_allclose(whole, (pixels_of(1) / 255).transpose(2, 0, 1), atol=1e-6)  # float32
    assert source.fault_of(0) == f"could not read the picture {tmp_path / 'empty.png'}: the file is empty"
    assert source.fault_of(1) is None


def test_what_may_surprise_is_noted_once_for_each_kind(tmp_path):
    notes = []
    frames = [Image.fromarray(pixels_of(seed)) for seed in (1, 2)]
    for name in ("a.gif", "b.gif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    for name in ("c.png", "d.png"):
        Image.fromarray(pixels_of(3, HEIGHT, WIDTH, kind=np.uint16) // 16).save(tmp_path / name)
    pictures = [Picture(tmp_path / name, 0) for name in ("a.gif", "c.png", "b.gif", "d.png")]
    assert len(list(PictureSource(pictures, COLOUR, note=notes.append))) == 4
    assert [note.partition(" has ")[0] for note in notes] == [str(tmp_path / "a.gif"), str(tmp_path / "c.png")]


def test_a_source_decodes_as_it_is_told(tmp_path):
    values = pixels_of(3, HEIGHT, WIDTH, kind=np.uint16) // 16
    Image.fromarray(values).save(tmp_path / "one.png")
    source = PictureSource([Picture(tmp_path / "one.png", 0)], COLOUR, Decoding(bits=12))
    np.testing.assert_allclose(source[0][0], np.stack([values / 4095] * 3), atol=1e-6)  # float32
