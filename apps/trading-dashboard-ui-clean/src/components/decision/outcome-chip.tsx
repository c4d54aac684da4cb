import { Chip, type ChipTone } from "@/components/ui/chip";
import { Icon, type IconName } from "@/components/ui/icon";
import { words } from "@/lib/format/format";

const LOOK: Readonly<Record<string, readonly [ChipTone, IconName, string]>> = {
  approved: ["profit", "check", "approved"],
  refused: ["warn", "cross", "refused"],
  exit: ["info", "right", "exit"],
};

/** What became of a decision: icon, word and colour. */
export function OutcomeChip({ outcome }: { outcome: string }) {
  const look = LOOK[outcome];
  if (!look) return <Chip>{words(outcome)}</Chip>;
  const [tone, icon, label] = look;
  return (
    <Chip tone={tone}>
      <Icon name={icon} size={10} />
      {label}
    </Chip>
  );
}
