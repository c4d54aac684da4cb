import type { QueryClient } from "@tanstack/react-query";
import { redirect } from "@tanstack/react-router";
import { meQuery } from "@/lib/api/queries";
import { ApiError } from "@/lib/api/request";

/** Every page but Login needs a session; without one the address is kept for afterwards. */
export async function requireSession(queries: QueryClient, href: string): Promise<void> {
  try {
    await queries.ensureQueryData(meQuery);
  } catch (cause) {
    if (!(cause instanceof ApiError) || cause.status !== 401) throw cause;
    throw redirect({ to: "/login", search: href === "/" ? {} : { redirect: href } });
  }
}
