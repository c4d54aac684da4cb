import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { DecisionView } from "@/components/decision/decision-view";
import { Icon } from "@/components/ui/icon";
import { useTitle } from "@/hooks/use-title";
import { decisionQuery } from "@/lib/api/queries";
import { dateTime, shortId } from "@/lib/format/format";
import styles from "./decisions.module.css";

const route = getRouteApi("/app/decisions/$decisionId");

export default function DecisionPage() {
  const { decisionId } = route.useParams();
  const record = useQuery(decisionQuery(decisionId)).data;
  useTitle(`Decision ${shortId(decisionId)}`);
  return (
    <>
      <header className={styles["header"]}>
        <Link to="/decisions" search={{ outcome: "candidate" }} className={styles["back"]}>
          <Icon name="left" /> Decisions
        </Link>
        <h1>
          Decision <span className="mono">{shortId(decisionId)}</span>
        </h1>
        {record ? (
          <p className="muted">
            {record.instrument_id}, bar closed {dateTime(record.closed_at)},{" "}
            <Link
              to="/charts/$instrument"
              params={{ instrument: record.instrument_id }}
              search={{}}
            >
              chart
            </Link>
          </p>
        ) : null}
      </header>
      <div className={styles["panel"]}>
        <DecisionView decisionId={decisionId} />
      </div>
    </>
  );
}
