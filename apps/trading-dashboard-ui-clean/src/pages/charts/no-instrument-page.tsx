import { Empty } from "@/components/ui/states";
import { useTitle } from "@/hooks/use-title";

export default function NoInstrumentPage() {
  useTitle("Charts");
  return (
    <>
      <h1>Charts</h1>
      <Empty
        what="No instrument is loaded"
        why="The system trades nothing yet."
        next="Start it with data: ./ats demo, or ./ats up --data PATH."
      />
    </>
  );
}
