import { Link } from "@tanstack/react-router";
import styles from "./page-error.module.css";

export function NotFound() {
  return (
    <div className={styles["page"]}>
      <h1>No such page</h1>
      <p>
        The address leads nowhere. <Link to="/">Go to the overview</Link>.
      </p>
    </div>
  );
}
