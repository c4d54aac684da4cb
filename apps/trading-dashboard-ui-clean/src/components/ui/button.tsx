import type { ButtonHTMLAttributes, ReactNode } from "react";
import styles from "./button.module.css";
import { Icon, type IconName } from "./icon";

export type ButtonTone = "plain" | "accent" | "warn" | "danger";

interface Props extends ButtonHTMLAttributes<HTMLButtonElement> {
  tone?: ButtonTone;
  icon?: IconName;
  children: ReactNode;
}

export function Button({ tone = "plain", icon, children, ...rest }: Props) {
  return (
    <button type="button" className={styles["button"]} data-tone={tone} {...rest}>
      {icon ? <Icon name={icon} size={14} /> : null}
      {children}
    </button>
  );
}
