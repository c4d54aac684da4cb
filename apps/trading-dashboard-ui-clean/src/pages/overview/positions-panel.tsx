import { PositionTable } from "@/components/data/position-table";
import { Panel } from "@/components/ui/panel";
import { Empty, Skeleton } from "@/components/ui/states";
import { count } from "@/lib/format/format";
import { openPositions } from "@/stores/live/selectors";
import { usePositions } from "@/stores/live/stores";

const ROW_HEIGHT = 80;

export function PositionsPanel() {
  const rows = usePositions((state) => state.rows);
  const isLoaded = usePositions((state) => state.isLoaded);
  const open = openPositions(rows);
  return (
    <Panel title="Open positions" isLive aside={isLoaded ? count(open.length) : null}>
      {isLoaded ? (
        <PositionsBody open={open} />
      ) : (
        <Skeleton height={ROW_HEIGHT} label="Loading positions" />
      )}
    </Panel>
  );
}

function PositionsBody({ open }: { open: ReturnType<typeof openPositions> }) {
  if (open.length > 0) return <PositionTable positions={open} />;
  return (
    <Empty
      what="Flat: no open position"
      why="No approved signal is in the market right now."
      next="Refused and missed signals are under Decisions, each with its reason."
    />
  );
}
