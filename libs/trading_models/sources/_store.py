"""Files of the bar store: Parquet as the record, one memory-mapped `.npy` per column as cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading_models.base import DataRejected, DataUnavailable, StorageError
from trading_models.sources._api import PRICES
from trading_models.sources._clean import CleanBars

COLUMNS: Mapping[str, type[np.generic]] = {
    "opened_at": np.int64,
    **dict.fromkeys(PRICES, np.int64),
    "volume": np.float64,
    "flags": np.uint8,
}
_CHUNK = 1 << 20


def file_sha256(path: Path) -> str:
    """SHA-256 hex of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all (temporary file, fsync, rename)."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error


def write_parquet(path: Path, bars: CleanBars) -> str:
    """Write the record; returns its SHA-256. Prices are mantissas, times UTC milliseconds."""
    import polars as pl  # noqa: PLC0415 - only import, download and cache building need it

    frame = pl.DataFrame(
        {
            "opened_at": bars.opened_at,
            **{name: bars.prices[name] for name in PRICES},
            "volume": bars.volume,
            "flags": bars.flags,
        }
    )
    fresh = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(fresh, compression="zstd", statistics=True)
        digest = file_sha256(fresh)
        fresh.replace(path)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    return digest


def build_cache(parquet: Path, sha256: str, directory: Path) -> None:
    """Make `directory` hold one `.npy` per column of `parquet`, whole or not at all.

    DataRejected if the Parquet file is not the one the manifest speaks of.
    """
    import polars as pl  # noqa: PLC0415

    if not parquet.is_file():
        raise DataUnavailable(f"{parquet} is gone", next_step="import it again: ats data import")
    found = file_sha256(parquet)
    if found != sha256:
        raise DataRejected(
            f"{parquet} has SHA-256 {found}, the manifest says {sha256}",
            next_step="the file was changed outside the store; import it again",
        )
    frame = pl.read_parquet(parquet)
    export_columns(directory, {name: frame[name].to_numpy() for name in COLUMNS})


def export_columns(directory: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the columns of interfaces.md section 4 into `directory`, whole or not at all."""
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=directory.parent, prefix=".new-"))
        for name, kind in COLUMNS.items():
            np.save(fresh / f"{name}.npy", np.ascontiguousarray(arrays[name], dtype=kind))
        if directory.exists():
            shutil.rmtree(fresh)
            return
        fresh.chmod(0o755)
        fresh.rename(directory)
    except OSError as error:
        if directory.exists():  # another process was faster; its files are the same
            shutil.rmtree(fresh, ignore_errors=True)
            return
        raise StorageError(f"{directory} cannot be written: {error.strerror}") from error


def map_columns(directory: Path) -> dict[str, NDArray[Any]]:
    """The columns of `directory`, memory-mapped read-only."""
    try:
        return {
            name: np.load(directory / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in COLUMNS
        }
    except (OSError, ValueError) as error:
        raise DataRejected(
            f"cache {directory} is damaged: {error}", next_step=f"delete {directory}; it is remade"
        ) from error
