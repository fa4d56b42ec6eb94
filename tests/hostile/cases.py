"""The hostile corpus: command lines with the files they find, each made to do harm.

What must be said of each is in ``expected.json`` beside this file; ``test_hostile.py`` tells how it is
kept. A case is refused, or harmless; ``FINE`` has those that are harmless, which are run all the same.
"""

from __future__ import annotations

import json
import pickle
import random
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO

#: A spec that is fine but for what a case puts into it.
PLAIN = """\
name: {name}
title: {title}
source: {source}
note: {note}
license: {license}
class_name: {class_name}
factors: {{w: {{start: {start}, doc: {doc}}}}}
options: {{kind: {{choices: {choices}, default: {default}, note: {option_note}}}}}
input: {{size: {size}}}
blocks:
  unit: {{note: {block_note}, layers: [conv: {{out: {out}, kernel: {kernel}}}, relu: {{name: {layer}}}]}}
stages:
  - {{name: {stage}, block: unit, repeat: {repeat}, note: {stage_note}}}
  - {{name: pool, layers: [mean]}}
  - {{name: fc, layers: [linear: {{out: classes}}]}}
"""
_FIELDS = {
    **dict.fromkeys(
        ("title", "source", "note", "license", "doc", "option_note", "block_note", "stage_note"), "''"
    ),
    "name": "spec",
    "class_name": "Net",
    "start": "1",
    "choices": "[a, b]",
    "default": "a",
    "size": "8",
    "out": "8",
    "kernel": "1",
    "layer": "act",
    "stage": "body",
    "repeat": "2",
}


@dataclass(frozen=True)
class Case:
    """A command line, and the files of the folder that it runs in. `links` are (name, target)."""

    name: str
    arguments: tuple[str, ...]
    files: dict[str, bytes] = field(default_factory=dict)
    links: tuple[tuple[str, str], ...] = ()


def spec(**fields: str) -> str:
    """A spec with these fields, each written as YAML."""
    return PLAIN.format(**{**_FIELDS, **fields})


def _resolved(name: str, text: str | bytes, *more: str) -> Case:
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return Case(name, ("resolve", "spec.yaml", *more), {"spec.yaml": raw})


def _emitted(name: str, text: str, *more: str) -> Case:
    return Case(name, ("emit", "spec.yaml", "--out", "out", *more), {"spec.yaml": text.encode()})


def cases() -> list[Case]:
    """All of them, in an order that does not change."""
    kinds = [
        _yaml,
        _bombs,
        _works,
        _numbers,
        _expressions,
        _names,
        _strings,
        _bases,
        _encodings,
        _command_lines,
    ]
    return [case for kind in (*kinds, _headers, _journals, _solvers, _forms) for case in kind()]


def torch_cases() -> list[Case]:
    """Those that torch has to be imported for."""
    return [*_key_rules(), *_checkpoints()]


# YAML that other loaders run, expand or merge


def _yaml() -> Iterator[Case]:
    tags = {
        "tag_python_object_apply": "!!python/object/apply:os.system ['touch pwned']",
        "tag_python_object_new": "!!python/object/new:subprocess.Popen [['touch', 'pwned']]",
        "tag_python_name": "!!python/name:os.system",
        "tag_python_module": "!!python/module:os",
        "tag_python_tuple": "!!python/tuple [1, 2]",
        "tag_local": "!exec 'touch pwned'",
        "tag_binary": "!!binary aGVsbG8=",
        "tag_set": "!!set {a, b}",
        "tag_omap": "!!omap [a: 1]",
        "tag_timestamp": "!!timestamp 2001-12-14",
        "tag_float_of_text": "!!float 'nan'",
        "tag_ruby": "!ruby/object:Gem::Installer {i: x}",
        "tag_verbatim": "!<tag:yaml.org,2002:python/object/apply:os.system> ['id']",
        "tag_include": "!include /etc/passwd",
        "tag_env": "!ENV ${HOME}",
    }
    for name, value in tags.items():
        yield _resolved(name, spec(title=value))
    yield _resolved(
        "tag_directive", "%TAG ! tag:yaml.org,2002:python/\n---\n" + spec(title="!name:os.system x")
    )
    yield _resolved("yaml_directive", "%YAML 9.9\n---\n" + spec())
    yield _resolved("merge_key", spec(start="1").replace("{start: 1", "{<<: {start: 2}, start: 1"))
    yield _resolved("merge_of_an_alias", "defaults: &d {name: x}\n<<: *d\n")
    yield _resolved("second_document", spec() + "---\nname: other\n")
    yield _resolved("duplicate_key_wins_nowhere", spec() + "name: other\n")
    yield _resolved("complex_key", "? [a, b]\n: 1\n" + spec())
    yield _resolved("norway", spec(stage="no"))
    yield _resolved("sexagesimal", spec(size="1:30"))
    yield _resolved("octal", spec(size="0o10"))
    yield _resolved("hexadecimal", spec(size="0x10"))
    yield _resolved("underscored", spec(size="1_0"))
    yield _resolved("equals_key", spec(start="1").replace("{start: 1", "{=: 2, start: 1"))
    yield _resolved("root_is_text", "__import__('os').system('touch pwned')")
    yield _resolved("root_is_json_list", json.dumps([{"name": "x"}]))
    yield _resolved("dunder_keys", spec() + "__class__: x\n__init__: y\n__proto__: {a: 1}\n")
    yield _resolved("pydantic_keys", spec() + "model_config: {extra: allow}\nmodel_fields_set: []\n")
    yield _resolved("stage_keys_of_the_model", spec().replace("repeat: 2,", "repeat: 2, model_extra: 1,"))


def _bombs() -> Iterator[Case]:
    laughs = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    laughs += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    yield _resolved("billion_laughs", "\n".join(laughs))
    mappings = ["a0: &a0 {a: x, b: x, c: x}"]
    mappings += [f"a{i}: &a{i} {{a: *a{i - 1}, b: *a{i - 1}, c: *a{i - 1}}}" for i in range(1, 30)]
    yield _resolved("billion_mappings", "\n".join(mappings))
    yield _resolved("alias_inside_itself", "a: &a [*a]\n" + spec())
    yield _resolved("alias_as_key", "a: &a x\n*a : 1\n" + spec())
    yield _resolved(
        "alias_chain_too_deep",
        "".join(f"k{i}: &k{i} [*k{i - 1}]\n" if i else "k0: &k0 [1]\n" for i in range(60)),
    )
    yield _resolved("brackets", "[" * 100_000)
    yield _resolved("braces", "{a: " * 50_000)
    yield _resolved("closed_brackets", "a: " + "[" * 5000 + "]" * 5000)
    yield _resolved("dashes", "- " * 60_000)
    yield _resolved("question_marks", "? " * 60_000)
    yield _resolved("indented", "".join(" " * i + "a:\n" for i in range(600)))
    yield _resolved("long_line", "a: " + "x" * 250_000)
    yield _resolved("long_key", "x" * 250_000 + ": 1")
    yield _resolved("many_anchors", "".join(f"k{i}: &a{i} x\n" for i in range(12_000)))
    yield _resolved("many_problems", "".join(f"k{i}: !t x\n" for i in range(9_000)))
    yield _resolved("many_unknown_keys", spec() + "".join(f"k{i}: 1\n" for i in range(9_000)))
    yield _resolved(
        "many_stages", spec() + "".join(f"  - {{name: s{i}, block: unit}}\n" for i in range(4_000))
    )
    yield _resolved("too_large", "#" * (300 * 1024))
    yield _resolved("open_quote", "a: '" + "\n" * 200_000)
    yield _resolved("block_scalar", "a: |\n" + "  x\n" * 60_000)
    yield _resolved("comments_only", "#\n" * 100_000)


# Many operations, each of them allowed; and what is as long to look for


def _works() -> Iterator[Case]:
    long = "*".join(["(" + "+".join(["*".join(["k*j"] * 6)] * 5) + ")"] * 3)
    layers = ", ".join(["conv: {out: *w, kernel: [*w, *w], stride: [*w, *w], groups: *w, when: *w}"] * 62)
    stages = "".join(f"  - {{name: s{i}, block: u, k: 10/7**40, j: 7**40/10}}\n" for i in range(62))
    head = (
        f"name: n\ninput: {{size: 8}}\nblocks:\n  u: {{arguments: [k, j], layers: [conv: {{out: &w '{long}'"
    )
    for name, body in {"written": f", {layers}", "used": ""}.items():
        text = f"{head}, kernel: *w}}{body}]}}\nstages:\n{stages}"
        for command in ("resolve", "check", "formula", "emit"):
            out = ("--out", "out") if command == "emit" else ()
            yield Case(
                f"operations_{name}_{command}", (command, "spec.yaml", *out), {"spec.yaml": text.encode()}
            )
    names = ", ".join(f"abcdefghijklmnopqrstuvwxyz{i}" for i in range(16))
    given = ", ".join(f"abcdefghijklmnopqrstuvwxyz{i}: 1" for i in range(16))
    text = f"name: n\ninput: {{size: 8}}\nblocks: {{b: {{arguments: [{names}], layers: [relu]}}}}\nstages:\n"
    text += "".join(f"  - {{name: stage{i}, block: b, {given}}}\n" for i in range(63))
    unknown = ", ".join(f"conv: {{out: abcdefghijklmnopqrstuvXXyz{i}, kernel: 1}}" for i in range(64))
    yield _resolved("suggestions", text + f"  - {{name: last, layers: [{unknown}]}}\n")
    factors = ", ".join(f"f{i}: {{start: 1}}" for i in range(7))
    axes = ", ".join(f"a{i}: {{f{i}: f{i} * m}}" for i in range(7))
    widths = ", ".join(f"conv: {{out: ceil(8 * f{i}), kernel: 1}}" for i in range(7))
    text = f"name: n\nfactors: {{{factors}}}\naxes: {{{axes}}}\ninput: {{size: 8}}\nstages:\n"
    text += f"  - {{name: s, layers: [{widths}, mean, linear: {{out: classes}}]}}\n"
    yield Case("search_overflow", ("search", "spec.yaml", "--max", "1MMACs"), {"spec.yaml": text.encode()})


# Numbers


def _numbers() -> Iterator[Case]:
    values = {
        "1e308": "1e308",
        "1e99999999": "1e99999999",
        "tiny": "1e-400",
        "tiny_fraction": "1/10**400",
        "nan": ".nan",
        "nan_word": "nan",
        "infinity": ".inf",
        "minus_infinity": "-.inf",
        "minus_one": "-1",
        "zero": "0",
        "ten_thousand_digits": "9" * 10_000,
        "five_thousand_digits_after_the_point": "0." + "3" * 5_000,
        "power_tower": "9**9**9**9",
        "power_of_powers": "((((10**30)**30)**30)**30)",
        "huge_exponent": "2**1000000000000",
        "negative_exponent": "10**-100000",
        "root_tower": "sqrt(sqrt(sqrt(sqrt(sqrt(sqrt(sqrt(sqrt(2))))))))",
        "root_of_a_large_prime": "sqrt(1000000000000000003)",
        "root_of_a_large_composite": "sqrt(1000000000000000003 * 1000000000000000009)",
        "nearly_a_tie": "floor(sqrt(10**30 - 1) * 10**9)",
        "root_in_a_sum": "floor((sqrt(2) - 1)**1200 + 1)",
        "sum_of_roots": "(sqrt(2)+sqrt(3)+sqrt(5)+sqrt(7)+sqrt(11)+sqrt(13)+sqrt(17))**40",
        "division_by_zero": "1/(w-w)",
        "zero_to_the_minus_one": "0**-1",
        "root_of_minus_one": "sqrt(-1)",
        "full_width_digits": "１６",
        "arabic_digits": "٣",
        "superscript": "2²",
        "boolean": "true",
        "null": "null",
        "a_list": "[1, 2]",
    }
    for name, value in values.items():
        yield _resolved(f"width_{name}", spec(out=value))
    for name in (
        "1e308",
        "tiny_fraction",
        "infinity",
        "power_tower",
        "huge_exponent",
        "root_of_a_large_prime",
    ):
        yield _resolved(f"start_{name}", spec(start=values[name]))
        yield _resolved(f"repeat_{name}", spec(repeat=values[name]))
    for name in ("1e308", "nan", "minus_one", "ten_thousand_digits"):
        yield _resolved(f"kernel_{name}", spec(kernel=values[name]))
        yield _resolved(f"size_{name}", spec(size=values[name]))
    yield _resolved("classes_huge", spec() + "classes: 99999999999\n")
    yield _resolved(
        "repeats_in_all",
        spec() + "".join(f"  - {{name: s{i}, block: unit, repeat: 512}}\n" for i in range(20)),
    )
    yield _resolved("all_alike_but_large", spec(size="65536", out="1048576"))
    layer = "conv: {out: 8, kernel: 1, when: 'cycle(" + ", ".join(["1"] * 61) + ")'}"
    other = layer.replace(", ".join(["1"] * 61), ", ".join(["1"] * 59))
    yield _resolved("cycles_of_long_period", spec().replace("relu:", f"{layer}, {other}, relu:"))


# Expressions that would be code elsewhere


def _expressions() -> Iterator[Case]:
    texts = {
        "import": "__import__('os').system('touch pwned')",
        "class_walk": "().__class__.__bases__[0].__subclasses__()",
        "lambda": "(lambda: 1)()",
        "comprehension": "[x for x in (1,)][0]",
        "walrus": "(x := 1)",
        "attribute": "w.__class__",
        "attribute_of_a_number": "(1).__class__",
        "index": "w[0]",
        "format_string": "f'{w}'",
        "exec": "exec('touch pwned')",
        "eval": "eval('1')",
        "open": "open('/etc/passwd')",
        "sympify": "sympify('1')",
        "symbol": "Symbol('x', real=True)",
        "sympy_rational": "Rational('1/3')",
        "sympy_integral": "Integral(x, (x, 0, 1))",
        "factorial": "factorial(100000)",
        "factorial_mark": "100000!",
        "getattr": "getattr(w, 'x')",
        "keyword_argument": "round_to(8, step=8)",
        "star_argument": "max(*w)",
        "conditional": "1 if w else 2",
        "semicolon": "1; import os",
        "newline": "1\\n+ 1",
        "backtick": "`id`",
        "shell": "$(touch pwned)",
        "dollar": "${w}",
        "percent": "%s",
        "jinja": "{{ 7 * 7 }}",
        "jinja_statement": "{% for x in () %}",
        "matrix_product": "w @ w",
        "shift": "1 << 60",
        "complex": "1j",
        "string_product": "'a' * 1000000000",
        "string_alone": "'a'",
        "string_with_quote": "'a\\\\' == 1",
        "comment": "1 # two",
        "nested_calls": "ceil(" * 200 + "1" + ")" * 200,
        "parentheses": "(" * 190 + "1" + ")" * 190,
        "minus_signs": "-" * 399 + "1",
        "nots": "not " * 99 + "1",
        "chain_of_powers": "**".join(["1"] * 130),
        "long_sum": "+".join(["1"] * 199),
        "too_long": "1" + "+1" * 300,
        "dots": "w.w.w",
        "dunder_name": "__builtins__",
        "name_of_a_builtin": "print",
        "unicode_name": "ｗ",
        "greek": "γ",
        "empty_call": "max()",
        "call_of_a_call": "max(1, 2)(3)",
        "call_of_a_factor": "w(1)",
        "text_comparison_with_a_number": "kind == 1",
        "cycle_outside": "1",
    }
    for name, text in texts.items():
        yield _resolved(f"expression_{name}", spec(out=f'"{text}"'))
    yield _resolved("start_eval", spec(start="\"eval('1')\""))
    yield _resolved("start_reads_itself", spec(start="w"))
    yield _resolved("cycle_in_the_input", spec(size='"cycle(8, 16)"'))
    yield _resolved("input_import", spec(size="\"__import__('os')\""))


# Names that would reach Python


def _names() -> Iterator[Case]:
    bad = [
        "__init__",
        "__class__",
        "import",
        "None",
        "True",
        "match",
        "print",
        "self",
        "torch",
        "nn",
        "F",
        "forward",
    ]
    bad += [
        "a b",
        "a-b",
        "a.b",
        "a;b",
        "1a",
        "a" * 60,
        "naïve",
        "ﬁ",
        "x\\u200b",
        "a\\nb",
        "os.system('x')",
        "parameters",
    ]
    bad += [
        "super",
        "training",
        "state_dict",
        "../up",
        "/etc/passwd",
        "con\\0",
        "<script>",
        "{{7*7}}",
        "%s",
        "{0}",
    ]
    for name in bad:
        said = "".join(c if c.isalnum() and c.isascii() else "_" for c in name)[:20]
        yield _resolved(f"stage_called_{said}_{bad.index(name)}", spec(stage=f'"{name}"'))
    for name in ("import", "__class__", "Tensor", "SqueezeExcite", "F", "a b", "../up", "Exception"):
        said = "".join(c if c.isalnum() else "_" for c in name)
        yield _resolved(f"class_called_{said}", spec(class_name=f'"{name}"'))
    for name in ("import", "../up", "os", "a/b", "x.py", "", "CON"):
        said = "".join(c if c.isalnum() else "_" for c in name) or "nothing"
        yield _emitted(f"network_called_{said}", spec(name=f'"{name}"'))
    for name in ("self", "forward", "a\\nimport os", "weight'"):
        said = "".join(c if c.isalnum() else "_" for c in name)
        yield _resolved(f"layer_called_{said}", spec(layer=f'"{name}"'))
    yield _resolved("choice_of_code", spec(choices='["a", "b; import os"]'))
    yield _resolved("choice_of_many_lines", spec(choices='["a", "b\\nimport os"]'))
    yield _resolved("factor_called_import", spec().replace("{w: {start", "{import: {start"))
    yield _resolved("block_called_dunder", spec().replace("unit", "__unit__"))


# Text that must not get out of a comment, a docstring, a page


def _strings() -> Iterator[Case]:
    texts = {
        "docstring_end": '"""; import os; os.system(\'touch pwned\'); """',
        "docstring_end_single": "'''; import os #",
        "escaped_quote": '\\"""\nimport os',
        "backslash_at_the_end": "ends in a backslash \\",
        "newline": "a\nimport os\nos.system('touch pwned')",
        "carriage_return": "a\rimport os",
        "jinja": "{{ ''.__class__.__mro__[1].__subclasses__() }}{% raw %}",
        "jinja_comment": "{# hidden #}{%- endraw -%}",
        "format": "{0.__class__} %s %(x)d ${HOME}",
        "script": "<script>alert(1)</script>",
        "image": "<img src=x onerror=alert(1)>",
        "attribute": '" onmouseover="alert(1)',
        "script_end": "</script></style></textarea><!-- -->",
        "entity": "&lt;script&gt;&#60;script&#62;",
        "markdown": "[a](javascript:alert(1)) ![](http://example.invalid/x)",
        "url": "javascript:alert(document.cookie)",
        "svg": "<svg/onload=alert(1)>",
        "coding": "-*- coding: utf-7 -*-",
        "shebang": "#!/bin/sh",
        "noqa": "# noqa # type: ignore # fmt: off",
        "pound": "# Generated by x3dspec 9; edit the spec",
        "very_long_word": "x" * 900,
        "quotes": "\"'`´“”«»",
        "private_use": "\ue000\uf8ff",
        "unassigned": "a\u0378b",
        "combining": "e" + "\u0301" * 200,
        "wide": "ｆｕｌｌ　ｗｉｄｔｈ",
        "only_a_no_break_space": "\u00a0",
        "emoji": "🎬" * 50,
    }
    for name, text in texts.items():
        written = json.dumps(text, ensure_ascii=False)
        fields = ("title", "source", "note", "license", "doc", "option_note", "block_note", "stage_note")
        whole = spec(**dict.fromkeys(fields, written))
        yield _emitted(f"text_{name}", whole)
        yield Case(
            f"page_{name}", ("report", "spec.yaml", "-o", "out/page.html"), {"spec.yaml": whole.encode()}
        )
    hidden = {
        "bidi_override": "\u202e",
        "bidi_isolate": "\u2066",
        "zero_width": "\u200b",
        "line_separator": "\u2028",
        "paragraph_separator": "\u2029",
        "next_line": "\u0085",
        "nul": "\0",
        "escape": "\x1b[31m",
        "bell": "\x07",
        "form_feed": "\x0c",
        "delete": "\x7f",
        "soft_hyphen": "\u00ad",
        "tag_characters": "\U000e0041",
        "byte_order_mark": "\ufeff",
        "arabic_letter_mark": "\u061c",
    }
    for name, text in hidden.items():
        yield _resolved(f"hidden_{name}_escaped", spec(title=json.dumps(f"a{text}b")))
        yield _resolved(f"hidden_{name}", spec(title=f'"a{text}b"'))
    yield _resolved("terminal_escape_in_a_key", spec() + '"\\e[2J": 1\n')
    yield _resolved("newline_in_a_key", spec() + '"a\\nspec.yaml:1:1: b": 1\n')
    yield _resolved("surrogate_escaped", spec(title='"\\ud800"'))
    yield _resolved("escape_beyond_unicode", spec(title='"\\UFFFFFFFF"'))


# Bases


def _bases() -> Iterator[Case]:
    names = [
        "../secret",
        "..",
        ".",
        "/etc/passwd",
        "sub/secret",
        "secret.yaml",
        "file:///etc/passwd",
        "~",
        "~root/x",
    ]
    names += [
        "..\\\\secret",
        "C:\\\\x",
        "%2e%2e/secret",
        "secret\\0",
        "$HOME/x",
        "http://example.invalid/x",
        "",
        "-",
    ]
    names += ["x2d; touch pwned", "specs/x2d", "__init__", "keys/x2d", "CON", "x" * 500]
    for index, name in enumerate(names):
        text = f'name: mine\nbase: "{name}"\n'
        files = {"spec.yaml": text.encode(), "sub/secret.yaml": spec().encode()}
        yield Case(
            f"base_{index}_{''.join(c if c.isalnum() else '_' for c in name)[:20]}",
            ("resolve", "spec.yaml"),
            files,
        )
    preset = b"name: mine\nbase: linked\n"
    yield Case(
        "base_linked_out",
        ("resolve", "in/spec.yaml"),
        {"in/spec.yaml": preset, "secret.yaml": spec().encode()},
        (("in/linked.yaml", "../secret.yaml"),),
    )
    yield Case(
        "base_linked_to_passwd",
        ("resolve", "spec.yaml"),
        {"spec.yaml": preset},
        (("linked.yaml", "/etc/passwd"),),
    )
    yield Case(
        "base_linked_to_itself",
        ("resolve", "spec.yaml"),
        {"spec.yaml": preset},
        (("linked.yaml", "linked.yaml"),),
    )
    yield Case(
        "base_linked_to_zero",
        ("resolve", "spec.yaml"),
        {"spec.yaml": preset},
        (("linked.yaml", "/dev/zero"),),
    )
    yield Case("base_is_itself", ("resolve", "spec.yaml"), {"spec.yaml": b"name: mine\nbase: spec\n"})
    both = {"spec.yaml": b"name: mine\nbase: other\n", "other.yaml": b"name: other\nbase: spec\n"}
    yield Case("base_of_a_base_is_itself", ("resolve", "spec.yaml"), both)
    many = {f"p{i}.yaml": f"name: p{i}\nbase: p{i + 1}\n".encode() for i in range(40)}
    yield Case("bases_without_end", ("resolve", "p0.yaml"), many)
    yield Case("base_and_stages", ("resolve", "spec.yaml"), {"spec.yaml": spec().encode() + b"base: x2d\n"})
    yield Case("spec_is_zero", ("resolve", "/dev/zero"))
    yield Case("spec_is_a_terminal", ("resolve", "/dev/null"))
    yield Case("spec_is_a_process", ("resolve", "/proc/self/auxv"))
    yield Case("spec_is_memory", ("resolve", "/proc/self/mem"))


# Encodings


def _encodings() -> Iterator[Case]:
    text = spec()
    for name in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp037"):
        yield _resolved(f"encoded_{name}", text.encode(name))
    yield _resolved("latin_1", spec(title="täglich").encode("latin-1"))
    yield _resolved("byte_order_mark_in_the_middle", text.replace("title", "\ufefftitle"))
    yield _resolved("two_byte_order_marks", "\ufeff\ufeff" + text)
    yield _resolved("lone_surrogate", spec(title="'\ud800'"))
    yield _resolved("overlong_slash", text.encode().replace(b"title: ''", b"title: '\xc0\xaf'"))
    yield _resolved("truncated_character", text.encode() + b"# \xf0\x9f\x8e")
    yield _resolved("binary", bytes(range(256)) * 16)
    yield _resolved("random", random.Random(1).randbytes(4096))
    yield _resolved("gzip", b"\x1f\x8b\x08\0" + b"\0" * 100)
    yield _resolved("empty", "")
    yield _resolved("old_mac_line_ends", text.replace("\n", "\r").replace("2", "0"))


# Command lines


def _command_lines() -> Iterator[Case]:
    values = [
        "1e308",
        "1/10**400",
        "nan",
        "inf",
        "-1",
        "0",
        "__import__('os').system('touch pwned')",
        "9**9**9**9",
    ]
    values += [
        "{{7*7}}",
        "$(touch pwned)",
        "`touch pwned`",
        "1;2",
        "\u202e1",
        "1\n2",
        "\ud800",
        "9" * 10_000,
        "",
        " ",
        "w",
    ]
    values += [
        "(" * 300,
        "sqrt(1000000000000000003)",
        "2**(1/100)",
        "cycle(1,2)",
        "'a'",
        "<script>",
        "1,5",
        "0x10",
        "１",
    ]
    good = spec().encode()
    for index, value in enumerate(values):
        yield Case(f"factor_value_{index}", ("resolve", "spec.yaml", "--w", value), {"spec.yaml": good})
    others: dict[str, tuple[str, ...]] = {
        "factor_of_code": ("resolve", "spec.yaml", "--__class__", "1"),
        "factor_with_newline": ("resolve", "spec.yaml", "--w\nx", "1"),
        "option_of_code": ("resolve", "spec.yaml", "--set", "kind=__import__('os')"),
        "option_without_value": ("resolve", "spec.yaml", "--set", "kind"),
        "option_with_newline": ("resolve", "spec.yaml", "--set", "kind=a\nb\x1b[2J"),
        "option_with_surrogate": ("resolve", "spec.yaml", "--set", "\ud800=\ud800"),
        "option_dunder": ("resolve", "spec.yaml", "--set", "__dict__=1"),
        "option_self": ("resolve", "spec.yaml", "--set", "self=1"),
        "option_classes_huge": ("resolve", "spec.yaml", "--set", "classes=99999999999999999999"),
        "clip_huge": ("resolve", "spec.yaml", "--clip", "99999999x99999999"),
        "clip_of_code": ("resolve", "spec.yaml", "--clip", "{7*7}x\x1b[2J"),
        "clip_superscript": ("resolve", "spec.yaml", "--clip", "²²"),
        "clip_empty": ("resolve", "spec.yaml", "--clip", ""),
        "convention_of_code": ("resolve", "spec.yaml", "--convention", "__class__"),
        "spec_with_nul": ("resolve", "a\0b"),
        "spec_with_surrogate": ("resolve", "\ud800.yaml"),
        "spec_with_newline": ("resolve", "a\nb\x1b[2J.yaml"),
        "spec_too_long": ("resolve", "a" * 5000),
        "spec_is_a_folder": ("resolve", "."),
        "spec_is_nothing": ("resolve", ""),
        "emit_name_of_code": ("emit", "spec.yaml", "--out", "out", "--name", "a;import os"),
        "emit_name_with_path": ("emit", "spec.yaml", "--out", "out", "--name", "../x"),
        "emit_name_keyword": ("emit", "spec.yaml", "--out", "out", "--name", "import"),
        "emit_into_a_file": ("emit", "spec.yaml", "--out", "spec.yaml"),
        "emit_out_with_nul": ("emit", "spec.yaml", "--out", "a\0b"),
        "emit_out_with_surrogate": ("emit", "spec.yaml", "--out", "\ud800"),
        "resolve_out_with_nul": ("resolve", "spec.yaml", "-o", "a\0b"),
        "resolve_over_itself": ("resolve", "spec.yaml", "-o", "spec.yaml"),
        "target_of_code": ("budget", "spec.yaml", "--target", "__import__('os')"),
        "target_huge": ("budget", "spec.yaml", "--target", "1e999999999GFLOPs"),
        "target_nan": ("budget", "spec.yaml", "--target", "nanGFLOPs"),
        "target_digits": ("budget", "spec.yaml", "--target", "9" * 5000 + "GFLOPs"),
        "target_full_width": ("budget", "spec.yaml", "--target", "４GFLOPs"),
        "tolerance_of_code": ("budget", "spec.yaml", "--target", "1GFLOPs", "--tolerance", "1e999999999%"),
        "tolerance_nan": ("budget", "spec.yaml", "--target", "1GFLOPs", "--tolerance", "nan%"),
        "formula_value": ("formula", "spec.yaml", "--w", "9**9**9"),
        "unknown_command": ("__class__",),
        "unknown_command_with_escape": ("\x1b[2J",),
        "unknown_option_with_surrogate": ("budget", "--\ud800"),
    }
    for name, arguments in others.items():
        yield Case(name, arguments, {"spec.yaml": good})
    foreign = {"spec.yaml": good, "out/spec.py": b"print('mine')\n"}
    yield Case("emit_over_a_foreign_file", ("emit", "spec.yaml", "--out", "out"), foreign)
    yield Case(
        "emit_over_a_link",
        ("emit", "spec.yaml", "--out", "out"),
        {**foreign, "out/x": b""},
        (("out/spec.py.link", "/etc/passwd"),),
    )


# Headers of files under verify


def _headers() -> Iterator[Case]:
    head = "# Generated by x3dspec 0.1.0; edit the spec, not this file.\n#\n"
    good = {
        "spec": "# spec: specs/x2d.yaml\n#   sha256: " + "0" * 64 + "\n",
        "factors": "# factors: gamma_w = 1\n",
        "options": "# options: squeeze_excite = alternate\n",
        "clip": "# clip: 1 x 112 x 112\n",
        "counts": "# macs: 1\n# params: 1\n# activations: 1\n",
    }
    changes = {
        "not_ours": ("", "import os\nos.system('touch pwned')\n"),
        "spec_above": ("spec", "# spec: ../../etc/passwd\n#   sha256: " + "0" * 64 + "\n"),
        "spec_absolute": ("spec", "# spec: /etc/passwd\n#   sha256: " + "0" * 64 + "\n"),
        "spec_missing": ("spec", ""),
        "sha_short": ("spec", "# spec: specs/x2d.yaml\n#   sha256: 00\n"),
        "spec_with_escape": ("spec", "# spec: \x1b[2J.yaml\n#   sha256: " + "0" * 64 + "\n"),
        "factors_without_value": ("factors", "# factors: gamma_w\n"),
        "options_of_code": ("options", "# options: __class__ = 1\n"),
        "options_self": ("options", "# options: self = 1\n"),
        "clip_missing": ("clip", ""),
        "counts_missing": ("counts", "# macs: 1\n"),
        "counts_of_code": ("counts", "# macs: __import__('os')\n# params: 1\n# activations: 1\n"),
        "counts_huge": ("counts", "# macs: " + "9" * 5000 + "\n# params: 1\n# activations: 1\n"),
        "factors_huge": ("factors", "# factors: gamma_w = 9**9**9**9\n"),
        "factors_of_code": ("factors", "# factors: gamma_w = __import__('os')\n"),
        "factors_self": ("factors", "# factors: self = 1\n"),
        "factors_unknown": ("factors", "# factors: __class__ = 1\n"),
    }
    for name, (part, text) in changes.items():
        whole = text if not part else head + "".join({**good, part: text}.values())
        yield Case(f"header_{name}", ("verify", "x.py"), {"x.py": whole.encode()})
    yield Case("header_utf_16", ("verify", "x.py"), {"x.py": head.encode("utf-16")})
    yield Case("header_binary", ("verify", "x.py"), {"x.py": bytes(range(256))})
    yield Case("header_long_line", ("verify", "x.py"), {"x.py": b"# " + b"x" * 3_000_000})
    yield Case("header_many_fields", ("verify", "x.py"), {"x.py": (head + "# a: b\n" * 300_000).encode()})
    yield Case("header_too_large", ("verify", "x.py"), {"x.py": b"#" * (5 * 1024 * 1024)})
    yield Case("verify_zero", ("verify", "/dev/zero"))
    yield Case("verify_with_nul", ("verify", "a\0b"))


# Journals of a search


def _journals() -> Iterator[Case]:
    texts = {
        "deep": b"[" * 200_000 + b"\n",
        "not_json": b"import os\n",
        "a_number": b"1\n",
        "a_list": b"[]\n",
        "binary": bytes(range(256)) + b"\n",
        "other_search": b'{"journal": 1, "spec": "x"}\n',
        "not_a_number": b'{"journal": 1}\n{"key": "a", "score": NaN, "note": ""}\n',
        "huge_integer": b'{"journal": 1}\n{"key": "a", "score": ' + b"9" * 10_000 + b', "note": ""}\n',
        "torn": b"rm -rf /",
        "utf_16": '{"journal": 1}\n'.encode("utf-16"),
    }
    for name, raw in texts.items():
        arguments = ("expand", "x2d", "--steps", "1", "--judge", "published", "--journal", "j.jsonl")
        yield Case(f"journal_{name}", arguments, {"j.jsonl": raw})
    yield Case("journal_zero", ("expand", "x2d", "--steps", "1", "--journal", "/dev/zero"))


# Rules of keys, which are read before any checkpoint is


# Numbers that only a solver makes: beyond floats, and sums of roots, which nothing is divided by


def _solvers() -> Iterator[Case]:
    specs = {
        "grid_of_a_sum": ("start: 1, grid: sqrt(2) - 1", "w * m", "ceil(8 * w)"),
        "grid_tiny": ("start: 1, grid: 1/2**4000", "w * m", "ceil(8 * w)"),
        "start_huge": ("start: 2**4000", "w * m", "8 + ceil(w / 2**4000)"),
        "start_of_a_sum": ("start: sqrt(2) + sqrt(3)", "w * m", "ceil(8 * w)"),
        "start_of_many_digits": ("start: sqrt(2) * 3**1200 / 2**1902", "w * m", "ceil(8 * w)"),
        "slope_huge": ("start: 1", "w + 2**4000 * m", "ceil(8 * w)"),
        "slope_of_a_sum": ("start: 1", "w + m * (sqrt(2) + 1)", "ceil(8 * w)"),
        "width_huge_beside_the_start": ("start: 1", "w * m", "ceil(8 * w + 2**4000 * (w - 1))"),
        "width_by_a_tower": ("start: 1", "w * m", "ceil(8 * w**4096)"),
        "width_of_many_roots": ("start: 1", "w * m", "ceil(w**(1/64) + w**(1/63) + w**(1/61) + 5)"),
    }
    commands = {
        "formula": ("formula",),
        "relaxed": ("formula", "--relaxed"),
        "budget": ("budget", "--target", "1MMACs", "--fill"),
        "expand": ("expand", "--steps", "2"),
        "search": ("search", "--max", "100kMACs"),
        "report": ("report",),
    }
    for name, (factor, step, width) in specs.items():
        text = spec(start="1", out=width).replace("start: 1, doc: ''", factor)
        text = text.replace("input:", f"axes: {{wide: {{w: {step}}}}}\ninput:")
        for command, (first, *options) in commands.items():
            yield Case(f"{command}_{name}", (first, "spec.yaml", *options), {"spec.yaml": text.encode()})


# Closed forms that only multiplying out would show to be long


def _forms() -> Iterator[Case]:
    names = [f"{letter}q" for letter in "abcdefghijklmnop"]
    factors = "".join(f"  {name}: {{start: 1}}\n" for name in names)
    left, right = "+".join(names[:8]), "+".join(names[8:])
    layers = {
        "products": [f"({left})*({right})*(k*64+{index})" for index in range(8)],
        "maxima": [
            f"max({', '.join(f'{index}*k*({left})*{n}' for n in names[8:14])})" for index in range(1, 9)
        ],
        "comparisons": [f"1 + (({left})*k*{n} == ({right})*{index})" for index, n in enumerate(names[:8])],
        "powers": [f"({left})**2*k" for _ in range(8)],
        "quotients": [f"k*({left})/({right}+{index})" for index in range(8)],
    }
    for name, widths in layers.items():
        body = "".join(f'      - conv: {{out: "{width}", kernel: 1}}\n' for width in widths)
        stages = "".join(f"  - {{name: s{index}, block: u, k: {index + 1}}}\n" for index in range(8))
        text = (
            f"name: spec\nfactors:\n{factors}input: {{size: 8}}\nblocks:\n  u:\n    arguments: [k]\n"
            f"    layers:\n{body}stages:\n{stages}  - {{name: pool, layers: [mean]}}\n"
            "  - {name: fc, layers: [linear: {out: classes}]}\n"
        )
        for options in ((), ("--relaxed",), ("--quantity", "bytes", "--format", "latex")):
            option = "_".join(option.lstrip("-") for option in options[:1])
            yield Case(
                f"form_{name}_{option or 'macs'}",
                ("formula", "spec.yaml", *options),
                {"spec.yaml": text.encode()},
            )


def _key_rules() -> Iterator[Case]:
    texts = {
        "tag": "code_bases: !!python/name:os.system\n",
        "list": "- 1\n",
        "expression": "code_bases: {a: {modules: {body: '(a+)+$'}}}\n",
        "two_numbers": "code_bases: {a: {modules: {'{i}{i}': x}}}\n",
        "own_name": "code_bases: {x3dspec: {modules: {body: x}}}\n",
        "option_self": "code_bases: {a: {modules: {body: x}, options: {self: 1}}}\n",
        "option_of_code": "code_bases: {a: {modules: {body: x}, options: {kind: \"__import__('os')\"}}}\n",
        "option_true": "code_bases: {a: {modules: {body: x}, options: {kind: true}}}\n",
        "escape": 'code_bases: {a: {modules: {"\\e[2J": x}}}\n',
        "unknown": "code_bases: {}\neval: 1\n",
        "null": "code_bases: null\n",
        "bomb": "a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\ncode_bases: "
        + "[" * 60
        + "*b"
        + "]" * 60
        + "\n",
    }
    # A checkpoint that is read, so that the keys' own rules are what is refused.
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    weights = struct.pack("<Q", len(header)) + header + b"\0" * 4
    for name, text in texts.items():
        files = {"spec.yaml": spec().encode(), "keys/spec.yaml": text.encode(), "x.safetensors": weights}
        arguments = ("convert-weights", "x.safetensors", "--spec", "spec.yaml", "-o", "y.pt")
        yield Case(f"keys_{name}", arguments, files)


# Checkpoints


class _Runs:
    """Pickles to a call."""

    def __init__(self, *call: object) -> None:
        self.call = call

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        function, *arguments = self.call
        return function, tuple(arguments)


def _checkpoints() -> Iterator[Case]:
    import os

    import torch

    def saved(value: object) -> bytes:
        buffer = BytesIO()
        torch.save(value, buffer)
        return buffer.getvalue()

    def archive(payload: bytes, compression: int = zipfile.ZIP_STORED) -> bytes:
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w", compression) as file:
            file.writestr("archive/data.pkl", payload)
            file.writestr("archive/version", "3\n")
        return buffer.getvalue()

    old = BytesIO()
    torch.save({"a": torch.zeros(77)}, old, _use_new_zipfile_serialization=False)
    long = struct.pack("<Q", 2**62)
    header = json.dumps({"a": {"dtype": "F32", "shape": [2**40, 2**20], "data_offsets": [0, 4]}}).encode()
    files = {
        "pickle_system.pt": pickle.dumps(_Runs(os.system, "touch pwned")),
        "pickle_eval.pth": pickle.dumps({"state_dict": _Runs(eval, "open('pwned', 'w')")}),
        "archive_system.pyth": archive(pickle.dumps(_Runs(os.system, "touch pwned"), 2)),
        "archive_exec.pt": archive(pickle.dumps({"model_state": _Runs(exec, "open('pwned', 'w')")}, 2)),
        "archive_without_end.pt": archive(b"\x80\x02" + b"(" * 100_000),
        "archive_memo.pt": archive(b"\x80\x02]" + b"q\x00h\x00a" * 10_000 + b"."),
        "compressed.pt": archive(b"\x80\x02" + b"(0" * 10**8, zipfile.ZIP_DEFLATED),
        "large_storage.pt": old.getvalue().replace(b"KM", b"J\xff\xff\xff\x7f"),
        "cut.pt": saved({"a": torch.zeros(9)})[:-200],
        "empty.pt": b"",
        "text.pt": b"{'a': 1}",
        "zip_of_nothing.pt": archive(b""),
        "numbers.pt": saved({"a": 1, "b": [2, 3]}),
        "list.pt": saved([torch.zeros(2)]),
        "nested.pt": saved({"state_dict": {"model": {"module": {"net": {"model": {"a": torch.zeros(1)}}}}}}),
        "keys_with_escapes.pt": saved(
            {"\x1b[2J\nspec.yaml:1:1: x": torch.zeros(1), "b" * 5000: torch.zeros(1)}
        ),
        "key_no_text.pt": saved({1: torch.zeros(1), (2, 3): torch.zeros(1)}),
        "expanded.pt": saved({"fc1.weight": torch.zeros(1).expand(2**20, 2**20)}),
        "long_header.safetensors": long + b"{}",
        "false_shape.safetensors": struct.pack("<Q", len(header)) + header + b"\0" * 4,
        "no_json.safetensors": struct.pack("<Q", 8) + b"{{{{{{{{",
        "nothing.safetensors": b"",
        "deep.safetensors": struct.pack("<Q", 20_000) + b'{"a":' * 4000,
        "not_a_checkpoint.exe": b"MZ",
    }
    for name, raw in files.items():
        arguments = ("convert-weights", name, "--spec", "x3d_xs", "-o", "converted.pt")
        yield Case(f"checkpoint_{name}", arguments, {name: raw})
    yield Case(
        "checkpoint_zero",
        ("convert-weights", "zero.pt", "--spec", "x3d_xs", "-o", "y.pt"),
        {},
        (("zero.pt", "/dev/zero"),),
    )
    yield Case("checkpoint_missing", ("convert-weights", "none.pt", "--spec", "x3d_xs", "-o", "y.pt"))
