"""The expression language of a spec: text in, a small tree out; nothing is evaluated.

The grammar is a whitelist. What it does not name cannot be written: no attribute access beyond
``stage.argument``, no indexing, no call of anything but the functions listed in :data:`FUNCTIONS`.
Text is bounded before it is read, the tree while it is built, so that no input makes the later
stages recurse or grow without limit.

    condition   := conjunction ("or" conjunction)*
    conjunction := negation ("and" negation)*
    negation    := "not" negation | comparison
    comparison  := sum (("==" | "!=") sum)?
    sum         := product (("+" | "-") product)*
    product     := unary (("*" | "/") unary)*
    unary       := "-" unary | power
    power       := atom ("**" unary)?
    atom        := number | 'text' | name | name "." name | function "(" condition, ... ")"
                 | "(" condition ")"
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from x3dspec.language.errors import shown, unknown
from x3dspec.language.syntax import Apply, ExpressionError, Name, Number, Syntax, Text, depth
from x3dspec.language.tokens import exact_number, tokens, unexpected

#: An expression longer than this is not something a person reads in a table.
MAX_LENGTH = 400
#: Deep enough for any formula of a stage table, shallow enough for every recursive walk.
MAX_DEPTH = 24

#: Operations of all expressions of a file, as they are written and again as its stages use them. X2D has
#: 637. Each is bounded; this bounds them together, so that every machine refuses the same files.
MAX_OPERATIONS = 20_000

#: Every function, with the least and the most arguments it takes.
FUNCTIONS = {
    "sqrt": (1, 1),
    "ceil": (1, 1),
    "floor": (1, 1),
    "round": (1, 1),
    "round_to": (2, 2),
    "round_width": (1, 2),
    "min": (2, 8),
    "max": (2, 8),
    "cycle": (1, 64),
}
_CONSTANTS = {"true": Fraction(1), "false": Fraction(0)}


@lru_cache(maxsize=1024)
def parse(text: str) -> Syntax:
    """Read one expression. The same text gives the same tree: aliases repeat it.

    Raises:
        ExpressionError: naming the character at fault, or the bound that was passed.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"expression longer than {MAX_LENGTH} characters")
    return _Parser(text).whole()


class _Parser:
    """Recursive descent, one method a rule of the grammar."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = list(tokens(text))
        self.at = 0
        self.depth = 0

    def whole(self) -> Syntax:
        tree = self.condition()
        kind, word, column = self.tokens[self.at]
        if kind != "end":
            raise unexpected(word, column, self.text)
        if depth(tree) > MAX_DEPTH:
            raise ExpressionError(f"expression nested deeper than {MAX_DEPTH}")
        return tree

    def take(self, *words: str) -> str | None:
        kind, word, _ = self.tokens[self.at]
        if kind in ("operator", "keyword") and word in words:
            self.at += 1
            return word
        return None

    def expect(self, word: str) -> None:
        if self.take(word) is None:
            kind, other, column = self.tokens[self.at]
            what = "the end" if kind == "end" else shown(other)
            where = f"at character {column} of {shown(self.text)}"
            raise ExpressionError(f"expected {word!r}, found {what} {where}")

    def nested(self) -> Syntax:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(f"expression nested deeper than {MAX_DEPTH}")
        tree = self.condition()
        self.depth -= 1
        return tree

    def condition(self) -> Syntax:
        tree = self.conjunction()
        while self.take("or"):
            tree = Apply("or", (tree, self.conjunction()))
        return tree

    def conjunction(self) -> Syntax:
        tree = self.negation()
        while self.take("and"):
            tree = Apply("and", (tree, self.negation()))
        return tree

    def negation(self) -> Syntax:
        negations = 0
        while self.take("not"):
            negations += 1
        tree = self.comparison()
        for _ in range(negations):
            tree = Apply("not", (tree,))
        return tree

    def comparison(self) -> Syntax:
        tree = self.sum()
        operator = self.take("==", "!=")
        return Apply(operator, (tree, self.sum())) if operator else tree

    def sum(self) -> Syntax:
        tree = self.product()
        while operator := self.take("+", "-"):
            tree = Apply(operator, (tree, self.product()))
        return tree

    def product(self) -> Syntax:
        tree = self.unary()
        while operator := self.take("*", "/"):
            tree = Apply(operator, (tree, self.unary()))
        return tree

    def unary(self) -> Syntax:
        signs = 0
        while self.take("-"):
            signs += 1
        tree = self.power()
        for _ in range(signs):
            tree = Apply("negate", (tree,))
        return tree

    def power(self) -> Syntax:
        base = self.atom()
        if not self.take("**"):
            return base
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ExpressionError(f"expression nested deeper than {MAX_DEPTH}")
        exponent = self.unary()
        self.depth -= 1
        return Apply("**", (base, exponent))

    def atom(self) -> Syntax:
        if self.take("("):
            tree = self.nested()
            self.expect(")")
            return tree
        kind, word, column = self.tokens[self.at]
        if kind == "end":
            what = f"unfinished expression {shown(self.text)}" if self.text.strip() else "empty expression"
            raise ExpressionError(what)
        self.at += 1
        if kind == "number":
            return Number(exact_number(word))
        if kind == "text":
            return Text(word[1:-1])
        if kind == "name":
            return self.named(word)
        raise unexpected(word, column, self.text)

    def named(self, word: str) -> Syntax:
        if self.tokens[self.at][1] != "(":
            return Number(_CONSTANTS[word]) if word in _CONSTANTS else Name(word)
        if word not in FUNCTIONS:
            raise ExpressionError(unknown("function", word, FUNCTIONS, "the functions are"))
        self.expect("(")
        arguments = [self.nested()]
        while self.take(","):
            arguments.append(self.nested())
        self.expect(")")
        least, most = FUNCTIONS[word]
        if not least <= len(arguments) <= most:
            count = str(least) if least == most else f"{least} to {most}"
            plural = "" if count == "1" else "s"
            raise ExpressionError(f"{word} takes {count} argument{plural}, not {len(arguments)}")
        return Apply(word, tuple(arguments))
