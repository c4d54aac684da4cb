import { create } from "zustand";
import { persist } from "zustand/middleware";

export type Theme = "system" | "dark" | "light";
export type Palette = "default" | "colour-blind" | "red-up";

interface Prefs {
  theme: Theme;
  palette: Palette;
  setTheme: (theme: Theme) => void;
  setPalette: (palette: Palette) => void;
}

/** How the screen looks; nothing secret is ever kept here. */
export const usePrefs = create<Prefs>()(
  persist(
    (set) => ({
      theme: "system",
      palette: "default",
      setTheme: (theme) => {
        set({ theme });
      },
      setPalette: (palette) => {
        set({ palette });
      },
    }),
    { name: "ats-prefs", version: 1 },
  ),
);
