"""Run a notebook's cells, and say what each shows; no kernel is needed for that.

python tests/notebook.py examples/x3dspec.ipynb       rewrite what its cells show
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any


def run(notebook: dict[str, Any]) -> dict[str, Any]:
    """The same notebook with the outputs of its cells, run one after the other in one namespace."""
    scope: dict[str, Any] = {"__name__": "__main__"}
    cells = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell = {
                **cell,
                "execution_count": None,
                "outputs": list(_outputs("".join(cell["source"]), scope)),
            }
        cells.append(cell)
    return {**notebook, "cells": cells}


def _outputs(source: str, scope: dict[str, Any]) -> Any:
    tree = ast.parse(source)
    scope["_"] = None
    if tree.body and isinstance(last := tree.body[-1], ast.Expr):  # what a notebook shows is kept
        tree.body[-1] = ast.Assign([ast.Name("_", ast.Store())], last.value)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.fix_missing_locations(tree), "cell", "exec"), scope)
    value = scope["_"]
    if printed.getvalue():
        yield {"name": "stdout", "output_type": "stream", "text": _lines(printed.getvalue())}
    if value is not None:
        data = {"text/plain": _lines(repr(value))}
        if hasattr(value, "_repr_html_"):
            data["text/html"] = _lines(value._repr_html_())
        yield {"data": data, "execution_count": None, "metadata": {}, "output_type": "execute_result"}


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main(path: Path) -> None:
    notebook = run(json.loads(path.read_text(encoding="utf-8")))
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
