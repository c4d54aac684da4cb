import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { ApiError } from "@/lib/api/request";
import { makeRouter } from "./router";
import { useAppearance } from "./shell/preferences";

const MAX_RETRIES = 2;

/** A refusal will be refused again; only silence and server faults are worth another try. */
const shouldRetry = (failures: number, error: Error): boolean => {
  const isFinal = error instanceof ApiError && error.status >= 400 && error.status < 500;
  return !isFinal && failures < MAX_RETRIES;
};

const queries = new QueryClient({
  defaultOptions: { queries: { retry: shouldRetry, refetchOnWindowFocus: false } },
});
const router = makeRouter(queries);

export function App() {
  useAppearance();
  return (
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  );
}
