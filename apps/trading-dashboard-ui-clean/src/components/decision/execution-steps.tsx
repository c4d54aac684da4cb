import { Facts } from "@/components/ui/facts";
import { Signed } from "@/components/ui/signed";
import { Table } from "@/components/ui/table";
import {
  analysis,
  dateTime,
  decimal,
  price,
  quantity,
  shortTime,
  words,
} from "@/lib/format/format";
import type { DecisionRecord, Fill, Order, Trade } from "@/types/api";
import styles from "./decision.module.css";
import { Absent, Step } from "./step";

const ORDER_COLUMNS = [
  { key: "leg", label: "Leg" },
  { key: "order", label: "Order" },
  { key: "quantity", label: "Quantity", isNumber: true },
  { key: "filled", label: "Filled", isNumber: true },
  { key: "price", label: "Price", isNumber: true },
  { key: "status", label: "Status" },
];

const FILL_COLUMNS = [
  { key: "time", label: "Time (UTC)" },
  { key: "leg", label: "Leg" },
  { key: "side", label: "Side" },
  { key: "quantity", label: "Quantity", isNumber: true },
  { key: "price", label: "Price", isNumber: true },
  { key: "fee", label: "Fee", isNumber: true },
];

export function ExecutionStep({ record }: { record: DecisionRecord }) {
  return (
    <Step number={6} title="Orders and fills">
      {record.orders.length === 0 ? (
        <Absent>
          {record.outcome === "refused"
            ? "No order: the risk rules refused the signal."
            : "No order came out of this bar."}
        </Absent>
      ) : (
        <Table caption="Orders" columns={ORDER_COLUMNS}>
          {record.orders.map((order) => (
            <OrderRow key={order.client_order_id} order={order} />
          ))}
        </Table>
      )}
      {record.fills.length > 0 ? (
        <Table caption="Fills" columns={FILL_COLUMNS}>
          {record.fills.map((fill) => (
            <FillRow key={`${fill.client_order_id}/${fill.trade_id}`} fill={fill} />
          ))}
        </Table>
      ) : null}
      {record.orders.length > 0 && record.fills.length === 0 ? (
        <Absent>Nothing has been filled yet.</Absent>
      ) : null}
    </Step>
  );
}

function OrderRow({ order }: { order: Order }) {
  return (
    <tr>
      <td>{order.leg}</td>
      <td>
        {order.order_side} {words(order.order_type)}
      </td>
      <td className="num">{quantity(order.quantity)}</td>
      <td className="num">{quantity(order.filled_quantity)}</td>
      <td className="num">{price(order.price ?? order.trigger_price)}</td>
      <td>
        {words(order.status)}
        {order.reason ? <span className="muted"> ({order.reason})</span> : null}
      </td>
    </tr>
  );
}

function FillRow({ fill }: { fill: Fill }) {
  return (
    <tr>
      <td className={styles["left"]}>{shortTime(fill.market_time)}</td>
      <td>{fill.reason ? words(fill.reason) : fill.leg}</td>
      <td>{fill.order_side}</td>
      <td className="num">{quantity(fill.quantity)}</td>
      <td className="num">{price(fill.price)}</td>
      <td className="num">
        {decimal(fill.fee, { trim: true })} {fill.fee_asset}
      </td>
    </tr>
  );
}

export function OutcomeStep({ record }: { record: DecisionRecord }) {
  const trade = record.outcome_trade;
  return (
    <Step number={7} title="Outcome">
      {trade ? <TradeFacts trade={trade} /> : <NoTrade record={record} />}
    </Step>
  );
}

function NoTrade({ record }: { record: DecisionRecord }) {
  const isOpen = record.fills.length > 0;
  return (
    <Absent>
      {isOpen
        ? "The position is still open; the outcome is written when it closes."
        : "No position came out of this decision."}
    </Absent>
  );
}

function TradeFacts({ trade }: { trade: Trade }) {
  return (
    <Facts
      rows={[
        ["Trade", `no. ${trade.trade_no}, ${trade.position_side.toLowerCase()}`],
        ["Realised P&L", <Signed key="pnl" value={trade.realized_pnl} />],
        ["Return", <Signed key="return" value={trade.return_pct} kind="percent" />],
        ["R multiple", analysis(trade.r_multiple, 2)],
        ["Entry", `${price(trade.entry_price)} at ${dateTime(trade.entry_at)}`],
        ["Exit", `${price(trade.exit_price)} at ${dateTime(trade.exit_at)}`],
        ["Exit reason", words(trade.exit_reason)],
        ["Fees", decimal(trade.fees, { scale: 2 })],
      ]}
    />
  );
}
