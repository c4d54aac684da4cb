import { MISSING, signedMoney, signedPercent, type Trend, trend } from "@/lib/format/format";
import { Icon } from "./icon";
import styles from "./signed.module.css";

const WORDS: Readonly<Record<Trend, string>> = { up: "gain", down: "loss", flat: "unchanged" };

interface Props {
  value: string | null | undefined;
  kind?: "money" | "percent";
}

/** A signed figure: sign, triangle and a word for screen readers, so colour is never alone. */
export function Signed({ value, kind = "money" }: Props) {
  const text = kind === "money" ? signedMoney(value) : signedPercent(value);
  if (text === MISSING) return <span className="num faint">{MISSING}</span>;
  const direction = trend(value);
  return (
    <span className={`num ${styles["signed"] ?? ""}`} data-trend={direction} title={value ?? ""}>
      {direction === "flat" ? null : <Icon name={direction} size={8} />}
      <span className="sr-only">{WORDS[direction]} </span>
      {text}
    </span>
  );
}
