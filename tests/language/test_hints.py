"""What is said of a file that is not there: the file or the shipped spec that was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from x3dspec.language.errors import SpecError
from x3dspec.language.loading import load_source


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("X3D-M", "X3D-M: no such file; did you mean the shipped x3d_m?"),
        ("X3D_S", "X3D_S: no such file; did you mean the shipped x3d_s?"),
        ("./x3d_m.yaml", "./x3d_m.yaml: no such file; did you mean the shipped x3d_m?"),
        ("elsewhere/x3d_m.yaml", "elsewhere/x3d_m.yaml: no such file; did you mean the shipped x3d_m?"),
        ("mynet", "mynet: no such file; did you mean mynet.yaml?"),
        ("nothere.yaml", "nothere.yaml: no such file"),
    ],
)
def test_files_that_are_not_there(
    spec: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mynet.yaml").touch()
    with pytest.raises(SpecError) as error:
        load_source(spec)
    assert str(error.value) == message
