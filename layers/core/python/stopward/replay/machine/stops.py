"""Why machine code stops: where the interpreter would raise, it does not go on either."""

from typing import Final

BEYOND: Final = 1
NOUGHT: Final = 2
NO_WHOLE: Final = 3
TOO_LARGE: Final = 4
WHY: Final = {
    BEYOND: "at a place beyond the ends of a column or of a table of constants",
    NOUGHT: "at a division by nought",
    NO_WHOLE: "at a float that no whole number of 64 bits comes of",
    TOO_LARGE: "at a whole number beyond 64 bits",
}
"""By what the entry of a program returns; 0 is the end that was to be."""
DECLARED: Final = (
    "declare i32 @_setjmp(ptr) returns_twice nounwind",
    "declare void @longjmp(ptr, i32) noreturn nounwind cold",
)
"""Of the C library: no frame of Python lies between the jump and where it lands."""
PLACE_BYTES: Final = 1024
"""Of what `_setjmp` remembers; the largest takes 400."""
PARAMETER: Final = "ptr %out"
"""Handed to every function: where `_setjmp` remembered how to get out."""


def jump(stop: int) -> list[str]:
    """Return the block that gets out; nothing comes after it."""
    return [f"stop{stop}:", f"  call void @longjmp({PARAMETER}, i32 {stop})", "  unreachable"]
