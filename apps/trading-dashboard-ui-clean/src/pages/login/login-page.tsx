import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { Button } from "@/components/ui/button";
import { ErrorNotice } from "@/components/ui/states";
import { meQuery } from "@/lib/api/queries";
import { login, redeemOneTime } from "@/lib/api/session";
import type { User } from "@/types/api";
import styles from "./login.module.css";

const route = getRouteApi("/login");
const TOKEN = "#token=";

/** The token of a one-time link; taken out of the address at once, so it is not kept in history. */
function takeToken(): string | null {
  if (!location.hash.startsWith(TOKEN)) return null;
  const token = decodeURIComponent(location.hash.slice(TOKEN.length));
  history.replaceState(history.state, "", location.pathname + location.search);
  return token === "" ? null : token;
}

export default function LoginPage() {
  const { redirect } = route.useSearch();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const enter = (user: User): void => {
    queries.setQueryData(meQuery.queryKey, user);
    void navigate({ href: redirect ?? "/", replace: true });
  };
  useEffect(() => {
    document.title = "Log in · ATS";
  }, []);
  return (
    <main className={styles["page"]}>
      <div className={styles["card"]}>
        <h1>Autonomous trading system</h1>
        <OneTime onDone={enter} />
        <PasswordForm onDone={enter} />
      </div>
    </main>
  );
}

interface DoneProps {
  onDone: (user: User) => void;
}

function OneTime({ onDone }: DoneProps) {
  const redeem = useMutation({
    mutationFn: redeemOneTime,
    onSuccess: (reply) => {
      onDone(reply.user);
    },
  });
  const { mutate } = redeem;
  useEffect(() => {
    const redeemLink = (): void => {
      const token = takeToken();
      if (token !== null) mutate(token);
    };
    redeemLink();
    // A link opened in a tab that already shows this page changes the hash only.
    window.addEventListener("hashchange", redeemLink);
    return () => {
      window.removeEventListener("hashchange", redeemLink);
    };
  }, [mutate]);
  if (redeem.isPending) return <p role="status">Opening the one-time link…</p>;
  if (!redeem.isError) return null;
  return (
    <>
      <ErrorNotice error={redeem.error} />
      <p className="muted">A link works once and for 60 s. Log in with the password instead.</p>
    </>
  );
}

function PasswordForm({ onDone }: DoneProps) {
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const attempt = useMutation({
    mutationFn: () => login(username, password),
    onSuccess: (reply) => {
      onDone(reply.user);
    },
  });
  return (
    <form
      className={styles["form"]}
      onSubmit={(event) => {
        event.preventDefault();
        attempt.mutate();
      }}
    >
      <label>
        User name
        <input
          name="username"
          autoComplete="username"
          required
          value={username}
          onChange={(event) => {
            setUsername(event.target.value);
          }}
        />
      </label>
      <label>
        Password
        <input
          name="password"
          type="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => {
            setPassword(event.target.value);
          }}
        />
      </label>
      {attempt.isError ? <ErrorNotice error={attempt.error} /> : null}
      <Button type="submit" tone="accent" disabled={attempt.isPending}>
        {attempt.isPending ? "Logging in…" : "Log in"}
      </Button>
    </form>
  );
}
