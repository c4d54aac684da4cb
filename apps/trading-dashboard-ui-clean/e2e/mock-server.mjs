// Development and test server: the built page, a made-up market, the live protocol. Not shipped.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";
import {
    aggregate,
    decisionOf,
    indicators,
    INSTRUMENT,
    instruments,
    makeBars,
    recordOf,
} from "./mock-data.mjs";

const DIST = fileURLToPath(new URL("../dist", import.meta.url));
const TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain",
};
const POLICY = "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'";
const TOTAL = 6_000;
const EPOCH = "mock-1";

/** Starts at `done` bars and decides `perSecond` more each second. Port 0 picks a free one. */
export async function startMock({ port = 0, done = 1_500, perSecond = 8 } = {}) {
    const bars = makeBars(TOTAL);
    const world = { done, level: null, state: "ACTIVE", seq: {}, clients: new Set() };

    const equityAt = (index) => (10_000 + index * 0.35 + 160 * Math.sin(index / 70)).toFixed(8);
    const drawdownAt = (index) => (2.1 + 2 * Math.sin(index / 70 + 3)).toFixed(6);
    const pointAt = (index) => ({
        at: bars[index].opened_at,
        equity: equityAt(index),
        drawdown_pct: drawdownAt(index),
    });
    const decisions = () => bars.slice(0, world.done).map(decisionOf).reverse();
    const refusals = () => {
        const groups = Map.groupBy(
            decisions().filter((row) => row.refused_by),
            (row) => row.refused_by,
        );
        return Object.fromEntries([...groups].map(([rule, rows]) => [rule, rows.length]));
    };
    const summary = () => ({
        equity: equityAt(world.done - 1),
        cash: "8120.10000000",
        equity_start: "10000.00000000",
        unrealized_pnl: (40 * Math.sin(world.done / 6)).toFixed(8),
        realized_pnl: "512.44000000",
        fees_paid: "61.02000000",
        day_pnl: "-18.22000000",
        day_pnl_pct: "-0.170000",
        total_return_pct: "5.240000",
        drawdown_pct: drawdownAt(world.done - 1),
        max_drawdown_pct: "4.080000",
        exposure_pct: "18.400000",
        open_risk_pct: "0.480000",
        trades: 41,
        wins: 22,
        win_rate_pct: "53.658537",
        profit_factor: "1.310000",
        bars_done: world.done,
        bars_total: TOTAL,
        decisions: world.done,
        refusals: refusals(),
        market_time: bars[world.done - 1].opened_at,
        equity_point: pointAt(world.done - 1),
    });
    const mode = () => ({
        mode: "paper",
        label: "DEMO",
        account: "paper-1",
        venue: "SIM",
        trading_state: world.state,
        agent_state: world.done >= TOTAL ? "finished" : world.level ? "paused" : "running",
        market_time: bars[world.done - 1].opened_at,
        data_name: "BTC-USD.SIM 15m sample",
        llm_label: "rules (no LLM)",
    });
    const position = () => ({
        account: "paper-1",
        instrument_id: INSTRUMENT,
        position_side: "LONG",
        quantity: "0.04196",
        average_entry_price: bars[world.done - 20].close,
        mark_price: bars[world.done - 1].close,
        opened_at: bars[world.done - 20].opened_at,
        stop_price: (Number(bars[world.done - 20].close) - 500).toFixed(2),
        target_price: (Number(bars[world.done - 20].close) + 900).toFixed(2),
        realized_pnl: "0.00000000",
        unrealized_pnl: summary().unrealized_pnl,
    });
    const risk = () => ({
        trading_state: world.state,
        level: world.level,
        reason: world.level ? "asked for on the dashboard" : null,
        safe_mode: false,
        safe_mode_until: null,
        limits: [
            {
                name: "daily_drawdown_pct",
                value: "1.760000",
                limit: "8.000000",
                used_pct: "22.000000",
            },
            { name: "monthly_drawdown_pct", value: "7.2", limit: "20", used_pct: "36.000000" },
            { name: "portfolio_exposure_pct", value: "18.4", limit: "20", used_pct: "92.000000" },
            { name: "leverage", value: "0.184000", limit: "3.000000", used_pct: "6.133333" },
        ],
        daily_drawdown_pct: "1.760000",
        monthly_drawdown_pct: "7.200000",
    });
    const health = () => ({
        status: "ok",
        services: ["api", "gateway", "venue", "database"].map((name) => ({
            name,
            status: "ok",
            age_s: 0.4,
            detail: "reported in time",
            latency_ms: 1.2,
        })),
        clock_offset_ms: 0,
        version: "0.1.0",
    });
    const order = (leg) => ({
        client_order_id: `ats1-${leg}`,
        instrument_id: INSTRUMENT,
        leg,
        status: "ACCEPTED",
    });

    const snapshot = (channel) => {
        if (channel === "portfolio") return summary();
        if (channel === "mode") return mode();
        if (channel === "risk") return risk();
        if (channel === "health") return health();
        if (channel === "positions") return { [INSTRUMENT]: position() };
        if (channel === "orders") {
            return { a: order("entry.stop"), b: order("entry.target") };
        }
        if (channel === "decisions") {
            return Object.fromEntries(
                decisions()
                    .slice(0, 200)
                    .reverse()
                    .map((row) => [row.decision_id, row]),
            );
        }
        return {};
    };

    const publish = (channel, ops) => {
        world.seq[channel] = (world.seq[channel] ?? 0) + 1;
        const frame = { t: "delta", ch: channel, epoch: EPOCH, seq: world.seq[channel], ops };
        for (const client of world.clients) {
            if (client.channels.has(channel)) client.socket.send(JSON.stringify(frame));
        }
    };
    const fields = (value) => Object.entries(value).map(([key, item]) => ["set", key, item]);

    const decideNext = () => {
        if (world.done >= TOTAL || world.frozen) return;
        const bar = bars[world.done];
        const row = decisionOf(bar, world.done);
        world.done += 1;
        publish(`bars.${INSTRUMENT}.15m`, [["set", bar.opened_at, bar]]);
        publish("decisions", [["set", row.decision_id, row]]);
        publish("positions", [["set", INSTRUMENT, position()]]);
        publish("portfolio", fields(summary()));
        publish("mode", [["set", "market_time", bar.opened_at]]);
    };

    const stop = (level, state) => {
        world.level = level;
        world.state = state;
        publish("risk", fields(risk()));
        publish("mode", fields(mode()));
        return { trading_state: state, level };
    };

    const chartOf = (query) => {
        const all = aggregate(bars.slice(0, world.done), query.get("timeframe"));
        const before = query.get("before");
        const until = before ? all.findIndex((bar) => bar.opened_at >= before) : all.length;
        return all.slice(Math.max(0, until - Number(query.get("limit") ?? 1000)), until);
    };

    const get = (path, query) => {
        if (path === "/me") return { username: "demo", role: "admin" };
        if (path === "/mode") return mode();
        if (path === "/instruments") return { instruments };
        if (path === "/portfolio/equity") {
            const step = Math.max(1, Math.ceil(world.done / 2000));
            const points = [];
            for (let index = 0; index < world.done; index += step) points.push(pointAt(index));
            return { points };
        }
        if (path === "/bars") return { bars: chartOf(query) };
        if (path === "/indicators") {
            const all = aggregate(bars.slice(0, world.done), query.get("timeframe"));
            const made = indicators(all, query.get("names").split(","));
            const shown = chartOf(query).map((bar) => bar.opened_at);
            const from = Math.max(0, made.opened_at.indexOf(shown[0]));
            const cut = (column) => column.slice(from, from + shown.length);
            const values = Object.entries(made.values).map(([name, column]) => [name, cut(column)]);
            return { opened_at: shown, values: Object.fromEntries(values) };
        }
        if (path === "/signals") {
            const rows = decisions().reverse();
            const from = query.get("from_at") ?? "";
            return {
                signals: rows.filter((row) => row.direction !== null && row.closed_at >= from),
            };
        }
        if (path === "/fills") {
            const from = query.get("from_at") ?? "";
            const rows = bars
                .slice(0, world.done)
                .flatMap((bar, index) => recordOf(bar, index).fills);
            return { fills: rows.filter((row) => row.market_time >= from) };
        }
        if (path === "/decisions") {
            const outcome = query.get("outcome") ?? "all";
            const limit = Number(query.get("limit") ?? 50);
            const from = Number(query.get("cursor") ?? 0);
            const rows = decisions().filter((row) => {
                if (outcome === "all") return true;
                return outcome === "candidate"
                    ? row.outcome !== "no_candidate"
                    : row.outcome === outcome;
            });
            const next = from + limit < rows.length ? String(from + limit) : null;
            return { decisions: rows.slice(from, from + limit), next_cursor: next };
        }
        if (path.startsWith("/decisions/")) {
            const wanted = path.slice("/decisions/".length);
            const index = bars.findIndex((bar, at) => decisionOf(bar, at).decision_id === wanted);
            return index < 0 ? null : recordOf(bars[index], index);
        }
        return null;
    };

    const post = (path, body) => {
        if (path === "/auth/login" && body.password !== "demo") return null;
        if (path === "/auth/login" || path === "/auth/one-time") {
            return { user: { username: "demo", role: "admin" } };
        }
        if (path === "/auth/ws-ticket")
            return { ticket: "mock", expires_at: new Date().toISOString() };
        if (path === "/control/pause") return stop("no_entries", "REDUCING");
        if (path === "/control/resume") return stop(null, "ACTIVE");
        if (path === "/control/kill") {
            return stop(body.level, body.level === "flatten" ? "HALTED" : "REDUCING");
        }
        return {};
    };

    const sendProblem = (response, status, title) => {
        response.writeHead(status, { "content-type": "application/problem+json" });
        response.end(
            JSON.stringify({ title, status, detail: `${title}.`, next_step: "Try again." }),
        );
    };

    const sendFile = async (response, path) => {
        const wanted = extname(path) === "" ? "index.html" : normalize(path);
        try {
            const body = await readFile(join(DIST, wanted));
            const type = TYPES[extname(wanted)] ?? "application/octet-stream";
            response.writeHead(200, { "content-type": type, "content-security-policy": POLICY });
            response.end(body);
        } catch {
            response.writeHead(404).end();
        }
    };

    const isLoggedIn = (request) => (request.headers.cookie ?? "").includes("ats_session=mock");

    const server = createServer(async (request, response) => {
        const url = new URL(request.url, "http://mock");
        if (!url.pathname.startsWith("/api/v1")) return sendFile(response, url.pathname);
        const path = url.pathname.slice("/api/v1".length);
        const isOpen = path === "/auth/login" || path === "/auth/one-time";
        if (!isOpen && !isLoggedIn(request)) return sendProblem(response, 401, "Not logged in");
        if (request.method === "GET") {
            const body = get(path, url.searchParams);
            if (body === null) return sendProblem(response, 404, "Not found");
            response.writeHead(200, { "content-type": "application/json" });
            return response.end(JSON.stringify(body));
        }
        let text = "";
        for await (const chunk of request) text += chunk;
        const body = post(path, JSON.parse(text || "{}"));
        if (body === null) return sendProblem(response, 401, "Wrong user name or password");
        const cookie = "ats_session=mock; HttpOnly; SameSite=Strict; Path=/";
        const headers = { "content-type": "application/json" };
        if (isOpen) headers["set-cookie"] = cookie;
        if (path === "/auth/logout") headers["set-cookie"] = "ats_session=; Max-Age=0; Path=/";
        response.writeHead(path === "/auth/logout" ? 204 : 200, headers);
        return response.end(path === "/auth/logout" ? "" : JSON.stringify(body));
    });

    const sockets = new WebSocketServer({ server, path: "/api/v1/ws" });
    sockets.on("connection", (socket) => {
        const client = { socket, channels: new Set() };
        const send = (frame) => socket.send(JSON.stringify(frame));
        world.clients.add(client);
        socket.on("close", () => world.clients.delete(client));
        socket.on("message", (data) => {
            if (world.frozen) return;
            const frame = JSON.parse(String(data));
            if (frame.op === "auth") {
                send({
                    t: "hello",
                    v: 1,
                    epoch: EPOCH,
                    server_time: new Date().toISOString(),
                    caps: [],
                });
            } else if (frame.op === "unsub") {
                client.channels.delete(frame.ch);
            } else {
                client.channels.add(frame.ch);
                const seq = world.seq[frame.ch] ?? 0;
                send({ t: "snap", ch: frame.ch, epoch: EPOCH, seq, data: snapshot(frame.ch) });
            }
        });
    });

    const beat = setInterval(() => {
        if (world.frozen) return;
        for (const { socket, channels } of world.clients) {
            const heads = Object.fromEntries(
                [...channels].map((name) => [name, world.seq[name] ?? 0]),
            );
            socket.send(JSON.stringify({ t: "hb", ts: new Date().toISOString(), heads }));
        }
    }, 1_000);
    const market = setInterval(decideNext, 1_000 / perSecond);

    await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
    return {
        url: `http://127.0.0.1:${server.address().port}`,
        /** A frozen server keeps its connections and says nothing. */
        freeze: (isFrozen) => {
            world.frozen = isFrozen;
        },
        close: () => {
            clearInterval(beat);
            clearInterval(market);
            for (const { socket } of world.clients) socket.terminate();
            sockets.close();
            server.closeAllConnections();
            server.close();
        },
    };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const mock = await startMock({ port: Number(process.env.PORT ?? 8787) });
    process.stdout.write(`mock system at ${mock.url} (user demo, password demo)\n`);
}
