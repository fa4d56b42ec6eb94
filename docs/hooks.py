"""What mkdocs must be told about these pages, so that they read on GitHub as they are."""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent

#: A link out of docs/, or from the root into it. The site has both folders in one.
_FOLDER = re.compile(r"\]\((?:docs|\.\.)/")
#: Where a page shows docstrings, which GitHub cannot.
_DOCSTRINGS = re.compile(r"<!-- docstrings: ([\w.]+) -->")
#: The docstrings say ``:meth:`resolve```, as Sphinx has it; Markdown leaves the role standing.
_ROLE = re.compile(r":(?:class|func|meth|mod):(?=<code>)")
#: What a browser would load from somewhere else.
_FOREIGN = re.compile(r"<(?:script|img|iframe)[^>]* src=\"?(?:https?:)?//|<link[^>]* href=\"?(?:https?:)?//")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages that live at the root of the repository, and the specs that pages point at."""
    for name, path in {"index.md": "README.md", "CONTRIBUTING.md": "", "CHANGELOG.md": ""}.items():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / (path or name))))
    for spec in sorted((ROOT / "specs").glob("*.yaml")):
        files.append(File.generated(config, f"specs/{spec.name}", abs_src_path=str(spec)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    return _DOCSTRINGS.sub(r"::: \1", _FOLDER.sub("](", markdown))


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    return _ROLE.sub("", html)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """A page that would load something from elsewhere is an error: the site works without a network."""
    foreign = _FOREIGN.search(output)
    if foreign:
        raise PluginError(f"{page.file.src_uri}: loads from elsewhere: {foreign[0]}")
    return output
