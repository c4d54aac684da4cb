import { count, money } from "@/lib/format/format";
import { Signed } from "@/components/ui/signed";
import { grossNotional, openOrders, openPositions } from "@/stores/live/selectors";
import { useMode, useOrders, usePortfolio, usePositions } from "@/stores/live/stores";
import styles from "./facts.module.css";

/** What the action would touch, from the live feed, at this moment. */
export function ControlFacts() {
  const mode = useMode((state) => state.value);
  const positionRows = usePositions((state) => state.rows);
  const orderRows = useOrders((state) => state.rows);
  const openPnl = usePortfolio((state) => state.value?.unrealized_pnl ?? null);
  const positions = openPositions(positionRows);
  return (
    <dl className={styles["facts"]}>
      <dt>Mode</dt>
      <dd className={styles["mode"]}>
        {mode ? `${mode.label} · ${mode.account} on ${mode.venue}` : "not known yet"}
      </dd>
      <dt>Positions</dt>
      <dd className="num">{count(positions.length)}</dd>
      <dt>Gross notional (est.)</dt>
      <dd className="num">{money(grossNotional(positions))}</dd>
      <dt>Open P&amp;L</dt>
      <dd>
        <Signed value={openPnl} />
      </dd>
      <dt>Open orders</dt>
      <dd className="num">{count(openOrders(orderRows).length)}</dd>
    </dl>
  );
}

/** Per position: what the venue has confirmed so far. */
export function FlattenProgress() {
  const rows = usePositions((state) => state.rows);
  return (
    <ul className={styles["progress"]} aria-label="Positions">
      {Object.values(rows).map((row) => (
        <li key={row.instrument_id}>
          {row.instrument_id}: {row.position_side === "FLAT" ? "flat" : "closing, unconfirmed"}
        </li>
      ))}
    </ul>
  );
}
