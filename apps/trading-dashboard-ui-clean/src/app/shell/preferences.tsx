import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { Icon } from "@/components/ui/icon";
import { logout } from "@/lib/api/session";
import { useDialogs } from "@/stores/dialogs";
import { type Palette, type Theme, usePrefs } from "@/stores/prefs";
import styles from "./preferences.module.css";

const THEMES: readonly { value: Theme; label: string }[] = [
  { value: "system", label: "Theme: system" },
  { value: "dark", label: "Theme: dark" },
  { value: "light", label: "Theme: light" },
];

const PALETTES: readonly { value: Palette; label: string }[] = [
  { value: "default", label: "Green up" },
  { value: "colour-blind", label: "Colour-blind safe" },
  { value: "red-up", label: "Red up" },
];

/** Applies the stored look to the root element, following the system where asked. */
export function useAppearance(): void {
  const theme = usePrefs((state) => state.theme);
  const palette = usePrefs((state) => state.palette);
  useEffect(() => {
    const root = document.documentElement;
    const query = window.matchMedia("(prefers-color-scheme: light)");
    const apply = (): void => {
      const system = query.matches ? "light" : "dark";
      root.dataset["theme"] = theme === "system" ? system : theme;
      root.dataset["palette"] = palette;
      window.dispatchEvent(new Event("ats-appearance"));
    };
    apply();
    query.addEventListener("change", apply);
    return () => {
      query.removeEventListener("change", apply);
    };
  }, [theme, palette]);
}

export function Preferences() {
  const prefs = usePrefs();
  const show = useDialogs((state) => state.show);
  const queries = useQueryClient();
  const navigate = useNavigate();
  const leave = useMutation({
    mutationFn: logout,
    onSettled: () => {
      queries.clear();
      void navigate({ to: "/login", search: {} });
    },
  });
  return (
    <div className={styles["preferences"]}>
      <select
        aria-label="Theme"
        value={prefs.theme}
        onChange={(event) => {
          prefs.setTheme(event.target.value as Theme);
        }}
      >
        {THEMES.map((item) => (
          <option key={item.value} value={item.value}>
            {item.label}
          </option>
        ))}
      </select>
      <select
        aria-label="Colours of profit and loss"
        value={prefs.palette}
        onChange={(event) => {
          prefs.setPalette(event.target.value as Palette);
        }}
      >
        {PALETTES.map((item) => (
          <option key={item.value} value={item.value}>
            {item.label}
          </option>
        ))}
      </select>
      <button
        type="button"
        onClick={() => {
          show("help");
        }}
      >
        <Icon name="help" /> Keys
      </button>
      <button
        type="button"
        onClick={() => {
          leave.mutate();
        }}
      >
        <Icon name="leave" /> Log out
      </button>
    </div>
  );
}
