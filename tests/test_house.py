"""The laws of the house, read from the tree itself."""

import ast
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
HOUSE = ROOT / "src" / "ganvas"
FILES = sorted(HOUSE.rglob("*.py"))

FLOORS = (
    (
        "errors",
        "settings",
        "rng",
        "machine",
        "threads",
        "images",
        "png",
        "film",
        "encoded",
        "levels",
        "sizes",
        "alpha",
        "sheets",
        "files",
        "console",
    ),
    ("data", "networks", "objectives"),
    ("config", "report"),
    ("runs",),
    ("sampling",),
    ("evaluation",),
    ("training",),
    ("experiments", "export", "studio"),
    ("api",),
    ("cli",),
    ("__main__",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms} | {"__version__": -1}

# Where a heavy library may be imported.
DOORS = {
    "rich": {"console/progress.py"},
    "IPython": {"console/notebook.py"},
    "markdown_it": {"report/page.py"},
    "matplotlib": {"report/canvas.py"},
    "accelerate": {"training/engine.py"},
    "psutil": {"threads.py"},
    "safetensors": {"runs/weights.py"},
    "mlxtend": {"data/sources/digits.py"},
    "datasets": {"data/sources/hub.py"},
    "huggingface_hub": {"runs/hub.py"},
    "torchmetrics": set(),  # an oracle of the tests alone
    "efficientnet_lite_pytorch": {"evaluation/features.py"},
    "torch_fidelity": {"evaluation/features.py"},
    "onnx": {"export/onnx.py"},
    "onnxruntime": {"export/onnx.py"},
    "onnxscript": set(),  # of PyTorch's exporter
    "transformers": {"evaluation/features.py"},
    "cyclopts": {"cli/__init__.py"},
    "PIL": {"images.py", "png.py", "film.py"},
    "fastapi": {"studio/app.py", "studio/image_routes.py", "studio/work_routes.py"},
    "starlette": {"studio/app.py"},
    "uvicorn": {"studio/server.py"},
    "pillow_heif": {"images.py"},
}
MOST_LINES_OF_A_FUNCTION = {"training/step.py": 40, "training/loop.py": 120}
BANNED_ROOMS = {"manager", "handler", "helper", "helpers", "util", "utils", "misc", "common", "base"}
BANNED_IMPORTS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "torchvision"}


class Import(NamedTuple):
    module: str
    """`ganvas.data.spec`, `torch.nn`: as written, a name taken from a room included where it is a module."""
    line: int
    for_types_only: bool
    inside_a_function: bool


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def place(file: Path) -> str:
    return file.relative_to(HOUSE).as_posix()


def module(file: Path) -> str:
    parts = file.relative_to(HOUSE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(name: str) -> str:
    """`ganvas.data.spec` -> `data`; the package itself -> ``."""
    return name.partition(".")[2].partition(".")[0]


MODULES = {module(file): file for file in FILES}


def taken_from_ganvas(file: Path) -> list[str]:
    nodes = (node for node in ast.walk(tree(file)) if isinstance(node, ast.Attribute))
    return [f"ganvas.{node.attr}" for node in nodes if isinstance(node.value, ast.Name) and node.value.id == "ganvas"]


def imports(file: Path) -> Iterator[Import]:
    def visit(node: ast.AST, types: bool, inside: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
            # `import ganvas` is as deep as what is taken from it.
            names = [used for name in names for used in (taken_from_ganvas(file) if name == "ganvas" else [name])]
            yield from (Import(name, node.lineno, types, inside) for name in names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{place(file)}:{node.lineno} imports relatively"
            for name in node.names:
                deeper = f"{node.module}.{name.name}"
                is_whole = deeper in MODULES or deeper == "ganvas.__version__"
                yield Import(deeper if is_whole else str(node.module), node.lineno, types, inside)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.body:
                yield from visit(child, True, inside)
            for child in node.orelse:
                yield from visit(child, types, inside)
        else:
            inside = inside or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for child in ast.iter_child_nodes(node):
                yield from visit(child, types, inside)

    return visit(tree(file), False, False)


def ours(file: Path) -> Iterator[Import]:
    return (found for found in imports(file) if found.module.split(".")[0] == "ganvas")


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree(file)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_room_has_a_floor():
    assert {room(name) for name in MODULES} - {""} <= set(FLOOR)


def test_everything_imports_downstairs():
    wrong = []
    for file in FILES:
        here = room(module(file))
        if not here:
            continue  # the package itself: see the test on laziness
        for found in ours(file):
            there = room(found.module)
            if there not in FLOOR or not (
                there == here or FLOOR[there] < FLOOR[here] or FLOOR[there] == FLOOR[here] == 0
            ):
                wrong.append(f"{place(file)}:{found.line} imports {found.module}")
    assert not wrong


def test_the_package_itself_imports_its_rooms_only_when_asked():
    early = [f.module for f in ours(HOUSE / "__init__.py") if not (f.inside_a_function or f.for_types_only)]
    assert not early


def test_no_module_needs_itself():
    needs = {
        name: {found.module for found in ours(file) if not found.for_types_only} - {name, "ganvas"}
        for name, file in MODULES.items()
        if name != "ganvas"
    }
    # Take away what needs nothing, over and over: what stays needs itself.
    while free := {name for name, needed in needs.items() if not needed & needs.keys()}:
        needs = {name: needed for name, needed in needs.items() if name not in free}
    assert not needs


def test_a_heavy_library_has_one_door():
    wrong = [
        f"{place(file)}:{found.line} imports {found.module}"
        for file in FILES
        for found in imports(file)
        if place(file) not in DOORS.get(found.module.split(".")[0], {place(file)}) and not found.for_types_only
    ]
    assert not wrong


def test_a_file_has_at_most_300_lines():
    long = {place(file): lines for file in FILES if (lines := len(file.read_text("utf-8").splitlines())) > 300}
    assert not long


def test_a_function_fits_on_a_screen():
    wrong = {}
    for file in FILES:
        most = MOST_LINES_OF_A_FUNCTION.get(place(file), 60)
        for function in functions(file):
            lines = int(function.end_lineno or 0) - function.lineno + 1
            if lines > most:
                wrong[f"{place(file)}:{function.name}"] = f"{lines} lines, at most {most}"
    assert not wrong


def test_no_room_is_named_after_nothing():
    words = {place(file): set(re.split(r"[/_.]", place(file))) for file in FILES}
    assert not {name: found for name, parts in words.items() if (found := parts & BANNED_ROOMS)}


# One name, one meaning: these name the same act everywhere, on what their module is about.
SHARED_NAMES = {"markdown", "verdict"}


def test_no_two_functions_or_classes_of_one_name_mean_different_things():
    places = defaultdict(list)
    for file in FILES:
        for node in tree(file).body:
            # `ganvas train` and `ganvas.train` call `train`.
            is_command = place(file) in [f"{room}/{getattr(node, 'name', '')}.py" for room in ("cli", "api")]
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_") and not is_command:
                places[node.name].append(place(file))
    assert not {name: found for name, found in places.items() if len(found) > 1 and name not in SHARED_NAMES}


@pytest.mark.parametrize("word", ["picture", "judge", "knob", "twin", "told", "gone on with"])
def test_words_that_the_field_does_not_use_are_gone(word):
    # A purpose of random numbers is no word for a reader: another one would draw other numbers. Old names of options
    # are known, to name the new ones.
    exempt = re.compile(r"stream\(|seed_weights\(|list of knobs")
    known = {"config/flags.py", "cli/list.py"}
    lines = [
        f"{place(file)}:{number}: {line.strip()}"
        for file in FILES
        for number, line in enumerate(file.read_text("utf-8").splitlines(), start=1)
        if re.search(rf"(?i)(?<![a-z]){word}", line) and not exempt.search(line) and place(file) not in known
    ]
    assert not lines


def unsafe(node: ast.AST) -> bool:
    """Whether a piece of syntax runs, or lets run, code out of a file."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr="load"), keywords=given):
            # Tensors alone, said so in the call; never what a file brings along.
            return not any(each.arg == "weights_only" and ast.unparse(each.value) == "True" for each in given)
        case ast.Attribute(value=ast.Name(id="torch"), attr="save" | "hub"):
            return True
        case ast.ImportFrom(module="torch", names=names):
            return any(name.name in ("load", "save", "hub") for name in names)
        case ast.keyword(arg="weights_only", value=ast.Constant(value=False)):
            return True
        case ast.keyword(arg="allow_pickle", value=ast.Constant(value=True)):
            return True
        case ast.Call(func=ast.Name(id="eval" | "exec")):
            return True
        case _:
            return False


@pytest.mark.parametrize(
    "line",
    [
        "torch.load(path)",
        "torch.load(path, weights_only=chosen)",
        "torch.save(x, path)",
        "from torch import load",
        "f(path, weights_only=False)",
        "np.load(path, allow_pickle=True)",
        "eval(text)",
        "exec(text)",
    ],
)
def test_the_law_against_unsafe_code_sees(line):
    assert any(unsafe(node) for node in ast.walk(ast.parse(line)))


def test_the_law_against_unsafe_code_lets_tensors_be_read():
    assert not any(unsafe(node) for node in ast.walk(ast.parse("torch.load(path, weights_only=True)")))


def test_no_code_runs_out_of_a_file():
    wrong = [f"{place(f)}: {ast.unparse(node)}" for f in FILES for node in ast.walk(tree(f)) if unsafe(node)]
    wrong += [
        f"{place(file)}:{found.line} imports {found.module}"
        for file in FILES
        for found in imports(file)
        if found.module.split(".")[0] in BANNED_IMPORTS
    ]
    assert not wrong


def named_in_readme() -> list[str] | None:
    """The first column of the README's tree; None without one."""
    text = (ROOT / "README.md").read_text("utf-8")
    block = re.search(r"^```[^\n]*\n(src/ganvas/.*?)^```", text, re.MULTILINE | re.DOTALL)
    if block is None:
        return None
    # Branches and floor numbers may stand before a name. After it: two spaces, or the end; or one space where a folder
    # or a room's name fills its column. Other lines go on with the prose of the one above.
    entry = re.compile(r"^[\s│├└─|`+-]*(?:\d+\s+)?([\w./-]+)(\s{2}|\s*$|\s)")
    found = [entry.match(line) for line in block[1].splitlines()[1:]]
    return [
        match[1].rstrip("/").removesuffix(".py")
        for match in found
        if match and (match[2] != " " or match[1].endswith("/") or match[1] in FLOOR)
    ]


def test_the_tree_in_the_readme_is_the_disk():
    named = named_in_readme()
    if named is None:
        pytest.skip("the README shows no tree that begins with src/ganvas/")
    on_disk = {path.relative_to(HOUSE).as_posix() for path in HOUSE.rglob("*")} | {path.name for path in ROOT.iterdir()}
    on_disk |= {path.name for path in HOUSE.rglob("*")}
    known = {name.removesuffix(".py") for name in on_disk}
    assert not [name for name in named if name not in known]
    rooms = {room(name) for name in MODULES} - {"", "__main__"}
    assert not rooms - {name.split("/")[-1] for name in named}


def required(name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> Iterator[str]:
    """The names of everything that a distribution asks for with some extras, itself included."""
    from packaging.requirements import Requirement

    yield name
    if (name, extras) in seen:
        return
    seen.add((name, extras))
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return  # an extra that is not installed here: its name is known, what it asks for is not
    for line in lines:
        needed = Requirement(line)
        if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in {"", *extras}):
            yield from required(needed.name.lower().replace("_", "-"), frozenset(needed.extras), seen)


def test_our_dependencies_never_name_torchvision():
    extras = frozenset(metadata.metadata("ganvas").get_all("Provides-Extra") or [])
    assert "digits" in extras
    names = set(required("ganvas", extras, set()))
    assert {"torch", "numpy", "mlxtend"} <= names
    assert "torchvision" not in names


@pytest.mark.skipif("CI" not in os.environ, reason="an ordinary user's torch may bring these")
def test_where_we_test_nothing_heavy_came_along():
    names = {distribution.name.lower() for distribution in metadata.distributions()}
    assert not [name for name in names if name == "torchvision" or name.startswith("nvidia-")]


def test_the_repository_speaks_of_ganvas_alone():
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    wrong = []
    for name in filter(None, listed.decode().split("\0")):
        try:
            text = (ROOT / name).read_text("utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # an image; a file taken away and not yet committed
        # Put together here, so that this file does not name them itself.
        wrong += [f"{name}: {place}" for place in ("/" + "work/", "/" + "tmp/") if place in text]
    assert not wrong


def loaded_by(program: str) -> set[str]:
    """The top-level modules in memory after a program in a fresh interpreter."""
    ending = "\nimport sys; print('LOADED', *sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program + ending], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("LOADED")[2].split())


HEAVY = {"torch", "matplotlib", "PIL", "accelerate", "datasets", "mlxtend", "safetensors"}


def test_importing_the_package_loads_nothing_heavy():
    assert not loaded_by("import ganvas") & HEAVY


def test_help_loads_nothing_heavy():
    program = """
import sys
sys.argv = ["ganvas", "--help"]
from ganvas.__main__ import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""
    assert not loaded_by(program) & HEAVY


def test_saying_a_line_loads_nothing_heavy():
    assert not loaded_by("from ganvas import console; console.info('hello')") & (HEAVY | {"rich"})
