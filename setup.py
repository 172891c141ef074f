"""Packaging; tools are configured in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION: dict[str, str] = {}
exec((HERE / "explainer" / "version.py").read_text(encoding="utf-8"), VERSION)

DEMO = ["scikit-learn>=1.3"]
DOCS = ["mkdocs-material>=9.6", "mkdocstrings-python>=2"]
FIGURE = ["matplotlib>=3.8"]
MINDCV = ["mindcv>=0.3"]
PANDAS = ["pandas>=2"]
RAY = ["ray>=2.40"]
REMOTE = ["fsspec>=2024.2", "s3fs>=2024.2"]
SERVE = ["starlette>=0.40", "uvicorn>=0.30"]
TENSORBOARD = ["tensorboardX>=2.6"]
TEST = [
    *DEMO,
    *DOCS,
    *FIGURE,
    *MINDCV,
    *PANDAS,
    *RAY,
    *REMOTE,
    *SERVE,
    *TENSORBOARD,
    "build>=1.2",
    "flask>=2.3",
    "flask-cors>=4",
    "grpcio-tools>=1.82",
    "hypothesis>=6.100",
    "ipykernel>=6.29",
    "moto[s3]>=5",
    "mypy>=1.11",
    "nbclient>=0.10",
    "nbformat>=5.10",
    "playwright>=1.50",
    "pytest>=8.2",
    "pytest-xdist>=3.6",
    "pyyaml>=6",
    "ruff>=0.9",
    "setuptools>=69",
    "types-protobuf",
    "types-tqdm",
]

setup(
    name="mindspore-explainer",
    version=VERSION["__version__"],
    description="Why a MindSpore image classifier decides as it does, how far each explanation can be trusted, "
    "and how sure the network is - for a whole dataset",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10,<3.13",
    packages=find_packages(include=["explainer", "explainer.*"]),
    package_data={
        "explainer": ["py.typed"],
        "explainer.report": ["page.html", "static/app.css", "static/app.js"],
        "explainer.summary": ["explain_pb2.pyi"],
    },
    install_requires=[
        "click>=8.1",
        "filelock>=3.12",
        "google-crc32c>=1.5",
        "mindspore>=2.7,<3",
        "numpy<2",
        "onnxruntime>=1.23.2",
        "pillow>=10",
        "protobuf>=6.31.1,<8",
        "rich>=13",
        "scipy>=1.10",
        "threadpoolctl>=3.1",
        "tomli>=2; python_version < '3.11'",
        "tqdm>=4.66",
    ],
    extras_require={
        "demo": DEMO,
        "docs": DOCS,
        "figure": FIGURE,
        "mindcv": MINDCV,
        "pandas": PANDAS,
        "ray": RAY,
        "remote": REMOTE,
        "serve": SERVE,
        "tensorboard": TENSORBOARD,
        "test": TEST,
    },
    entry_points={"console_scripts": ["explainer = explainer.command.main:main"]},
    classifiers=[
        "License :: OSI Approved :: Apache Software License",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
)
