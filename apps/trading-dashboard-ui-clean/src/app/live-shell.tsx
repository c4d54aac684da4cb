import { Shell } from "./shell/shell";
import { useOpenConnection } from "./use-open-connection";

/** Everything behind the login: one connection, then the shell. */
export function LiveShell() {
  useOpenConnection();
  return <Shell />;
}
