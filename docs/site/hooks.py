"""What MkDocs cannot do by itself: pages of notebooks and of files above docs/, sessions, nothing from elsewhere."""

from __future__ import annotations

import os
import posixpath
import re
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))
from notebooks import page_of

ROOT = Path(__file__).resolve().parents[2]

ABOVE = {
    "CHANGELOG.md": "CHANGELOG.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "SECURITY.md": "SECURITY.md",
    "proto/explain.proto": "proto/explain.proto.md",
}
"""Files of the repository above docs/ -> their pages."""

LINK = re.compile(r"(?<=\]\()([^)#:]+)(?=[)#])")
DOCTEST = re.compile(r"^```python\n(?=>>> )", re.MULTILINE)
PAGE_IN_PROSE = re.compile(r"(?<![\w/\">])docs/([\w/-]+)\.md\b")
LOADED = re.compile(r"<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)=[\"']?((?:https?:)?//[^\"' >]+)", re.IGNORECASE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages of files above docs/ and of notebooks."""
    for source, page in ABOVE.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text if source.endswith(".md") else listing(source, text)))
    for notebook in [file for file in files if file.src_uri.endswith(".ipynb")]:
        folder, name = posixpath.split(notebook.src_uri)
        page = page_of(notebook.content_string, name.removesuffix(".ipynb"))
        content = f'{page.markdown}\n<a href="{name}" download>This page as a notebook</a>\n'
        files.append(File.generated(config, page_of_file(notebook.src_uri), content=content))
        for file, picture in page.pictures.items():
            files.append(File.generated(config, posixpath.join(folder, file), content=picture))
    return files


def listing(source: str, text: str) -> str:
    """A file that is no Markdown, as a page."""
    language = source.rpartition(".")[2] if "." in source else "text"
    return f"# {source}\n\n```{language}\n{text}```\n"


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links lead to the pages of the site, and examples with `>>>` are sessions."""
    return DOCTEST.sub("```pycon\n", with_site_links(markdown, page.file.src_uri))


def with_site_links(markdown: str, page: str) -> str:
    """The text with its links, which are right in the repository, as they are on the site."""
    source = next((source for source, above in ABOVE.items() if above == page), f"docs/{page}")

    def moved(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[1]))
        page_there = ABOVE.get(target, target.removeprefix("docs/") if target.startswith("docs/") else None)
        return posixpath.relpath(page_of_file(page_there), posixpath.dirname(page) or ".") if page_there else link[1]

    return LINK.sub(moved, markdown)


def page_of_file(path: str) -> str:
    """The page that a file in docs/ is on: its own, or that of a notebook."""
    return path.removesuffix("ipynb") + "md" if path.endswith(".ipynb") else path


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Pages that a docstring names, as docs/metrics.md, become links."""

    def linked(name: re.Match[str]) -> str:
        file = files.get_file_from_path(f"{name[1]}.md")
        return f'<a href="{file.url_relative_to(page.file)}">{name[0]}</a>' if file else name[0]

    return PAGE_IN_PROSE.sub(linked, html)


def on_post_build(config: MkDocsConfig) -> None:
    """Refuses a site whose pages load anything from another host."""
    found = sorted(
        f"{path.relative_to(config.site_dir)} loads {address}"
        for path in Path(config.site_dir).rglob("*.html")
        for address in loaded_from_elsewhere(path.read_text(encoding="utf-8"))
    )
    if found:
        raise PluginError("the site must work without a connection, but" + os.linesep + os.linesep.join(found))


def loaded_from_elsewhere(html: str) -> list[str]:
    """What a page loads from other hosts; links that a reader follows are no such thing."""
    return [address for address in LOADED.findall(html) if 'rel="canonical"' not in address]
