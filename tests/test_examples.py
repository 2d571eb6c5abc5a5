"""The example notebooks: their code is public, they were executed, and they still run."""

import ast
import importlib.util
import json
import os
from pathlib import Path

import pytest

import ganvas

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
LARGEST_BYTES = 500_000
notebooks = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells_of(path):
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


def source_of(cell):
    return "".join(cell["source"])


def test_there_is_one():
    assert [path.name for path in NOTEBOOKS] == ["folder-to-scorecard.ipynb"]


@notebooks
def test_its_code_uses_public_names_alone(path):
    trees = [ast.parse(source_of(cell)) for cell in cells_of(path)]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    assert "ganvas" in imported
    assert not [name for name in imported if name.startswith("ganvas.")]
    assert not [node for node in nodes if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ganvas")]
    attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
    assert not [node.attr for node in attributes if node.attr.startswith("_")]
    used = {node.attr for node in attributes if isinstance(node.value, ast.Name) and node.value.id == "ganvas"}
    assert used <= set(ganvas.__all__)
    assert {"prepare", "train"} <= used


@notebooks
def test_it_was_executed_from_its_first_cell_to_its_last_without_an_error(path):
    cells = cells_of(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    text = json.dumps(outputs)
    assert "\\u001b" not in text
    assert text.count("image/png") >= 4
    assert path.stat().st_size < LARGEST_BYTES


@notebooks
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(importlib.util.find_spec("nbclient") is None, reason="needs nbclient and ipykernel")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:jupyter_client", "ignore::ResourceWarning")
def test_it_runs(path, tmp_path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("GANVAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(ROOT / "src"), os.environ.get("PYTHONPATH")))))
    (tmp_path / "here").mkdir()
    notebook = nbformat.read(path, 4)
    NotebookClient(notebook, timeout=1500, resources={"metadata": {"path": str(tmp_path / "here")}}).execute()
    executed = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell, committed in zip(executed, cells_of(path), strict=True):
        kinds = [output["output_type"] for output in committed["outputs"] if output["output_type"] == "execute_result"]
        assert [output.output_type for output in cell.outputs if output.output_type == "execute_result"] == kinds
        assert not [output for output in cell.outputs if output.get("name") == "stderr"]
    assert (tmp_path / "here" / "runs" / "images-modern-s0" / "scorecard.html").is_file()
