"""What the compiler of kernel functions refuses, for its code would not do what Python does."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stopward.errors import InvalidState
from stopward.replay import compiled as subject
from stopward.replay.machine.kinds import missing
from tests.builders.machine import FIRST_LINE, function_of

FLOATS = (2.0, 3.0)


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile anew, whatever was kept."""
    monkeypatch.setattr(subject, "_folder", None)


def two(*lines: str) -> str:
    """Return a function of two floats."""
    return of("x: float, y: float", *lines)


def of(arguments: str, *lines: str, returns: str = "float") -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f"def f({arguments}) -> {returns}:\n{body}\n"


def refused(text: str, folder: Path, arguments: Sequence[Any] = FLOATS) -> str:
    """Return how a function is refused."""
    function = function_of(text, folder)
    arguments = [each(function) if callable(each) else each for each in arguments]
    with pytest.raises(InvalidState) as error:
        subject.compiled(function)(*arguments)
    return str(error.value)


def box(function: Any) -> Any:
    """Return a Box of the function's own module."""
    around = function.__globals__
    pair = around["Pair"]
    return around["Box"](pair(1.0, 2.0), pair(3.0, 4.0))


NAMES = {
    "assigned on one way only": two("if x > 9.0:", "    z = 1.0", "return z"),
    "assigned after it is read": two("for n in range(2):", "    y = z", "    z = x", "return y"),
    "assigned in a loop that may not turn": two("for n in range(0):", "    z = x", "return z"),
    "a counter after its loop": two("for n in range(0):", "    y = x", "return y + n"),
    "a global that is a local later": two("z = TABLE[0] + NAN", "NAN = 1.0", "return z + NAN"),
    "a float, then a whole number": two("z = x", "z = 2", "return z"),
    "a float, then a truth": two("z = x", "z = x > y", "return x"),
    "None, then a float": two("z = None", "if x > y:", "    z = x", "return x"),
    "unknown": two("return x + nowhere"),
    "not a constant": two("return x + lower"),
    "text": two("return x + TEXT"),
    "too large": two("return x + HUGE"),
    "a truth of a number": two("return x if y else 1.0"),
}
LOOPS = {
    "a loop with an else": two(
        "for n in range(3):", "    x = y", "else:", "    x = 7.0", "return x"
    ),
    "a while with an else": two(
        "while x < y:", "    x = x + 1.0", "else:", "    x = 9.0", "return x"
    ),
    "a step": two("for n in range(5, 0, -1):", "    x = x + 1.0", "return x"),
    "another counter than range": two("for n in twice(y):", "    x = x + 1.0", "return x"),
    "a range of its own": two("for n in range(2):", "    x = x + 1.0", "range = 1", "return x"),
    "a range up to a float": two("for n in range(y):", "    x = x + 1.0", "return x"),
    "a counter that was a float": two("for x in range(3):", "    y = y + 1.0", "return x"),
}
NUMBERS = {
    "a truth less than a truth": two("return 1.0 if (x < y) < (y < x) else 2.0"),
    "a truth added": two("return x + (x < y)"),
    "a truth negated": two("return -(x < y)"),
    "operands of or": two("return x or y"),
    "a whole number as a float": two("return 1"),
    "a tuple of whole numbers": two("pair = Pair(0, 1)", "return -pair.first"),
    "one of each kind": two("return 1.0 if x > y else 0"),
    "a whole number compared with a float": of("x: int, y: float", "return 1.0 if x < y else 0.0"),
    "whole numbers divided": of("x: int, y: float", "return x / x"),
    "a floor left whole": two("return -math.floor(x)"),
    "a floor of a whole number": of("x: int, y: float", "return float(math.floor(x))"),
    "a power": two("return x**y"),
    "a floor division": two("return x // y"),
    "a remainder": two("return x % y"),
    "is another number": two("return 1.0 if x is y else 0.0"),
    "is True": two("return 1.0 if (x < y) is True else 0.0"),
    "in a tuple": two("return 1.0 if x in TABLE else 0.0"),
    "absolute": two("return abs(x)"),
    "the smaller": two("return min(x, y)"),
    "round": two("return round(x)"),
    "float of nothing": two("return float()"),
    "a table by a float": two("return TABLE[x]"),
    "a table of whole numbers": two("return x + SIZES[1]"),
    "a list that may change": two("return LIST[1]"),
    "an infinity of a module": two("return math.inf"),
    "a square root": two("return math.sqrt(x)"),
}
FUNCTIONS = {
    "calls itself": two("return x if x > y else f(x + 1.0, y)"),
    "keywords": two("return twice(x=y)"),
    "too few arguments": two("return twice()"),
    "too many fields": two("return Pair(x, y, x).first"),
    "too few fields": two("return Pair().first"),
    "a name that is called": two("twice = x", "return twice(y)"),
    "a number that is called": two("return lower(x)"),
    "a lambda": two("return (lambda z: z)(x)"),
    "an end without a result": two("if x > y:", "    return x"),
    "a return of nothing": two("if x > y:", "    return", "return x"),
    "a float for a truth": of("x: float, y: float", "return x", returns="bool"),
    "something for nothing": of("x: float, y: float", "return x", returns="None"),
    "a default": of("x: float, y: float, z: float = 1.0", "return x + z"),
    "only by keyword": of("x: float, y: float, *, NAN: float = 1.0", "return x + NAN"),
    "any number of arguments": of("x: float, y: float, *z: float", "return x"),
    "no result said": "def f(x: float, y: float):\n    return x\n",
    "a result nobody knows": "def f(x: float, y: float) -> 'Nobody':\n    return x\n",
    "decorated": "import functools\n\n\n@functools.cache\ndef g(x: float) -> float:\n"
    "    return x\n\n\n" + two("return g(x)"),
    "a closure": "def of(z: float):\n    def g(x: float) -> float:\n        return x + z\n"
    "    return g\n\n\ng = of(2.0)\n\n\n" + two("return g(x)"),
    "replaced": two("return g(x)") + "\n\ndef g(x: float) -> float:\n    return x\n\n\nh = g\n\n\n"
    "def g(x: float) -> float:\n    return 2.0 * x\n\n\ng = h\n",
}
STATEMENTS = {
    "x += 1.0": two("x += 1.0", "return x"),
    "x, y = y, x": two("x, y = y, x", "return x"),
    "x = y = 1.0": two("x = y = 1.0", "return x"),
    "z: float = x": two("z: float = x", "return z"),
    "assert x > y": two("assert x > y", "return x"),
    "del y": two("del y", "return x"),
    "global NAN": two("global NAN", "return x"),
    "[x, y][0]": two("return [x, y][0]"),
    "(z := y)": two("return x + (z := y)"),
}
MEMORY = {
    "one of two tuples": of("b: Box, x: float", "p = b.pair", "if x > 9.0:", "    p = b.other",
                            "return p.first"),
    "a tuple in a loop": of("b: Box, x: float", "p = b.pair", "for n in range(2):",
                            "    x = p.first", "    p = b.other", "return x"),
    "another tuple for an argument": of("b: Pair, x: float", "c = b.other", "b = b.pair",
                                        "return b.first + c.first"),
    "how long a tuple is": of("b: Box, x: float", "return x + len(b)"),
    "a tuple by place": of("b: Box, x: float", "return b[0].first"),
    "a tuple compared": of("b: Box, x: float", "return x if b.pair == b.other else 0.0"),
    "out of a loop over a tuple": of("b: Box, x: float", "for p in b:", "    if p is not None:",
                                     "        break", "return x"),
    "the part of a loop after it": of("b: Box, x: float", "for p in b:", "    x = x + 1.0",
                                      "return x if p is None else 0.0"),
    "a name that has another meaning": of("b: Box, x: float", "p = b.pair", "for p in b:",
                                          "    x = x + 1.0", "return x"),
    "no such field": of("b: Box, x: float", "return b.pear.first"),
}  # fmt: skip
CASES = NAMES | LOOPS | NUMBERS | FUNCTIONS | STATEMENTS
WHOLE_FIRST = {name for name, text in CASES.items() if text.startswith("def f(x: int")}


@pytest.mark.parametrize("name", CASES)
def test_what_would_not_do_what_python_does_is_refused(name: str, tmp_path: Path) -> None:
    said = refused(CASES[name], tmp_path, (2 if name in WHOLE_FIRST else 2.0, 3.0))
    assert said


@pytest.mark.parametrize("name", MEMORY)
def test_what_is_in_memory_has_one_name_that_means_one_place(name: str, tmp_path: Path) -> None:
    assert refused(MEMORY[name], tmp_path, (box, 1.0))


COLUMNS = {
    "a column of nothing is written": of("a: list, x: float", "a[0] = x", "return x"),
    "one of two columns": of(
        "a: list, x: float", "b = a", "if x > 9.0:", "    b = a", "return b[0]"
    ),
    "a part of a column": of("a: list, x: float", "return a[0:1][0]"),
    "a place that is no whole number": of("a: list, x: float", "return a[x]"),
    "a loop over a column": of("a: list, x: float", "for b in a:", "    x = b", "return x"),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_is_read_and_written_by_whole_places_only(name: str, tmp_path: Path) -> None:
    assert refused(COLUMNS[name], tmp_path, (missing(3), 1.0))


def test_it_says_the_file_the_line_and_what_is_written_there(tmp_path: Path) -> None:
    said = refused(two("z = x", "return twice(z) + abs(x)"), tmp_path)
    file, line, what = said.split(":", 2)
    assert Path(file).parent == tmp_path
    assert int(line) == FIRST_LINE + 2
    assert what == " abs(x): no machine code is made for it"


def test_it_says_so_of_a_function_that_is_called_too(tmp_path: Path) -> None:
    said = refused(
        "def g(x: float) -> float:\n    return x**x\n\n\n" + two("return g(x)"), tmp_path
    )
    assert int(said.split(":")[1]) == FIRST_LINE + 1
    assert "x ** x" in said


def test_a_source_that_changed_since_it_was_imported_is_refused(tmp_path: Path) -> None:
    function = function_of(two("return x + y"), tmp_path)
    path = Path(function.__code__.co_filename)
    path.write_text(path.read_text().replace("return x + y", "return x - y"))
    with pytest.raises(InvalidState, match="is not what"):
        subject.compiled(function)(*FLOATS)


@pytest.mark.parametrize("arguments", [(), (1.0,), (1.0, 2.0, 3.0)])
def test_it_takes_as_many_arguments_as_python(arguments: tuple[float, ...], tmp_path: Path) -> None:
    assert "2 arguments" in refused(two("return x"), tmp_path, arguments)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_a_whole_number_beyond_64_bits_is_no_argument(number: int, tmp_path: Path) -> None:
    assert "64 bits" in refused(of("x: int", "return float(x)"), tmp_path, (number,))


def test_a_column_whose_numbers_begin_between_two_words_is_refused(tmp_path: Path) -> None:
    odd = np.frombuffer(bytearray(25), np.uint8)[1:].view(np.float64)
    packed = np.zeros(3, np.dtype([("side", "i1"), ("price", "f8")]))["price"]
    for column in (odd, packed):
        assert "aligned" in refused(of("a: list", "return a[0]"), tmp_path, (column,))


def test_a_column_that_may_not_be_written_is_no_sink(tmp_path: Path) -> None:
    fixed = np.zeros(3)
    fixed.flags.writeable = False
    text = "from stopward.rules.columns import Sink\n\n\n" + of(
        "a: Sink", "a[0] = 1.0", "return 0.0"
    )
    assert "read only" in refused(text, tmp_path, (fixed,))
