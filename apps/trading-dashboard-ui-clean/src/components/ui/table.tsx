import type { ReactNode } from "react";
import styles from "./table.module.css";

export interface Column {
  key: string;
  label: ReactNode;
  isNumber?: boolean;
}

interface Props {
  caption: string;
  columns: readonly Column[];
  children: ReactNode;
}

/** A table that scrolls inside itself; the page never does. */
export function Table({ caption, columns, children }: Props) {
  return (
    // A scrolling region must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className={styles["scroll"]} role="region" aria-label={`${caption}, table`} tabIndex={0}>
      <table className={styles["table"]}>
        <caption className="sr-only">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.key} scope="col" data-number={column.isNumber ?? false}>
                {column.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}
