"""The rules of the house, read from the source: who may import whom, what the core may use, sizes, types, words.

Every checker takes source text and returns complaints, so that each is also shown something bad.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in (ROOT / "imu_coach").rglob("*.py")}

RANKS = (
    ("conventions", "types", "exercise", "settings", "errors", "quat"),
    ("drivers",),
    ("core",),
    ("config", "phrases", "catalogue", "rules", "planner", "importers", "export", "recording", "store", "intent"),
    ("synthetic", "sources", "sinks", "virtual"),
    ("run", "live", "results", "offline", "recounting", "evaluate", "plot", "testing"),
    ("cli",),
)
"""Import order: a module imports from its own rank or those before it."""

PURE = ("imu_coach/core/", "imu_coach/drivers/")
"""Bytes in, values out: no clock, no thread, no file, no radio, no log."""
EDGE_ONLY = {"asyncio", "time", "datetime", "os", "pathlib", "logging", "random", "bleak", "threading", "socket"}

UNSTABLE = {"dot", "matmul", "einsum", "vdot", "inner", "tensordot", "vecdot", "matvec"}
"""numpy products whose last bits depend on how many rows come at once."""

MAX_FILE, MAX_FUNCTION = 350, 60

Function = ast.FunctionDef | ast.AsyncFunctionDef
Check = Callable[[str, str], list[str]]


def rank(module: str) -> int:
    """Where a top-level module stands; -1 when it has no place."""
    for i, names in enumerate(RANKS):
        if module in names:
            return i
    return -1


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything imported anywhere, also inside functions; no relative imports here."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{'.' * node.level}{node.module or ''}.{alias.name}") for alias in node.names)


def type_only(tree: ast.AST) -> set[int]:
    """Lines inside ``if TYPE_CHECKING:``."""
    blocks = (n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test).endswith("TYPE_CHECKING"))
    return {line for block in blocks for line in range(block.lineno, (block.end_lineno or 0) + 1)}


def top(path: str) -> str:
    """The top-level module of a file: imu_coach/core/body.py is in core."""
    return Path(path).parts[1].removesuffix(".py")


def import_order(path: str, text: str) -> list[str]:
    """A module imports only what stands before it; outside the core, what is for type checkers alone does not count."""
    own, tree = top(path), ast.parse(text)
    if own == "__init__":
        return []  # the public names, imported on first use
    if rank(own) < 0:
        return [f"{path}: {own} has no place in the import order"]
    found = []
    skipped = type_only(tree) if rank(own) > rank("core") else set()
    for line, name in imported(tree):
        if line in skipped:
            continue
        if name.startswith("."):
            found.append(f"{path}:{line}: relative import")
        elif name.startswith("imu_coach."):
            other = name.split(".")[1]
            if f"imu_coach/{other}.py" in FILES or f"imu_coach/{other}/__init__.py" in FILES or rank(other) >= 0:
                if rank(other) > rank(own):
                    found.append(f"{path}:{line}: {own} imports {other}, which stands after it")
            elif rank(own) < len(RANKS) - 1:
                found.append(f"{path}:{line}: {own} imports {other} from the package itself")
    return found


def purity(path: str, text: str) -> list[str]:
    """The core and the drivers touch nothing outside."""
    if not path.startswith(PURE):
        return []
    names = imported(ast.parse(text))
    return [f"{path}:{line}: imports {name}" for line, name in names if name.split(".")[0] in EDGE_ONLY]


def arithmetic(path: str, text: str) -> list[str]:
    """The core uses only arithmetic that gives the same bits for one row and for a thousand."""
    if not path.startswith("imu_coach/core/"):
        return []
    tree = ast.parse(text)
    found = [f"{path}:{line}: {name}" for line, name in imported(tree) if unstable(name)]
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.MatMult):
            found.append(f"{path}:{node.lineno}: the @ operator")
        elif isinstance(node, ast.Attribute) and unstable(ast.unparse(node)):
            found.append(f"{path}:{node.lineno}: {ast.unparse(node)}")
    return found


def unstable(name: str) -> bool:
    """Whether a dotted name is one of those products; our own ``quat.dot`` is elementwise."""
    if name in ("quat.dot", "imu_coach.quat.dot"):
        return False
    return "scipy.spatial" in name or name.split(".")[-1] in UNSTABLE


def functions(tree: ast.AST) -> Iterator[Function]:
    """Every function and method, nested ones too."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def typed(path: str, text: str) -> list[str]:
    """Every parameter and every return value has a type."""
    found = []
    for f in functions(ast.parse(text)):
        args = [*f.args.posonlyargs, *f.args.args, *f.args.kwonlyargs, f.args.vararg, f.args.kwarg]
        bare = [a.arg for a in args if a is not None and a.annotation is None and a.arg not in ("self", "cls")]
        bare += ["return"] if f.returns is None and f.name != "__init__" else []
        if bare:
            found.append(f"{path}:{f.lineno}: {f.name}: no type for {', '.join(bare)}")
    return found


def sizes(path: str, text: str) -> list[str]:
    """Files and functions that can be read in one sitting; a docstring does not count against a function."""
    lines = len(text.splitlines())
    found = [f"{path}: {lines} lines"] if lines > MAX_FILE else []
    for f in functions(ast.parse(text)):
        first = f.body[0]
        documented = ast.get_docstring(f) is not None and first.end_lineno is not None
        doc = first.end_lineno - first.lineno + 1 if documented and first.end_lineno else 0
        length = (f.end_lineno or f.lineno) - f.lineno + 1 - doc
        if length > MAX_FUNCTION:
            found.append(f"{path}:{f.lineno}: {f.name}: {length} lines")
    return found


def documented(files: Mapping[str, str]) -> dict[str, tuple[list[str], set[str]]]:
    """Of every class: its bases, and its methods that have a docstring."""
    classes = (n for text in files.values() for n in ast.walk(ast.parse(text)) if isinstance(n, ast.ClassDef))
    return {
        c.name: (
            [ast.unparse(base).split(".")[-1].split("[")[0] for base in c.bases],
            {f.name for f in c.body if isinstance(f, Function) and ast.get_docstring(f)},
        )
        for c in classes
    }


CLASSES = documented(FILES)
PROTOCOLS = {name for bases, names in CLASSES.values() if "Protocol" in bases for name in names}


def inherits(bases: list[str], method: str) -> bool:
    """Whether a base class documents this method."""
    known = [CLASSES[base] for base in bases if base in CLASSES]
    return any(method in names or inherits(above, method) for above, names in known)


def docstrings(path: str, text: str) -> list[str]:
    """Every module, and everything public in it; a method may have its docstring in a base class or a protocol."""
    tree = ast.parse(text)
    found = [] if ast.get_docstring(tree) else [f"{path}: no module docstring"]

    def visit(body: list[ast.stmt], owner: ast.ClassDef | None) -> None:
        bases = documented({"": ast.unparse(owner)})[owner.name][0] if owner else []
        for node in body:
            if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_") or ast.get_docstring(node):
                pass
            elif owner is None or not (node.name in PROTOCOLS or inherits(bases, node.name)):
                found.append(f"{path}:{node.lineno}: {owner.name + '.' if owner else ''}{node.name}: no docstring")
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                visit(node.body, node)

    visit(tree.body, None)
    return found


def cycles(files: Mapping[str, str]) -> list[str]:
    """Modules that need each other at import time (imports for type checkers and inside functions do not)."""
    needs: dict[str, set[str]] = {}
    names = {path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in files}
    for name, path in names.items():
        body = ast.Module([n for n in ast.parse(files[path]).body if isinstance(n, ast.Import | ast.ImportFrom)], [])
        wanted = [full for _, full in imported(body)]
        needs[name] = {n if n in names else n.rpartition(".")[0] for n in wanted} & set(names) - {name, "imu_coach"}
    while free := [name for name, others in needs.items() if not others & set(needs)]:
        for name in free:
            del needs[name]
    inside = {name for others in needs.values() for name in others}
    return [f"{name} imports {', '.join(sorted(needs[name] & set(needs)))}" for name in sorted(set(needs) & inside)]


CHECKS: tuple[Check, ...] = (import_order, purity, arithmetic, typed, sizes, docstrings)


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.__name__)
def test_package(check: Check) -> None:
    assert len(FILES) > 20, "the package is where this test looks for it"
    complaints = [complaint for path, text in sorted(FILES.items()) for complaint in check(path, text)]
    assert not complaints, "\n".join(["", *complaints])


def test_no_import_cycles() -> None:
    assert not cycles(FILES)


@pytest.mark.parametrize("check", [typed, sizes, docstrings], ids=lambda c: c.__name__)
def test_starter(check: Check) -> None:
    assert not check("dev.py", (ROOT / "dev.py").read_text("utf-8"))


# --- files that are shared ------------------------------------------------------------------------------------------

FORBIDDEN = tuple(
    "".join(parts)
    for parts in (
        ("/wo", "rk/"),
        ("/tm", "p/"),
        ("/ro", "ot/"),
        ("/ho", "me/"),
        ("pypi", ".org"),
        ("python", "hosted"),
        ("npm", "js"),
        ("index", "-url"),
        ("find", "-links"),
    )
)
"""Folders of somebody's machine, and where packages come from."""


def shared_files() -> list[Path]:
    """What git tracks or would; in an unpacked source distribution, everything."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    if (ROOT / ".git").exists():
        names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
        return [ROOT / name for name in names if name and (ROOT / name).is_file()]
    ignored = tuple(line.rstrip("/*") for line in (ROOT / ".gitignore").read_text("utf-8").split())
    files = (path for path in ROOT.rglob("*") if path.is_file())
    return [p for p in files if not any(part.startswith(ignored) for part in p.relative_to(ROOT).parts)]


def traces(content: bytes) -> list[str]:
    """What of a maker's machine is in a file."""
    return [word for word in FORBIDDEN if word.encode() in content]


def test_no_traces_of_a_machine() -> None:
    files = shared_files()
    assert ROOT / "pyproject.toml" in files
    found = {path.relative_to(ROOT).as_posix(): traces(path.read_bytes()) for path in files}
    assert not {path: words for path, words in found.items() if words}


# --- the checkers themselves ----------------------------------------------------------------------------------------

DOC = '"""Words."""\n'
LONG = "def f() -> None:\n" + DOC.replace("Words", "Words" + "\n" * 80).replace('"""', '    """', 1)
BAD: tuple[tuple[Check, str, str], ...] = (
    (import_order, "imu_coach/core/x.py", "from imu_coach.run import load"),
    (import_order, "imu_coach/core/x.py", "from imu_coach import config"),
    (import_order, "imu_coach/drivers/x.py", "import imu_coach.core.body"),
    (import_order, "imu_coach/quat.py", "def f() -> None:\n    from imu_coach.core import body"),
    (import_order, "imu_coach/types.py", "if TYPE_CHECKING:\n    from imu_coach.recording import Recording"),
    (import_order, "imu_coach/export/x.py", "if TYPE_CHECKING:\n    import pandas\nfrom imu_coach.run import Result"),
    (import_order, "imu_coach/core/x.py", "from . import body"),
    (import_order, "imu_coach/core/x.py", "from imu_coach import Recording"),
    (import_order, "imu_coach/newcomer.py", ""),
    (purity, "imu_coach/core/x.py", "import time"),
    (purity, "imu_coach/drivers/x.py", "def f() -> None:\n    from os.path import join"),
    (arithmetic, "imu_coach/core/x.py", "c = a @ b"),
    (arithmetic, "imu_coach/core/x.py", "a @= b"),
    (arithmetic, "imu_coach/core/x.py", "c = np.einsum('ij,ij->i', a, b)"),
    (arithmetic, "imu_coach/core/x.py", "c = a.dot(b)"),
    (arithmetic, "imu_coach/core/x.py", "from numpy import matmul"),
    (arithmetic, "imu_coach/core/x.py", "from scipy.spatial.transform import Rotation"),
    (arithmetic, "imu_coach/core/x.py", "from scipy import spatial"),
    (arithmetic, "imu_coach/core/x.py", "r = scipy.spatial.transform.Rotation"),
    (typed, "x.py", "def f(a) -> None: ..."),
    (typed, "x.py", "def f(a: int): ..."),
    (typed, "x.py", "class A:\n    async def f(self, *rest) -> None: ..."),
    (sizes, "x.py", "x = 1\n" * (MAX_FILE + 1)),
    (sizes, "x.py", "def f() -> None:\n" + "    x = 1\n" * MAX_FUNCTION),
    (docstrings, "x.py", "x = 1"),
    (docstrings, "x.py", DOC + "def f() -> None: ..."),
    (docstrings, "x.py", DOC + f"class A:\n    {DOC}    def f(self) -> None: ..."),
)
GOOD: tuple[tuple[Check, str, str], ...] = (
    (import_order, "imu_coach/core/x.py", "from imu_coach import quat\nfrom imu_coach.core.gaps import Gaps"),
    (import_order, "imu_coach/cli/x.py", "import imu_coach\nfrom imu_coach import __version__"),
    (import_order, "imu_coach/export/x.py", "if TYPE_CHECKING:\n    from imu_coach.run import Result"),
    (purity, "imu_coach/run.py", "import time\nfrom pathlib import Path"),
    (purity, "imu_coach/core/x.py", "from itertools import pairwise"),
    (arithmetic, "imu_coach/core/x.py", "@cache\ndef f() -> float:\n    return quat.dot(a, b)"),
    (arithmetic, "imu_coach/plot.py", "c = a @ b"),
    (typed, "x.py", "class A:\n    def __init__(self, a: int): ...\n    def f(self) -> int: ..."),
    (sizes, "x.py", LONG),
    (sizes, "x.py", "def f() -> None:\n" + "    x = 1\n" * (MAX_FUNCTION - 1)),
    (docstrings, "x.py", DOC + f"class Mine:\n    {DOC}    def decode(self) -> None: ..."),
    (docstrings, "x.py", DOC + f"class Mine(imu_coach.errors.ConfigError):\n    {DOC}    def __init__(self): ..."),
    (docstrings, "x.py", DOC + "def _f() -> None: ...\nclass _A:\n    def g(self) -> None: ..."),
)


@pytest.mark.parametrize(("check", "path", "text"), BAD)
def test_checkers_see_what_is_bad(check: Check, path: str, text: str) -> None:
    assert check(path, text)


@pytest.mark.parametrize(("check", "path", "text"), GOOD)
def test_checkers_let_pass_what_is_good(check: Check, path: str, text: str) -> None:
    assert not check(path, text)


def test_cycles_are_seen() -> None:
    a, b = "from imu_coach.b import f", "from imu_coach import a"
    assert cycles({"imu_coach/a.py": a, "imu_coach/b.py": b})
    assert not cycles({"imu_coach/a.py": a, "imu_coach/b.py": f"def g():\n    {b}"})


@pytest.mark.parametrize("word", FORBIDDEN)
def test_traces_are_seen(word: str) -> None:
    assert traces(b"x" + word.encode() + b"y") == [word]
