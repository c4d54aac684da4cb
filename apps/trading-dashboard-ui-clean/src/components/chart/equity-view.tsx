import { useEffect, useRef } from "react";
import { usePortfolio } from "@/stores/live/stores";
import type { EquityPoint } from "@/types/api";
import { EquityChart } from "./equity-chart";

interface Props {
  points: readonly EquityPoint[];
  height: number;
}

/** History by REST, then one point per frame from the live store, outside React's render. */
export default function EquityView({ points, height }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<EquityChart | null>(null);

  useEffect(() => {
    if (!host.current) return;
    const made = new EquityChart(host.current);
    chart.current = made;
    const repaint = (): void => {
      made.paint();
    };
    const stop = usePortfolio.subscribe((state) => {
      if (state.value?.equity_point) made.append(state.value.equity_point);
    });
    window.addEventListener("ats-appearance", repaint);
    return () => {
      stop();
      window.removeEventListener("ats-appearance", repaint);
      made.dispose();
      chart.current = null;
    };
  }, []);

  useEffect(() => {
    chart.current?.load(points);
    const live = usePortfolio.getState().value?.equity_point;
    if (live) chart.current?.append(live);
  }, [points]);

  return <div ref={host} style={{ height }} aria-hidden="true" data-testid="equity-chart" />;
}
