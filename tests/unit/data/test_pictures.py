"""Folders of pictures: which files are found, their labels, and the images that they become."""

import numpy as np
import pytest
from photo_runs import HEIGHT, WIDTH, pixels_of
from PIL import Image

from explainer.data.pictures import ImageFormat, Picture, PictureSource, find_pictures, read_labels, read_picture

COLOUR = ImageFormat((HEIGHT, WIDTH))


# ---- files and labels ----


def test_pictures_come_in_the_order_of_their_paths_with_the_label_of_their_folder(tmp_path):
    for name in ("dog/a.png", "ant/2.png", "ant/1.PNG", "ant/deep/er.jpeg", "gnu/a.webp", "zero.bmp", "dog/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "dog" / "folder.png").mkdir()
    found = find_pictures(tmp_path, ["bee", "ant", "dog"])
    assert [(picture.path.relative_to(tmp_path).as_posix(), picture.label) for picture in found] == [
        ("ant/1.PNG", 1),
        ("ant/2.png", 1),
        ("ant/deep/er.jpeg", 1),
        ("dog/a.png", 2),
        ("gnu/a.webp", -1),
        ("zero.bmp", -1),
    ]


def test_a_folder_must_be_there_and_hold_pictures(tmp_path):
    with pytest.raises(ValueError, match=r"`folder` must be a folder, got .*nowhere"):
        find_pictures(tmp_path / "nowhere", [])
    (tmp_path / "notes.txt").write_text("not a picture")
    with pytest.raises(ValueError, match=r"--images must hold pictures \(.bmp, .jpeg, .jpg, .png, .webp\), found none"):
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
    source = source_of(tmp_path, Image.fromarray(pixels_of(1)), ImageFormat((HEIGHT, WIDTH), mean=mean, std=std))
    ((image, label),) = source
    assert (image.dtype, image.shape, label.dtype, int(label)) == (np.float32, (3, HEIGHT, WIDTH), np.int32, 3)
    expected = (pixels_of(1) / 255 - mean) / std
    np.testing.assert_allclose(image, expected.transpose(2, 0, 1), rtol=0, atol=1e-6)  # float32


def test_one_mean_is_of_all_channels_and_a_source_has_the_length_of_its_pictures(tmp_path):
    source = source_of(tmp_path, Image.fromarray(pixels_of(1)), ImageFormat((HEIGHT, WIDTH), mean=(0.5,), std=(0.25,)))
    assert len(source) == 1
    expected = (pixels_of(1) / 255 - 0.5) / 0.25
    np.testing.assert_allclose(source[0][0], expected.transpose(2, 0, 1), rtol=0, atol=1e-6)  # float32


def test_one_channel_is_the_grey_of_colours(tmp_path):
    image, _ = source_of(tmp_path, Image.fromarray(pixels_of(1)), ImageFormat((HEIGHT, WIDTH), channels=1))[0]
    assert image.shape == (1, HEIGHT, WIDTH)
    grey = pixels_of(1) @ np.array([0.299, 0.587, 0.114])  # ITU-R 601
    np.testing.assert_allclose(image[0] * 255, grey, atol=1)  # Pillow's integers round


def test_pictures_are_resized_to_height_and_width_and_not_turned(tmp_path):
    gradient = np.linspace(0, 255, 24).astype(np.uint8)
    Image.fromarray(np.repeat(gradient[:, None], 18, axis=1)).save(tmp_path / "one.png")  # dark at the top
    pixels = read_picture(tmp_path / "one.png", "RGB", (HEIGHT, WIDTH)).astype(int)
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    assert (np.diff(pixels[:, 0, 0]) > 20).all()  # 255 / 6 rows per step
    assert np.ptp(pixels, axis=1).max() == 0


# ---- kinds of pictures ----


@pytest.fixture
def shown(tmp_path):
    """The pixels that a run is given for one file, in 0..255, (H, W, C)."""

    def show(image, name):
        image.save(tmp_path / name)
        given, _ = PictureSource([Picture(tmp_path / name, 0)], COLOUR)[0]
        return (given.transpose(1, 2, 0) * 255).round().astype(int)

    return show


def test_a_grey_picture_has_three_equal_channels(shown):
    grey = pixels_of(5, HEIGHT, WIDTH)
    np.testing.assert_array_equal(shown(Image.fromarray(grey), "grey.png"), np.repeat(grey[:, :, None], 3, axis=2))


def test_a_palette_picture_has_the_colours_of_its_palette(shown):
    indices = pixels_of(6, HEIGHT, WIDTH) % 4
    palette = np.array([[250, 0, 10], [0, 200, 30], [5, 6, 7], [255, 255, 255]], np.uint8)
    image = Image.fromarray(indices).convert("P")
    image.putdata(indices.ravel().tolist())
    image.putpalette(palette.ravel().tolist())
    np.testing.assert_array_equal(shown(image, "palette.png"), palette[indices])


def test_a_picture_with_alpha_has_its_colours(shown):
    pixels = pixels_of(7, HEIGHT, WIDTH, 4)
    pixels[:, :5, 3] = 255
    np.testing.assert_array_equal(shown(Image.fromarray(pixels), "alpha.png")[:, :5], pixels[:, :5, :3])


def test_a_cmyk_picture_has_the_colours_of_its_inks(shown):
    inks = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    inks[...] = 0, 255, 255, 0  # magenta and yellow: red
    picture = shown(Image.fromarray(inks, "CMYK"), "cmyk.jpg")
    np.testing.assert_allclose(picture, np.broadcast_to([255, 0, 0], picture.shape), atol=4)  # JPEG is lossy


def test_a_picture_of_16_bits_has_its_greys(shown):
    deep = pixels_of(8, HEIGHT, WIDTH, kind=np.uint16)
    np.testing.assert_allclose(shown(Image.fromarray(deep), "deep.png")[:, :, 0], deep / 257, atol=1)


def test_a_bitmap_is_black_and_white(shown):
    bits = pixels_of(9, HEIGHT, WIDTH) > 127
    np.testing.assert_array_equal(shown(Image.fromarray(bits), "bits.bmp")[:, :, 1], bits * 255)


@pytest.mark.parametrize("content", [b"not a picture", b"", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_picture_is_told_with_its_path(tmp_path, content):
    (tmp_path / "broken.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"could not read the picture .*broken\.png"):
        read_picture(tmp_path / "broken.png", "RGB", (HEIGHT, WIDTH))
