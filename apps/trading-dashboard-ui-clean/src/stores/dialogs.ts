import { create } from "zustand";

export type DialogName = "pause" | "resume" | "flatten" | "halt" | "help";

interface Dialogs {
  open: DialogName | null;
  show: (name: DialogName) => void;
  close: () => void;
}

export const useDialogs = create<Dialogs>((set) => ({
  open: null,
  show: (name) => {
    set({ open: name });
  },
  close: () => {
    set({ open: null });
  },
}));
