"""The page, driven in a real browser: what it shows is what ``resolve --json`` says.

Without Chromium, selenium or axe-core the tests that need them skip and say so. Two hundred settings
instead of twenty: ``REPORT_SETTINGS=200 pytest tests/report/test_page.py``.
"""

from __future__ import annotations

import html
import json
import os
import random
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from browser import chromium, missing, sized

import x3dspec
from x3dspec.cli import run
from x3dspec.formula import terms
from x3dspec.formula.closed_form import derive
from x3dspec.language import numbers as exact
from x3dspec.language import shipped
from x3dspec.language.errors import SpecError
from x3dspec.language.values import parse_number
from x3dspec.network.architecture import Architecture
from x3dspec.report import equation, javascript
from x3dspec.report import page as report

SETTINGS = int(os.environ.get("REPORT_SETTINGS", "20"))
MOST_BYTES = 500_000
#: What the terms of a cost are written with.
MATHML_CORE = {"mrow", "mi", "mn", "mo", "msub", "msup", "msubsup", "mfrac", "msqrt", "mroot"}
#: Where an axe-core unpacked from npm may already be; otherwise the test fetches it.
AXE = os.environ.get("AXE_CORE", "")

Capture = pytest.CaptureFixture[str]
browser_needed = pytest.mark.skipif(bool(missing()), reason=f"THE PAGE IS NOT TESTED: {missing()}")


def resolved_json(capsys: Capture, *arguments: str) -> dict[str, Any]:
    assert run(["resolve", *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


# The file itself.


@pytest.mark.parametrize("name", shipped.shipped())
def test_a_page_is_one_small_file_that_asks_nobody(name: str) -> None:
    page = report.html(x3dspec.load(name).resolve())
    assert len(page.encode()) < MOST_BYTES
    assert "default-src 'none'; script-src 'sha256-" in html.unescape(page)
    markup = re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert not re.search(r"\b(src|href|action|srcset|style|on\w+)\s*=", markup)
    assert not re.search(r"@import|url\(", page)


HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>&amp;"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    spec = shipped.shipped()["x2d"].read_text(encoding="utf-8")
    for key in ("title", "source"):
        spec = re.sub(
            rf"^{key}: .*$", lambda _, k=key: f"{k}: {json.dumps(HOSTILE)}", spec, flags=re.MULTILINE
        )
    spec = spec.replace("doc: frames of the clip", f"doc: {json.dumps(HOSTILE)}")
    path = tmp_path / "hostile.yaml"
    path.write_text(spec, encoding="utf-8")
    return path


def test_text_of_a_spec_cannot_leave_its_place(hostile: Path) -> None:
    page = report.html(x3dspec.load(str(hostile)).resolve())
    assert page.count("<script") == page.count("</script") == 2
    assert "<img" not in page
    assert not set("<>&\u2028\u2029") & set(report._embedded({"": "</script>&amp;\u2028\u2029"}))
    assert html.escape(HOSTILE[:9]) in page


def test_a_page_is_the_same_every_time() -> None:
    pages = {report.html(x3dspec.load("x3d_m").resolve(gamma_s=2)) for _ in range(2)}
    assert len(pages) == 1


def test_the_command_writes_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["report", "x3d_m", "--gamma-s", "sqrt(2)", "--set", "squeeze_excite=none"]) == 0
    assert capsys.readouterr().out == "report.html\n"
    data = embedded(Path("report.html").read_text(encoding="utf-8"))
    assert data["command"] == "x3dspec resolve specs/x3d_m.yaml --set squeeze_excite=none"
    assert {each["name"]: each["value"] for each in data["factors"]}["gamma_s"] == "sqrt(2)"
    assert run(["report", "x3d_m", "-o", "."]) == 2


def embedded(page: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    return found


# The arithmetic, without a browser.

ROOTS = ["sqrt(2)", "2*sqrt(3)", "3**(1/3)", "3/2*sqrt(2)", "(6/5)**(13/10)"]


def drawn(architecture: Architecture, seed: int, roots: bool = False) -> dict[str, str]:
    """Random values, typed: whole numbers, fractions, decimals, values of the grid, roots."""
    dice = random.Random(seed)
    values: dict[str, str] = {}
    for factor in architecture.factors():
        if factor.derived and dice.random() < 0.7:
            continue
        most = 40 if factor.name in ("gamma_t", "gamma_tau") else 5
        kinds = [
            str(dice.randint(1, most)),
            str(Fraction(dice.randint(2, 99), dice.randint(3, 24))),
            f"{dice.uniform(0.6, 4):.2f}",
            exact.text(factor.grid * dice.randint(1, 60)),
        ]
        values[factor.name] = dice.choice([*kinds, dice.choice(ROOTS)] if roots else kinds)
    return values


@pytest.mark.skipif(shutil.which("node") is None, reason="THE COMPILED FORMULAS ARE NOT TESTED: no node")
@pytest.mark.parametrize("name", ["x2d", "csn_r101", "efficientnet", "mobilenet_v3_large"])
def test_compiled_formulas_count_as_ours(name: str, tmp_path: Path) -> None:
    architecture = x3dspec.load(name)
    derived = frozenset(factor.name for factor in architecture.factors() if factor.derived)
    tally = architecture.formula(derived)
    names = [factor.name for factor in architecture.factors()]
    program = javascript.function([tally.macs, tally.params, tally.activations], names)
    cases: list[tuple[list[str], list[str]]] = []
    for seed in range(40):
        setting = {n: parse_number(v) for n, v in drawn(architecture, seed, roots=True).items()}
        try:
            found = architecture.at(setting)
        except SpecError:
            continue
        count = found.cost()
        values = [exact.text(found.factors[each]) for each in names]
        cases.append((values, [str(count.macs), str(count.params), str(count.activations)]))
    assert len(cases) > 10
    script = tmp_path / "formulas.js"
    runtime = (shipped.folder("templates") / "report_exact.js").read_text(encoding="utf-8")
    script.write_text(
        f"{runtime}\nconst f={program};\nfor (const [values, counts] of {json.dumps(cases)}) {{\n"
        "  const got = f(values.map(parse)).map(String);\n"
        "  if (got.join() !== counts.join()) console.log(values, got, counts);\n"
        "  for (const v of values) if (text(parse(v)) !== v) console.log('spelled', v, text(parse(v)));\n}\n",
        encoding="utf-8",
    )
    done = subprocess.run(["node", str(script)], capture_output=True, text=True, check=True)
    assert done.stdout == ""


# In the browser.


class Page:
    """A page in a browser, as a person uses it."""

    def __init__(self, driver: Any, folder: Path) -> None:
        self.driver = driver
        self.folder = folder

    def open(self, architecture: Architecture, fragment: str = "", **factors: str) -> None:
        path = self.folder / f"{architecture.name}.html"
        path.write_text(report.html(architecture.resolve(**factors)), encoding="utf-8")
        self.visit(f"{path.as_uri()}{fragment}")
        self.names = [factor.name for factor in architecture.factors()]

    def visit(self, address: str) -> None:
        self.driver.get("about:blank")
        self.driver.get(address)

    def element(self, name: str) -> Any:
        from selenium.webdriver.common.by import By

        return self.driver.find_element(By.ID, name)

    def text(self, name: str) -> str:
        found: str = self.driver.execute_script(
            "return document.getElementById(arguments[0]).textContent", name
        )
        return found

    def type(self, name: str, text: str) -> None:
        """As a person does: mark all, type."""
        from selenium.webdriver.common.keys import Keys

        field = self.element(name)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(text)

    def paste(self, name: str, text: str) -> None:
        """All at once, so that no beginning of it is a number of its own."""
        script = "const f = byId(arguments[0]); f.value = arguments[1]; f.dispatchEvent(new Event('input'));"
        self.driver.execute_script(script, name, text)

    def set(self, values: dict[str, str]) -> None:
        for name, text in values.items():
            index = self.names.index(name)
            if not self.element(f"field{index}").is_enabled():
                self.element(f"follow{index}").click()
            self.type(f"field{index}", text)

    def until(self, true: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            found = true()
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError("waited ten seconds in vain")

    def problems(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def numbers(self) -> dict[str, Any]:
        """What is on the page, as `resolve --json` would say it."""
        return self.driver.execute_script(_READ)  # type: ignore[no-any-return]


_READ = """
const read = (id) => Number(document.getElementById(id).textContent.replaceAll(",", ""));
const output = (id) => document.getElementById(id).textContent.split(" × ").map((side) => parseInt(side));
const filters = (id) => [...document.getElementById(id).children].map((line) => line.textContent);
return {
  problem: document.getElementById("problem").textContent,
  input: output("clip"),
  cost: ["operations", "params", "activations"].map((name) => read("exact-" + name)),
  stages: data.stages.map((stage, n) => ({
    name: stage.name,
    repeat: parseInt(document.getElementById("times" + n).textContent.slice(2) || "1"),
    output: output("output" + n),
    filters: filters("filters" + n),
    counts: ["operations", "params", "activations"].map((name) => read(name + n)),
  })),
};
"""


def expected(found: dict[str, Any]) -> dict[str, Any]:
    """The document of `resolve --json` in the shape of what was read from the page."""

    def output(part: dict[str, Any]) -> list[int]:
        return [part[key] for key in ("frames", "size") if part[key] is not None] or [1]

    return {
        "input": output(found["input"]),
        "cost": [found["cost"][key] for key in ("operations", "params", "activations")],
        "stages": [
            {
                "name": stage["name"],
                "repeat": stage["repeat"],
                "output": output(stage),
                "counts": [stage[key] for key in ("operations", "params", "activations")],
            }
            for stage in found["stages"]
        ],
    }


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("browser")
    with chromium(folder) as driver:
        sized(driver, 1280, 900)
        yield Page(driver, folder)


@browser_needed
@pytest.mark.parametrize(("name", "share"), [("x2d", 0.5), ("efficientnet", 0.25), ("csn_r101", 0.25)])
def test_random_settings_typed_give_exactly_what_resolve_says(
    name: str, share: float, page: Page, capsys: Capture
) -> None:
    architecture = x3dspec.load(name)
    page.open(architecture)
    compared = 0
    for seed in range(round(SETTINGS * share)):
        values = drawn(architecture, seed, roots=seed % 4 == 0)
        page.driver.execute_script("reset()")
        page.set(values)
        shown = page.numbers()
        options = [f"--{key.replace('_', '-')}={value}" for key, value in values.items()]
        if run(["resolve", name, *options, "--json"]) == 2:
            refused = capsys.readouterr().err
            assert shown["problem"], f"{values}: {refused}"
            continue
        found = json.loads(capsys.readouterr().out)
        assert shown.pop("problem") == ""
        table = [[line.split(", ")[-1] for line in stage.pop("filters")] for stage in shown["stages"]]
        widths = [int(lines[-1]) for lines in table if lines[-1].isdigit()]
        ours = [s["width"] for s, lines in zip(found["stages"], table, strict=True) if lines[-1].isdigit()]
        assert (shown, widths) == (expected(found), ours), values
        compared += 1
    assert compared
    assert page.problems() == []


@browser_needed
def test_what_cannot_be_built_is_said_and_leaves_the_numbers(page: Page) -> None:
    page.open(x3dspec.load("x3d_m"))
    before = page.numbers()
    for typed, message in [
        ("two", "two is no number"),
        ("", "type a number such as 2, 1.45, 11/5 or sqrt(2)"),
        ("0", "gamma_s = 0 must be above 0"),
        ("1/0", "division by zero"),
        ("sqrt(-1)", "a root of a negative number"),
        ("600", "size 67200 is more than 65536"),
    ]:
        page.paste("field2", typed)
        shown = page.numbers()
        assert message in shown.pop("problem")
        assert shown["cost"] == before["cost"]
    page.type("field2", "2")
    assert page.numbers() == before


@browser_needed
def test_sliders_move_along_the_grid_by_keyboard(page: Page, capsys: Capture) -> None:
    from selenium.webdriver.common.keys import Keys

    page.open(x3dspec.load("x3d_m"))
    page.element("slider2").send_keys(Keys.ARROW_RIGHT)
    assert page.element("field2").get_attribute("value") == "29/14"
    assert page.element("slider2").get_attribute("aria-valuetext") == "29/14"
    shown = page.numbers()
    found = resolved_json(capsys, "x3d_m", "--gamma-s", "29/14")
    assert shown["cost"] == expected(found)["cost"]
    page.until(lambda: "pixels" in page.text("live") or "232" in page.text("live"))


@browser_needed
def test_everything_is_reached_by_the_tab_key_in_its_order(page: Page) -> None:
    from selenium.webdriver.common.keys import Keys

    page.open(x3dspec.load("x3d_m"))
    reached: list[str] = []
    for _ in range(60):
        page.driver.switch_to.active_element.send_keys(Keys.TAB)
        active = page.driver.execute_script(
            "const e = document.activeElement; return e.id || e.dataset.key || e.className"
        )
        if active in reached:
            break
        reached.append(active)
    wanted = ["limit-macs", "limit-params", "limit-activations", "preset"]
    wanted += [*(f"{kind}{n}" for n in range(6) for kind in ("field", "slider")), "reset"]
    wanted += [
        "verb",
        "command",
        "copy",
        "link",
        "download",
        "save-png",
        "quantity",
        "x3d_m",
        "budget",
        "symbolic",
        "convention",
        "scroll",
    ]
    assert [name for name in reached if name in wanted] == wanted


@browser_needed
def test_the_link_keeps_the_state(page: Page) -> None:
    page.open(x3dspec.load("x3d_m"))
    page.set({"gamma_s": "5/2", "gamma_d": "sqrt(5)"})
    page.type("limit-macs", "9G")
    page.driver.execute_script(
        "for (const [id, v] of [['quantity', 'params'], ['convention', 'fvcore']]) {"
        " const s = document.getElementById(id); s.value = v;"
        " s.dispatchEvent(new Event('change', {bubbles: true})); }"
    )
    before = page.numbers()
    link = page.until(lambda: "convention" in page.driver.current_url and page.driver.current_url)
    assert (
        link.partition("#")[2]
        == "gamma_s=5/2&gamma_d=sqrt%285%29&max_macs=9G&quantity=params&convention=fvcore"
    )
    page.visit(link)
    assert page.numbers() == before
    assert page.element("limit-macs").get_attribute("value") == "9G"
    page.element("reset").click()
    assert "#" not in page.driver.current_url
    assert page.element("field2").get_attribute("value") == "2"
    page.driver.back()
    assert page.until(lambda: page.element("field2").get_attribute("value")) == "5/2"
    assert page.numbers() == before


@browser_needed
def test_a_wrong_link_does_no_harm(page: Page) -> None:
    page.open(x3dspec.load("x3d_m"), "#gamma_s=%3Cimg%20src=x%3E&nothing=1&quantity=__proto__&convention=x")
    assert "is no number" in page.text("problem")
    assert page.element("quantity").get_attribute("value") == "macs"
    assert page.problems() == []


@browser_needed
def test_command_and_spec_are_the_network_that_is_shown(page: Page, capsys: Capture, tmp_path: Path) -> None:
    page.open(x3dspec.load("x3d_m"))
    page.set({"gamma_s": "sqrt(3)", "gamma_w": "1.25"})
    shown = page.numbers()["cost"]
    page.driver.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite"]})
    page.element("copy").click()
    page.until(lambda: page.text("told") == "Command copied")
    command = page.text("command")
    pasted = page.driver.execute_async_script("navigator.clipboard.readText().then(arguments[0])")
    assert pasted == command == "x3dspec resolve specs/x3d_m.yaml --gamma-s 'sqrt(3)' --gamma-w 1.25"
    words = command.replace("'", "").split()[2:]
    assert expected(resolved_json(capsys, *words))["cost"] == shown
    page.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(page.folder / "downloads")}
    )
    page.element("download").click()
    file = page.folder / "downloads/x3d_m_custom.yaml"
    page.until(file.exists)
    assert expected(resolved_json(capsys, str(file)))["cost"] == shown


@browser_needed
def test_presets_are_the_presets(page: Page, capsys: Capture) -> None:
    page.open(x3dspec.load("x3d_xs"))
    for name, title in [("x3d_xl", "X3D-XL"), ("x2d", "X2D"), ("x3d_s", "X3D-S")]:
        page.driver.execute_script("choose(arguments[0])", name)
        assert page.numbers()["cost"] == expected(resolved_json(capsys, name))["cost"]
        assert (page.text("nearest"), page.text("nearest-off")) == (title, "the same counts")


@browser_needed
def test_limits_tell_how_far_each_factor_may_go(page: Page) -> None:
    architecture = x3dspec.load("x3d_m")
    page.open(architecture)
    page.type("limit-macs", "5G")
    said = page.until(lambda: page.text("said4"))
    bound = Fraction(said.removeprefix("keeps the limits up to "))
    grid = {factor.name: factor.grid for factor in architecture.factors()}["gamma_b"]
    assert architecture.resolve(gamma_b=bound).cost().macs <= 5 * 10**9
    assert architecture.resolve(gamma_b=bound + grid).cost().macs > 5 * 10**9
    assert page.until(lambda: page.text("said0")) == "free: it changes no count"
    assert page.text("verdict-macs").startswith("within: 94.6 %")
    page.type("limit-params", "1M")
    page.until(lambda: "no value" in page.text("said1"))
    for typed, said in [
        ("lots", "type a count such as 5G or 3.8M"),
        ("4 GFLOPs", "FLOPs are not parameters"),
        ("4M params", "within: 94.9 % of it"),
        ("4,000,000", "within: 94.9 % of it"),
    ]:
        page.paste("limit-params", typed)
        assert page.text("verdict-params") == said
    page.paste("limit-macs", "4.7GFLOPs")
    assert page.text("verdict-macs") == "over: 100.7 % of it"


@browser_needed
def test_charts_are_drawn_and_described(page: Page) -> None:
    page.open(x3dspec.load("x3d_m"))
    # The curves are drawn when the page rests, which a busy machine lets it do late.
    labels = page.until(
        lambda: page.driver.execute_script(
            "const all = [...document.querySelectorAll('svg[role=img]')];"
            "return all.every((s) => s.children.length) && all.map((s) => s.getAttribute('aria-label'))"
        )
    )
    assert len(labels) == 8
    assert "MACs against gamma_s: 33.36 M at 1/14, 37.11 G at 39/7" in labels[2]
    assert "res4 11 blocks of 14 pixels, 36.2 %" in labels[6]
    assert labels[7].startswith("MACs grow from 20.66 M to 35.84 G in 11 steps; x3d_xs 605.3 M, x3d_s")


@browser_needed
def test_published_accuracies_stand_beside_the_cost(page: Page) -> None:
    page.open(x3dspec.load("x3d_m"))
    chart = page.element("accuracies").find_element("css selector", "svg")
    spoken = chart.get_attribute("aria-label")
    assert "X3D-M 76.2 % at 4.732 G" in spoken
    assert "I3D-R50 73.27 % at 28.41 G" in spoken
    assert "EfficientNet" not in spoken
    page.element("accuracies").find_element("css selector", "[data-key=x3d_l]").send_keys("\n")
    assert page.text("title") == "X3D-M, changed in 2 factors"
    assert page.numbers()["cost"][0] == 18_367_710_176
    assert "SlowFast, MODEL_ZOO.md" in page.text("readout")
    page.driver.back()
    assert page.until(lambda: page.text("title")) == "X3D-M"


@browser_needed
def test_a_budget_is_a_line_that_is_moved(page: Page) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    page.open(x3dspec.load("x3d_m"))
    line = "[data-key=budget]"
    handle = page.element("accuracies").find_element("css selector", f"{line} .grip")
    ActionChains(page.driver).drag_and_drop_by_offset(handle, -200, 0).perform()
    dragged = page.element("limit-macs").get_attribute("value")
    assert re.fullmatch(r"[\d.]+[GM]", dragged)
    assert page.text("verdict-macs")
    page.element("accuracies").find_element("css selector", line).send_keys(Keys.ARROW_LEFT)
    moved = page.element("accuracies").find_element("css selector", line)
    assert moved.get_attribute("aria-valuetext") != dragged
    assert page.driver.execute_script("return document.activeElement.dataset.key") == "budget"


@browser_needed
def test_a_changed_network_says_what_was_changed(page: Page) -> None:
    page.open(x3dspec.load("x3d_m"))
    assert (page.text("title"), page.text("changes")) == ("X3D-M", "")
    page.set({"gamma_s": "1.5"})
    assert page.text("title") == "X3D-M, changed in 1 factor"
    assert page.driver.title == "X3D-M, changed in 1 factor · x3dspec"
    assert page.text("source") == "derived from X3D-M"
    assert page.text("changes").startswith("gamma_s 2 → 1.5MACs −38.2 %parameters ±0 %")
    assert page.driver.execute_script("return byId('preset').selectedOptions[0].text") == "changed"
    options = page.driver.execute_script("return [...byId('preset').options].slice(1).map((o) => o.text)")
    names = [option.split(" · ")[0] for option in options]
    assert names == ["X2D", *(f"X3D-{size}" for size in ("XS", "S", "M", "L", "XL"))]
    costs = [option.split(" · ")[1] for option in options]
    assert costs[:3] == ["20.66 M", "605.3 M", "1.963 G"]


@browser_needed
def test_an_error_goes_when_its_value_goes(page: Page) -> None:
    page.open(x3dspec.load("x3d_m"))
    page.paste("field2", "-1")
    assert page.text("said2") == "gamma_s = -1 must be above 0"
    page.paste("field2", "1e3")
    assert page.text("said2") == page.text("problem") == "size 112000 is more than 65536"
    assert page.element("field2").get_attribute("aria-invalid") == "true"
    assert "bad" in page.element("said2").get_attribute("class")
    for typed in ("√2", "2^(1/2)", "sqrt(2)"):
        page.paste("field2", typed)
        assert page.text("clip") == "16 × 160²"
        assert (page.text("said2"), page.element("field2").get_attribute("aria-invalid")) == ("", "false")
    page.paste("field2", "1,5")
    assert page.text("said2") == "write 1.5"


@browser_needed
def test_everything_can_be_saved(page: Page, capsys: Capture) -> None:
    page.open(x3dspec.load("x3d_m"))
    page.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(page.folder / "saved")}
    )
    for kind, start in [("csv", b"stage,blocks"), ("svg", b"<svg"), ("png", b"\x89PNG")]:
        page.driver.execute_script("document.querySelector(`[data-save=${arguments[0]}]`).click()", kind)
        file = page.folder / f"saved/x3d_m.{kind}"
        page.until(file.exists)
        assert file.read_bytes().startswith(start)
    rows = (page.folder / "saved/x3d_m.csv").read_text().splitlines()
    assert rows[-1] == "total,,,,,4732468736,3794322,87914520"
    page.driver.execute_script(
        "const v = byId('verb'); v.value = 'emit'; v.dispatchEvent(new Event('change'));"
    )
    assert page.text("command") == "x3dspec emit specs/x3d_m.yaml --out ."
    page.paste("limit-macs", "3G")
    page.driver.execute_script(
        "const v = byId('verb'); v.value = 'budget'; v.dispatchEvent(new Event('change'));"
    )
    assert page.text("command") == "x3dspec budget specs/x2d.yaml --target 3000000000MACs"
    assert page.problems() == []


@browser_needed
@pytest.mark.parametrize("name", ["x2d", "x3d_m", "slow_r50", "efficientnet"])
def test_fit_ends_in_the_network_that_budget_ends_in(name: str, page: Page, capsys: Capture) -> None:
    """Fifty targets and more: ``REPORT_SETTINGS=200 pytest tests/report/test_page.py -k fit``."""
    architecture = x3dspec.load(name)
    base = architecture.source.origins[-1].path.stem
    page.open(architecture)
    dice = random.Random(4)
    start, end = page.driver.execute_script("const c = data.fit.counts; return [c[0].macs, c.at(-1).macs]")
    for _ in range(max(3, SETTINGS // 10)):
        target = round(start * (end / start) ** dice.random())
        page.paste("limit-macs", str(target))
        page.element("fit").click()
        assert run(["budget", base, "--target", f"{target}MACs", "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        shown = page.numbers()
        assert shown.pop("problem") == ""
        assert shown["cost"][0] == answer["cost"]["macs"], target
        values = page.driver.execute_script("return current.values.map(text)")
        factors = answer["factors_exact"]
        assert values == [factors[factor] for factor in page.names], target
    page.paste("limit-macs", "1")
    page.element("fit").click()
    assert "expanding only adds" in page.text("fitted")


def test_the_numbers_are_there_without_a_program() -> None:
    markup = re.sub(
        r"<(script|style)\b.*?</\1>", "", report.html(x3dspec.load("x3d_m").resolve()), flags=re.DOTALL
    )
    for number in ("4.732 G", "4,732,468,736", "154,140,672", "16 × 224²", "frame stride 5"):
        assert number in markup


# The closed form.


@pytest.mark.parametrize("name", ["x3d_s", "efficientnet"])
def test_the_closed_form_is_shown_term_by_term(name: str) -> None:
    resolved = x3dspec.load(name).resolve()
    shown = equation.summands(resolved)
    form = derive(resolved.architecture, relaxed=True)
    assert sum(term.share for term in shown) == pytest.approx(1)
    assert [term.share * float(form.value) for term in shown] == pytest.approx(
        [float(part) for part in form.parts(form.setting)]
    )
    markup = report.html(resolved)
    for term in shown:
        elements = ElementTree.fromstring(f"<math>{term.mathml}</math>").iter()
        assert {element.tag for element in elements} <= {"math", *MATHML_CORE}
        assert term.mathml in markup


def test_the_closed_form_is_that_of_the_factors_asked_for() -> None:
    architecture = x3dspec.load("x3d_s")
    wide, narrow = (equation.summands(architecture.resolve(gamma_w=width)) for width in (4, 1))
    assert wide[0].share > narrow[0].share
    assert wide[0].mathml == narrow[0].mathml


def test_a_closed_form_that_is_too_long_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    resolved = x3dspec.load("x2d").resolve()
    assert "<math>" in report.html(resolved)
    monkeypatch.setattr(equation, "MOST_MARKUP", 1000)
    assert "<math>" not in report.html(resolved)
    monkeypatch.undo()
    monkeypatch.setattr(terms, "MAX_TERMS", 3)
    assert "<math>" not in report.html(resolved)


@browser_needed
def test_text_of_a_spec_runs_nowhere(page: Page, hostile: Path) -> None:
    page.open(x3dspec.load(str(hostile)))
    assert page.driver.execute_script("return window.hacked === undefined")
    assert page.text("total-operations") == "20.66 M"
    assert page.problems() == []


@browser_needed
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_spills_over_and_both_schemes_differ(dark: bool, width: int, page: Page) -> None:
    sized(page.driver, width, 844, dark=dark)
    page.open(x3dspec.load("x3d_m"))
    assert page.driver.execute_script("return document.documentElement.scrollWidth") == width
    ink = page.driver.execute_script("return getComputedStyle(document.body).color")
    assert (ink == "rgb(231, 232, 230)") == dark
    sized(page.driver, 1280, 900)


@browser_needed
def test_print_has_the_table_and_no_controls(page: Page) -> None:
    page.open(x3dspec.load("x3d_m"))
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert not page.element("copy").is_displayed()
        assert not page.element("slider2").is_displayed()
        assert page.element("field2").is_displayed()
        assert page.element("operations3").is_displayed()
        pdf = page.driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"]
        assert len(pdf) > 10_000
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """axe-core's script, from npm."""
    if AXE:
        return Path(AXE).read_text(encoding="utf-8")
    if shutil.which("npm") is None:
        pytest.skip("ACCESSIBILITY IS NOT TESTED: no npm to fetch axe-core with")
    folder = tmp_path_factory.mktemp("axe")
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), "axe-core@4"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if done.returncode:
        pytest.skip(f"ACCESSIBILITY IS NOT TESTED: npm could not fetch axe-core: {done.stderr[-200:]}")
    return (folder / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


@browser_needed
@pytest.mark.parametrize(
    ("name", "width", "dark"), [("x3d_m", 1280, True), ("efficientnet", 1280, False), ("x3d_m", 390, False)]
)
def test_an_audit_of_accessibility_finds_nothing_serious(
    name: str, width: int, dark: bool, page: Page, axe: str
) -> None:
    sized(page.driver, width, 844, dark=dark)
    page.open(x3dspec.load(name), "#max_macs=1G")
    page.until(lambda: page.text("live"))
    page.driver.execute_script(axe)
    found = page.driver.execute_async_script("axe.run(document, {}).then((r) => arguments[0](r.violations))")
    serious = [
        f"{each['impact']} {each['id']}: {node['html'][:120]}: {node['failureSummary'][:300]}"
        for each in found
        for node in each["nodes"]
        if each["impact"] in ("serious", "critical", "moderate")
    ]
    assert serious == []
    sized(page.driver, 1280, 900)
