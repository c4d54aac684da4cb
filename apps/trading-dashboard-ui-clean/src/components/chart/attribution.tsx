/** The chart library's licence asks for a link where its charts are shown. */
export function Attribution() {
  return (
    <p className="meta faint">
      Charts by{" "}
      <a href="https://www.tradingview.com/" rel="noreferrer noopener" target="_blank">
        TradingView Lightweight Charts
      </a>
      . Times in UTC.
    </p>
  );
}
