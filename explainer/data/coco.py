"""Annotations in COCO's format of instances: a JSON object with `images`, `annotations` and `categories`.

What groups objects (`iscrowd`) is a label without a box. Outlines and all else are dropped while the file is read, as
they are most of it.
"""

from __future__ import annotations

import json
from typing import Any

from explainer.data.annotations import AnnotatedObject, AnnotatedPicture, Annotations, box_of, text_of
from explainer.remote import Place

_KEPT = {
    *("images", "annotations", "categories", "id", "name"),
    *("file_name", "width", "height", "image_id", "category_id", "bbox", "iscrowd"),
}

Entry = dict[str, Any]


def read_coco(path: Place, name: str) -> Annotations:
    """The objects of a file of instances; categories in the order of their ids.

    Args:
        path: of the file.
        name: what messages call it.

    Raises:
        ValueError: it cannot be read, is another JSON, or an entry of it does not fit; names the entry.
    """
    what = f"{name} {path}"
    content = _content(text_of(path, name), what)
    images, annotations, categories = (_entries(content, key, what) for key in ("images", "annotations", "categories"))
    texts = [_text(entry, "name", where) for where, entry in categories]
    names = dict(zip(_distinct_ids(categories), texts, strict=True))
    objects: dict[int, list[AnnotatedObject]] = {number: [] for number in _distinct_ids(images)}
    crowds = 0
    for where, entry in annotations:
        image, category = _id(entry, "image_id", where), _id(entry, "category_id", where)
        for key, known in (("image_id", image in objects), ("category_id", category in names)):
            if not known:
                raise ValueError(f"{key} must be the id of an entry that is there, got {entry[key]} {where}")
        is_crowd = bool(entry.get("iscrowd"))
        crowds += is_crowd
        box = None if is_crowd or "bbox" not in entry else box_of(_list(entry["bbox"], where), where)
        objects[image].append(AnnotatedObject(names[category], box, where))
    pictures = tuple(_picture(entry, tuple(objects[entry["id"]]), where) for where, entry in images)
    return Annotations(pictures, tuple(names[number] for number in sorted(names)), crowds)


def _content(text: str, what: str) -> Entry:
    try:
        content = json.loads(text, object_hook=lambda entry: {key: entry[key] for key in entry if key in _KEPT})
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{what} must be JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{what} must be a JSON object with images, annotations and categories, got a list or a value")
    return content


def _entries(content: Entry, key: str, what: str) -> list[tuple[str, Entry]]:
    entries = content.get(key)
    if not isinstance(entries, list):
        raise ValueError(
            f"{what} must be COCO's instances, with the lists images, annotations and categories; it has no {key}"
        )
    found = [(f"in {key}[{index}] of {what}", entry) for index, entry in enumerate(entries)]
    for where, entry in found:
        if not isinstance(entry, dict):
            raise ValueError(f"an entry must be an object, got {type(entry).__name__} {where}")
    return found


def _distinct_ids(entries: list[tuple[str, Entry]]) -> list[int]:
    found: dict[int, str] = {}
    for where, entry in entries:
        number = _id(entry, "id", where)
        if number in found:
            raise ValueError(f"ids must be distinct, got {number} twice, {found[number]} and {where}")
        found[number] = where
    return [*found]


def _picture(entry: Entry, objects: tuple[AnnotatedObject, ...], where: str) -> AnnotatedPicture:
    edges = [entry.get(edge) for edge in ("width", "height")]
    width, height = (edge if isinstance(edge, int) and not isinstance(edge, bool) else 0 for edge in edges)
    size = (width, height) if min(width, height) > 0 else None
    return AnnotatedPicture(_text(entry, "file_name", where), objects, size)


def _id(entry: Entry, key: str, where: str) -> int:
    value = entry.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{key} must be a whole number, got {_shown(value)} {where}")
    return value


def _text(entry: Entry, key: str, where: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key} must be a name, got {_shown(value)} {where}")
    return value.strip()


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"bbox must be [x, y, width, height], got {_shown(value)} {where}")
    return value


def _shown(value: Any) -> str:
    return "nothing" if value is None else repr(value)[:40]
