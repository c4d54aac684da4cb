import { useEffect } from "react";
import { useMode } from "@/stores/live/stores";

/** The page's name and the mode in the tab title, so LIVE is visible from another tab. */
export function useTitle(page: string): void {
  const label = useMode((state) => state.value?.label ?? null);
  useEffect(() => {
    document.title = label ? `${page} · ${label} · ATS` : `${page} · ATS`;
  }, [page, label]);
}
