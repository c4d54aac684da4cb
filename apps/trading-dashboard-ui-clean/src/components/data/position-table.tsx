import { Link } from "@tanstack/react-router";
import { Signed } from "@/components/ui/signed";
import { Table } from "@/components/ui/table";
import { price, quantity, shortTime } from "@/lib/format/format";
import type { Position } from "@/types/api";

const COLUMNS = [
  { key: "instrument", label: "Instrument" },
  { key: "side", label: "Side" },
  { key: "quantity", label: "Quantity", isNumber: true },
  { key: "entry", label: "Entry", isNumber: true },
  { key: "mark", label: "Mark", isNumber: true },
  { key: "stop", label: "Stop", isNumber: true },
  { key: "target", label: "Target", isNumber: true },
  { key: "pnl", label: "Open P&L", isNumber: true },
  { key: "opened", label: "Opened (UTC)", isNumber: true },
];

export function PositionTable({ positions }: { positions: readonly Position[] }) {
  return (
    <Table caption="Open positions" columns={COLUMNS}>
      {positions.map((row) => (
        <tr key={row.instrument_id}>
          <td>
            <Link to="/charts/$instrument" params={{ instrument: row.instrument_id }} search={{}}>
              {row.instrument_id}
            </Link>
          </td>
          <td>{row.position_side}</td>
          <td className="num">{quantity(row.quantity)}</td>
          <td className="num">{price(row.average_entry_price)}</td>
          <td className="num">{price(row.mark_price)}</td>
          <td className="num">{price(row.stop_price)}</td>
          <td className="num">{price(row.target_price)}</td>
          <td className="num">
            <Signed value={row.unrealized_pnl} />
          </td>
          <td className="num">{shortTime(row.opened_at)}</td>
        </tr>
      ))}
    </Table>
  );
}
