"""Runs docs/tutorial.ipynb and keeps in it what the cells show, so that the page can be read without running it.

    python scripts/tutorial.py

What goes to stderr is left out, and pictures have 128 colours: the file is for reading.
"""

import base64
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

NOTEBOOK = Path(__file__).resolve().parents[1] / "docs" / "tutorial.ipynb"
COLOURS = 128
SHOWN = ("image/png", "text/html", "text/plain")


def main() -> None:
    """Writes the notebook anew."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": folder}}).execute()
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs = [kept(output) for output in cell.outputs if output.get("name") != "stderr"]
    notebook.metadata = {"kernelspec": notebook.metadata["kernelspec"], "language_info": {"name": "python"}}
    nbformat.write(notebook, NOTEBOOK)


def kept(output: Any) -> Any:
    """An output without what nobody reads, its picture smaller."""
    if "data" in output:
        best = next(kind for kind in SHOWN if kind in output.data)
        output.data = {kind: output.data[kind] for kind in dict.fromkeys((best, "text/plain"))}
        output.metadata = {}
        if best == "image/png":
            output.data[best] = smaller(output.data[best])
    return output


def smaller(png: str) -> str:
    """The picture with few colours, base64."""
    file = BytesIO()
    image = Image.open(BytesIO(base64.b64decode(png))).convert("RGB").quantize(COLOURS)
    image.save(file, format="PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


if __name__ == "__main__":
    main()
