import { Kpi, KpiRow } from "@/components/data/kpi";
import { Panel } from "@/components/ui/panel";
import { Signed } from "@/components/ui/signed";
import { Skeleton } from "@/components/ui/states";
import { absolute } from "@/lib/format/decimal";
import { analysis, compactMoney, count, percent } from "@/lib/format/format";
import { usePortfolio } from "@/stores/live/stores";

const ROW_HEIGHT = 64;

export function KpiPanel() {
  const value = usePortfolio((state) => state.value);
  return (
    <Panel title="Results" isLive aside="costs included">
      {value === null ? (
        <Skeleton height={ROW_HEIGHT} label="Loading results" />
      ) : (
        <KpiRow>
          <Kpi label="Today" note={<Signed value={value.day_pnl_pct} kind="percent" />}>
            <Signed value={value.day_pnl} />
          </Kpi>
          <Kpi label="Realised P&L" note={`start ${compactMoney(value.equity_start)}`}>
            <Signed value={value.realized_pnl} />
          </Kpi>
          <Kpi label="Drawdown now" note={`worst ${percent(absolute(value.max_drawdown_pct))}`}>
            <span className="num">{percent(absolute(value.drawdown_pct))}</span>
          </Kpi>
          <Kpi label="Win rate" note={`${count(value.wins)} of ${count(value.trades)} trades`}>
            <span className="num">{percent(value.win_rate_pct, { scale: 1 })}</span>
          </Kpi>
          <Kpi label="Profit factor" note={value.trades === 0 ? "no trades yet" : "gross"}>
            <span className="num">{analysis(value.profit_factor, 2)}</span>
          </Kpi>
          <Kpi label="Fees paid" note="all trades">
            <span className="num" title={value.fees_paid}>
              {compactMoney(value.fees_paid)}
            </span>
          </Kpi>
        </KpiRow>
      )}
    </Panel>
  );
}
