"""What mkdocs must be told about these pages, so that they read on GitHub as they are."""

from __future__ import annotations

import html as markup
import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import equations
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pygments.lexer import RegexLexer, bygroups
from pygments.lexers import LEXERS
from pygments.token import Generic, Text

import x3dspec
from x3dspec.report.page import html as report

__all__ = ["Console"]  # pygments takes a lexer from a module that offers it

ROOT = Path(__file__).resolve().parent.parent

#: A link out of docs/, or from the root into it. The site has both folders in one.
_FOLDER = re.compile(r"\]\((?:docs|\.\.)/")
#: What a browser would load from somewhere else.
_FOREIGN = re.compile(r"<(?:script|img|iframe)[^>]* src=\"?(?:https?:)?//|<link[^>]* href=\"?(?:https?:)?//")


#: The networks whose live pages are part of the site.
LIVE = ("x3d_m", "x2d", "efficientnet", "csn_r101")
#: The picture of a live page, which on the site is the page itself.
_PICTURE = re.compile(r"!\[[^\]]*\]\(report[\w-]*\.png\)")
_CONSOLE = re.compile(r"^```console$", re.MULTILINE)
_MATH = re.compile(r"^```math\n(.*?)\n```$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r'<div class="language-x3dspec-console highlight">(.*?)</div>', re.DOTALL)
_TAG = re.compile(r"<[^>]+>")


class Console(RegexLexer):
    """A prompt, a command, and what it printed: in that, ``#`` begins no comment and ``4`` is no number."""

    name = "x3dspec console"
    aliases = ("x3dspec-console",)
    tokens: ClassVar = {"root": [(r"(\$ )(.*\n)", bygroups(Generic.Prompt, Text)), (r".*\n", Generic.Output)]}


LEXERS["Console"] = (__name__, Console.name, Console.aliases, (), ())


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages that live at the root of the repository, and the specs that pages point at."""
    for name, path in {"index.md": "README.md", "CONTRIBUTING.md": "", "CHANGELOG.md": ""}.items():
        files.append(File.generated(config, name, abs_src_path=str(ROOT / (path or name))))
    for spec in sorted((ROOT / "specs").glob("*.yaml")):
        files.append(File.generated(config, f"specs/{spec.name}", abs_src_path=str(spec)))
    for name in LIVE:
        live = report(x3dspec.load(name).resolve())
        files.append(File.generated(config, f"live/{name}.html", content=live))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    linked = _FOLDER.sub("](", markdown)
    root = "../" * page.file.dest_uri.count("/")
    source = f"{root}live/x3d_m.html"
    live = f'<iframe class="live" src="{source}" title="The report of X3D-M" loading="lazy"></iframe>'
    typeset = _MATH.sub(lambda block: equations.mathml()[block[1]], linked)
    return _CONSOLE.sub("```x3dspec-console", _PICTURE.sub(live, typeset))


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    return _BLOCK.sub(_copied, html)


def _copied(block: re.Match[str]) -> str:
    """A console whose copy button copies its commands, without prompts and answers."""
    text = "\n".join(_commands(markup.unescape(_TAG.sub("", block[1]))))
    return block[0].replace(">", f' data-copy="{markup.escape(text)}">', 1)


def _commands(console: str) -> Iterator[str]:
    return (line.removeprefix("$ ") for line in console.splitlines() if line.startswith("$ "))


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """A page that would load something from elsewhere is an error: the site works without a network."""
    foreign = _FOREIGN.search(output)
    if foreign:
        raise PluginError(f"{page.file.src_uri}: loads from elsewhere: {foreign[0]}")
    return output
