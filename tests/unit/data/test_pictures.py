"""Folders of pictures: which files are found, and the images, labels and boxes that they become."""

from io import BytesIO

import numpy as np
import pytest
from photo_runs import HEIGHT, WIDTH, pixels_of
from PIL import Image

from explainer import remote
from explainer.data.picture_file import Decoding
from explainer.data.pictures import Picture, PictureObject, PictureSource, find_pictures
from explainer.data.preprocess import Preprocess
from explainer.digests import digest_of
from explainer.errors import RemoteError
from explainer.remote import RemotePath

COLOUR = Preprocess((HEIGHT, WIDTH))


# ---- files ----


def made(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def test_pictures_come_in_the_order_of_their_paths(tmp_path):
    made(tmp_path, "dog/a.png", "ant/2.png", "ant/1.PNG", "ant/deep/er.jpeg", "gnu/a.webp", "zero.bmp", "dog/notes.txt")
    (tmp_path / "dog" / "folder.png").mkdir()
    found = find_pictures(tmp_path)
    names = ["ant/1.PNG", "ant/2.png", "ant/deep/er.jpeg", "dog/a.png", "gnu/a.webp", "zero.bmp"]
    assert [picture.name for picture in found.pictures] == names
    assert [picture.path for picture in found.pictures] == [tmp_path / name for name in names]


def test_what_is_no_picture_is_counted_by_its_ending(tmp_path):
    made(tmp_path, "ant/1.png", "ant/a.txt", "ant/b.TXT", "c.heic", ".DS_Store", "deep/er/README")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    found = find_pictures(tmp_path)
    assert [picture.path.name for picture in found.pictures] == ["1.png"]
    assert (found.others, found.left_out) == ({".txt": 2, ".heic": 1, "": 2, ".png": 1}, 0)


def test_what_is_to_be_left_out_is_neither_a_picture_nor_another_file(tmp_path):
    made(tmp_path, "ant/1.png", "out/2.png", "out/notes.txt")
    found = find_pictures(tmp_path, is_left_out=lambda path: path.parts[0] == "out")
    assert [picture.path.name for picture in found.pictures] == ["1.png"]
    assert (found.others, found.left_out) == ({}, 2)


def test_a_folder_must_be_there_and_hold_pictures(tmp_path):
    with pytest.raises(ValueError, match=r"`folder` must be a folder, got .*nowhere"):
        find_pictures(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("not a picture")
    with pytest.raises(ValueError, match=r"--images must hold pictures \(.*\.bmp, \.gif, .*\), found none"):
        find_pictures(tmp_path, name="--images")


# ---- images ----


def source_of(folder, image, image_format=COLOUR):
    image.save(folder / "one.png")
    return PictureSource([Picture(folder / "one.png", objects=(PictureObject(3),))], image_format)


def test_an_image_is_the_pixels_less_mean_by_std_channel_by_channel(tmp_path):
    mean, std = (0.5, 0.25, 0.125), (0.25, 0.5, 0.75)
    source = source_of(tmp_path, Image.fromarray(pixels_of(1)), Preprocess((HEIGHT, WIDTH), mean=mean, std=std))
    ((image, label),) = source
    assert (image.dtype, image.shape, label.dtype, label.tolist()) == (np.float32, (3, HEIGHT, WIDTH), np.int32, [3])
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
    objects = (PictureObject(2),), (PictureObject(1),)
    names = "empty.png", "whole.png"
    pictures = [Picture(tmp_path / name, objects=found) for name, found in zip(names, objects, strict=True)]
    source = PictureSource(pictures, COLOUR)
    (empty, label), (whole, _) = source
    assert (empty.shape, empty.dtype, np.isnan(empty).all()) == ((3, HEIGHT, WIDTH), np.float32, True)
    assert label.tolist() == [2]
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
    pictures = [Picture(tmp_path / name) for name in ("a.gif", "c.png", "b.gif", "d.png")]
    assert len(list(PictureSource(pictures, COLOUR, note=notes.append))) == 4
    assert [note.partition(" has ")[0] for note in notes] == [str(tmp_path / "a.gif"), str(tmp_path / "c.png")]


def test_a_source_decodes_as_it_is_told(tmp_path):
    values = pixels_of(3, HEIGHT, WIDTH, kind=np.uint16) // 16
    Image.fromarray(values).save(tmp_path / "one.png")
    source = PictureSource([Picture(tmp_path / "one.png")], COLOUR, Decoding(bits=12))
    np.testing.assert_allclose(source[0][0], np.stack([values / 4095] * 3), atol=1e-6)  # float32


# ---- labels and boxes ----

# Pictures of 24 x 12 become 12 x 6, of which the middle of 7 x 4 begins at x = 2, y = 1.
CUT = Preprocess((4, 7), resize=(6, 12), center_crop=True)


def boxed(folder, *objects, note=pytest.fail, **more):
    Image.fromarray(pixels_of(1, 12, 24, 3)).save(folder / "one.png")
    picture = Picture(folder / "one.png", "one.png", tuple(PictureObject(*found) for found in objects), **more)
    return PictureSource([picture], CUT, with_boxes=True, note=note)


def test_a_picture_without_a_label_has_the_label_that_is_none(tmp_path):
    source = source_of(tmp_path, Image.fromarray(pixels_of(1)))
    assert source.columns == ["image", "label"]
    ((_, labels),) = PictureSource([Picture(tmp_path / "one.png")], COLOUR)
    assert labels.tolist() == [-1]


def test_boxes_follow_the_picture_and_stand_in_the_order_of_their_labels(tmp_path):
    source = boxed(tmp_path, (2, (8, 4, 6, 4)), (0,), (2, (4, 2, 14, 8)))
    ((image, labels, boxes),) = source
    assert source.columns == ["image", "label", "boxes"]
    assert (image.shape, labels.tolist()) == ((3, 4, 7), [2, 0, 2])
    np.testing.assert_allclose(boxes, [[2, 1, 3, 2], [np.nan] * 4, [0, 0, 7, 4]])


def test_a_box_of_which_a_part_is_seen_is_kept_whole_for_the_run_to_clip(tmp_path):
    ((_, _, boxes),) = boxed(tmp_path, (1, (0, 0, 10, 12)))
    np.testing.assert_allclose(boxes, [[-2, -1, 5, 6]])


def test_a_box_of_which_nothing_is_seen_is_left_out_its_label_stays_and_it_is_said_once(tmp_path):
    notes = []
    source = boxed(tmp_path, (1, (0, 0, 4, 12)), (3, (8, 4, 0, 4)), (0, (8, 4, 6, 4)), note=notes.append)
    for _ in range(2):
        ((_, labels, boxes),) = source
    assert labels.tolist() == [1, 3, 0]
    np.testing.assert_allclose(boxes, [[np.nan] * 4, [np.nan] * 4, [2, 1, 3, 2]])
    (note,) = notes
    assert note.startswith(f"{tmp_path / 'one.png'}: of a box nothing is left on what the network sees of this picture")


def test_a_box_over_the_edge_of_its_picture_is_said(tmp_path):
    notes = []
    list(boxed(tmp_path, (1, (8, 4, 17.5, 4)), note=notes.append))
    assert notes[0].startswith(f"{tmp_path / 'one.png'} has 24 x 12 pixels, and a box on it reaches beyond these")
    list(boxed(tmp_path, (1, (8, 4, 16.9, 4))))  # less than a pixel, as roundings do


def test_boxes_for_a_picture_of_another_size_are_a_fault_of_that_picture(tmp_path):
    source = boxed(tmp_path, (1, (8, 4, 6, 4)), annotated_size=(12, 24))
    ((image, labels, _),) = source
    assert np.isnan(image).all() and labels.tolist() == [1]
    assert source.fault_of(0) == (
        f"the boxes of {tmp_path / 'one.png'} are for a picture of 12 x 24 pixels, but it has 24 x 12, upright; give "
        "the pictures that were annotated, or boxes for these"
    )
    (row,) = boxed(tmp_path, (1,), annotated_size=(12, 24))  # labels do not depend on the size
    assert np.isfinite(row[0]).all()


# ---- by URL ----


def stored(storage, *names):
    """A folder by URL with pictures of these names, and their bytes."""
    contents = {}
    for seed, name in enumerate(names):
        content = BytesIO()
        Image.fromarray(pixels_of(seed)).save(content, "png")
        contents[name] = content.getvalue()
        storage.put(f"photos/{name}", contents[name])
    return RemotePath(f"{storage.url}/photos"), contents


def test_pictures_behind_a_url_come_in_the_order_of_a_folder_of_this_machine(storage, tmp_path):
    names = ("a/2.png", "a-b/1.png", "a/B.png", "A/1.PNG", "a b/é.png", "z.png")  # "-" comes before "/"
    folder, _ = stored(storage, *names)
    storage.put("photos/a/notes.txt", b"")
    made(tmp_path / "here", *names)
    here, there = find_pictures(tmp_path / "here"), find_pictures(folder)
    assert [picture.name for picture in there.pictures] == [picture.name for picture in here.pictures]
    assert (there.others, there.left_out) == ({".txt": 1}, 0)


def test_pictures_behind_a_url_are_images_and_files_as_those_of_this_machine_are(storage, tmp_path):
    names = ("ant/1.png", "ant/2.png")
    folder, contents = stored(storage, *names)
    for name, content in contents.items():
        made(tmp_path, name)
        (tmp_path / name).write_bytes(content)
    here, there = (PictureSource(find_pictures(place).pictures, COLOUR) for place in (tmp_path, folder))
    for index, name in enumerate(names):
        np.testing.assert_array_equal(there[index][0], here[index][0], strict=True)
        source = there.source_of(index)
        assert (source.name, str(source.path)) == (name, f"{folder}/{name}")
        assert source.digest() == here.source_of(index).digest() == digest_of(contents[name])


def test_a_picture_behind_a_url_is_fetched_once(storage, monkeypatch):
    folder, contents = stored(storage, "1.png")
    fetched = []
    read = RemotePath.read_bytes
    monkeypatch.setattr(RemotePath, "read_bytes", lambda path: fetched.append(path.name) or read(path))
    source = PictureSource(find_pictures(folder).pictures, COLOUR)
    assert fetched == []
    assert source[0][0].shape == (3, HEIGHT, WIDTH)
    assert source.source_of(0).digest() == digest_of(contents["1.png"])
    assert fetched == ["1.png"]
    assert source.source_of(0).digest() == digest_of(contents["1.png"])  # whoever asks again has it read again
    assert fetched == ["1.png"] * 2


def test_a_picture_that_vanished_is_one_that_cannot_be_read(storage):
    folder, _ = stored(storage, "1.png", "2.png")
    source = PictureSource(find_pictures(folder).pictures, COLOUR)
    storage.remove("photos/1.png")
    assert np.isnan(source[0][0]).all()
    assert source.fault_of(0) == f"could not read the picture {folder}/1.png: it is not there"
    assert source[1][0].shape == (3, HEIGHT, WIDTH)
    assert source.fault_of(1) is None


def test_a_storage_that_cannot_be_reached_is_no_fault_of_a_picture(storage, monkeypatch):
    folder, _ = stored(storage, "1.png")
    source = PictureSource(find_pictures(folder).pictures, COLOUR)
    opened = remote._opened

    class Down:
        def cat_file(self, path):
            raise PermissionError("The provided token has expired.")

    monkeypatch.setattr(remote, "_opened", lambda place: (Down(), opened(place)[1]))
    with pytest.raises(RemoteError, match=r"could not read .*1\.png: The provided token has expired; whoever"):
        source[0]
    assert source.fault_of(0) is None


def test_a_folder_behind_a_url_must_hold_pictures(storage):
    folder, _ = stored(storage, "1.png")
    with pytest.raises(ValueError, match=r"--images must be a folder, got .*photo, which is not there; .* 'photos'\?"):
        find_pictures(RemotePath(f"{storage.url}/photo"), name="--images")
    with pytest.raises(ValueError, match=r"--images must be a folder, got .*1\.png, which is a file; give the folder"):
        find_pictures(folder / "1.png", name="--images")
    storage.put("empty/notes.txt", b"")
    with pytest.raises(ValueError, match=r"--images must hold pictures \(.*found none in .*empty"):
        find_pictures(RemotePath(f"{storage.url}/empty"), name="--images")
