"""Machine code of a program: optimised, loaded into this process, kept in a folder."""

import ctypes
import os
import platform
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any, Final
from uuid import uuid4

import llvmlite
import llvmlite.binding as llvm

from stopward.replay.machine.program import ENTRY

GENERIC: Final = "generic"
"""Code for any processor of this family, instead of for this one."""
EFFORT: Final = 2
"""Of 3: more takes longer and makes nothing quicker here."""
DIGEST_BYTES: Final = sha256().digest_size
READ_BY_ALL: Final = 0o644
_ONE_AT_A_TIME: Final = Lock()
_loaded: Final[list[Any]] = []
"""Engines hold the code that is called; what was loaded stays."""
Entered = Callable[[bytes, Any], int]


@cache
def processor(name: str | None = None) -> tuple[str, str]:
    """Return a processor and what it can do: this one's, or GENERIC."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    if name == GENERIC:
        return GENERIC, ""
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def versions(name: str | None = None) -> str:
    """Return what machine code depends on beside its sources."""
    known = (llvmlite.__version__, *llvm.llvm_version_info, sys.implementation.cache_tag)
    return " ".join(map(str, (*known, platform.machine(), *processor(name))))


@cache
def _machine(name: str | None) -> Any:
    known, features = processor(name)
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=known, features=features, opt=EFFORT, codemodel="jitdefault"
    )


def object_of(text: str, name: str | None = None) -> bytes:
    """Return the object file of a program.

    Nothing is reordered in sums, and no product is fused into one: the numbers are Python's.
    Loops are not vectorised: they branch on every bar, and looking for it takes long.
    """
    machine = _machine(name)
    with _ONE_AT_A_TIME:
        module = llvm.parse_assembly(text)
        module.triple = llvm.get_default_triple()
        module.data_layout = str(machine.target_data)
        options = llvm.create_pipeline_tuning_options(speed_level=EFFORT)
        options.loop_vectorization = False
        options.slp_vectorization = False
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
        made: bytes = machine.emit_object(module)
        return made


def loaded(code: bytes, name: str | None = None) -> Entered:
    """Return the entry of an object file, ready to be called; the interpreter is free meanwhile."""
    with _ONE_AT_A_TIME:
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine(name))
        engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        engine.finalize_object()
        _loaded.append(engine)
        kind = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_char_p, ctypes.c_void_p)
        entered: Entered = kind(engine.get_function_address(ENTRY))
        return entered


def keep(code: bytes, path: Path) -> None:
    """Write an object file after its digest, whoever else writes it at the same time.

    Where the folder cannot be written nothing is kept, and the next process compiles again.
    """
    beside = path.with_suffix(f".{uuid4().hex}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_bytes(_digest(code, path) + code)
            beside.chmod(READ_BY_ALL)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


def kept(path: Path) -> bytes | None:
    """Return the object file that was kept there; None where there is none to be trusted.

    That is one that is not as it was written, or was written for another place, or by another user
    than this one and root, or may be written by everybody.
    """
    try:
        with path.open("rb") as file:
            about, found = os.fstat(file.fileno()), file.read()
    except OSError:
        return None
    if about.st_uid not in {0, os.geteuid()} or about.st_mode & stat.S_IWOTH:
        return None
    digest, code = found[:DIGEST_BYTES], found[DIGEST_BYTES:]
    return code if _digest(code, path) == digest else None


def _digest(code: bytes, path: Path) -> bytes:
    """Return a digest of code and of what it is for: its name, and its folder's."""
    return sha256(f"{path.parent.name}/{path.name}\0".encode() + code).digest()
