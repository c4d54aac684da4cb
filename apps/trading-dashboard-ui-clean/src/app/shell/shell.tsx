import { Link, Outlet } from "@tanstack/react-router";
import { ControlDialogs } from "@/components/safety/control-buttons";
import { Icon, type IconName } from "@/components/ui/icon";
import { LinkAnnouncer, LinkBanner } from "./link-dot";
import { ModeFrame } from "./mode-frame";
import { Preferences } from "./preferences";
import styles from "./shell.module.css";
import { HelpDialog, ShellHotkeys } from "./shortcuts";
import { TopBar } from "./top-bar";

interface NavItem {
  to: "/" | "/charts" | "/decisions";
  icon: IconName;
  label: string;
}

const ITEMS: readonly NavItem[] = [
  { to: "/", icon: "overview", label: "Overview" },
  { to: "/charts", icon: "charts", label: "Charts" },
  { to: "/decisions", icon: "decisions", label: "Decisions" },
];

export function Shell() {
  return (
    <div className={styles["shell"]}>
      <a className={styles["skip"]} href="#main">
        Skip to content
      </a>
      <ModeFrame />
      <ShellHotkeys />
      <TopBar />
      <LinkBanner />
      <LinkAnnouncer />
      <nav className={styles["nav"]} aria-label="Pages">
        <ul>
          {ITEMS.map((item) => (
            <li key={item.to}>
              <Link to={item.to} activeOptions={{ exact: item.to === "/" }}>
                <Icon name={item.icon} />
                {item.label}
              </Link>
            </li>
          ))}
        </ul>
        <div className={styles["foot"]}>
          <Preferences />
        </div>
      </nav>
      <main id="main" className={styles["main"]} tabIndex={-1} data-scroll-restoration-id="main">
        <Outlet />
        <footer className={styles["footer"]}>
          <Preferences />
        </footer>
      </main>
      <ControlDialogs />
      <HelpDialog />
    </div>
  );
}
