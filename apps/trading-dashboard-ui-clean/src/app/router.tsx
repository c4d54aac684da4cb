import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
  type SearchSchemaInput,
} from "@tanstack/react-router";
import { instrumentsQuery } from "@/lib/api/queries";
import { type ChartSearch, readChartSearch } from "@/pages/charts/chart-search";
import { type DecisionSearch, readDecisionSearch } from "@/pages/decisions/decision-search";
import { PageError } from "./page-error";
import { NotFound } from "./not-found";
import { requireSession } from "./session";

interface Context {
  queries: QueryClient;
}

const root = createRootRouteWithContext<Context>()({ component: Outlet });

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: (search: Record<string, unknown>): { redirect?: string } => {
    const target = search["redirect"];
    // Only a path of this site: a full address would be an open redirect.
    const isLocal = typeof target === "string" && /^\/(?![/\\])/.test(target);
    return isLocal ? { redirect: target } : {};
  },
  component: lazyRouteComponent(() => import("@/pages/login/login-page")),
});

const app = createRoute({
  getParentRoute: () => root,
  id: "app",
  beforeLoad: ({ context, location }) => requireSession(context.queries, location.href),
  component: lazyRouteComponent(() => import("./live-shell"), "LiveShell"),
});

const overview = createRoute({
  getParentRoute: () => app,
  path: "/",
  component: lazyRouteComponent(() => import("@/pages/overview/overview-page")),
});

const charts = createRoute({
  getParentRoute: () => app,
  path: "/charts",
  loader: async ({ context }) => {
    const instruments = await context.queries.ensureQueryData(instrumentsQuery);
    const first = instruments[0];
    if (!first) return;
    throw redirect({
      to: "/charts/$instrument",
      params: { instrument: first.instrument_id },
      search: {},
      replace: true,
    });
  },
  component: lazyRouteComponent(() => import("@/pages/charts/no-instrument-page")),
});

const chart = createRoute({
  getParentRoute: () => app,
  path: "/charts/$instrument",
  validateSearch: (search: Partial<ChartSearch> & SearchSchemaInput): ChartSearch =>
    readChartSearch(search),
  component: lazyRouteComponent(() => import("@/pages/charts/charts-page")),
});

const decisions = createRoute({
  getParentRoute: () => app,
  path: "/decisions",
  validateSearch: (search: Partial<DecisionSearch> & SearchSchemaInput): DecisionSearch =>
    readDecisionSearch(search),
  component: lazyRouteComponent(() => import("@/pages/decisions/decisions-page")),
});

const decision = createRoute({
  getParentRoute: () => app,
  path: "/decisions/$decisionId",
  component: lazyRouteComponent(() => import("@/pages/decisions/decision-page")),
});

const routeTree = root.addChildren([
  login,
  app.addChildren([overview, charts, chart, decisions, decision]),
]);

export const makeRouter = (queries: QueryClient) =>
  createRouter({
    routeTree,
    context: { queries },
    defaultPreload: "intent",
    defaultErrorComponent: PageError,
    defaultNotFoundComponent: NotFound,
    scrollRestoration: true,
    scrollToTopSelectors: ["#main"],
  });

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
