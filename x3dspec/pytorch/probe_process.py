"""The other process of verify: what it is asked, and what it saw."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from x3dspec.language.errors import SpecError
from x3dspec.pytorch import probe
from x3dspec.pytorch.checks import Check

#: What a process needs to find its libraries and temporary folder, and nothing that may be secret.
_ENVIRONMENT = (
    *("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "HOME", "USERPROFILE"),
    *("TMPDIR", "TEMP", "TMP", "OMP_NUM_THREADS", "MKL_NUM_THREADS"),
)


def probed(name: str, text: str, request: dict[str, Any], timeout: float) -> dict[str, Any] | Check:
    """What the other process saw of a file's text, or the check that fails because it did not answer.

    Raises:
        SpecError: there is no torch.
    """
    request = {"path": [folder for folder in sys.path if folder], "text": text, "file": name, **request}
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    command = [sys.executable, "-I", str(Path(probe.__file__).resolve())]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(request).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            timeout=timeout,
            check=False,
        )
        seen = _answer(json.loads(done.stdout))
    except subprocess.TimeoutExpired:
        return Check("run", f"within {timeout:g} s", "still running", False)
    except (ValueError, RecursionError):
        return Check("run", "an answer", f"ended with status {done.returncode}", False)
    if "torch" in seen:
        reason = str(seen["torch"].get("error"))
        missing = "" if "No module named 'torch'" in reason else f" ({reason})"
        raise SpecError.at("", f'verify needs torch: pip install ".[torch]" in a clone of x3dspec{missing}')
    return seen


def _answer(seen: Any) -> dict[str, Any]:
    """The answer, which a file may have tampered with: what is not an observation is none."""
    if not isinstance(seen, dict) or not all(isinstance(each, dict) for each in seen.values()):
        raise ValueError("not an answer")
    return seen
