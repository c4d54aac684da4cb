//! quick
use std::io::Write as _;
fn main() {
    let mut args = std::env::args().skip(1);
    let from: u64 = args.next().and_then(|a| a.parse().ok()).unwrap_or(0);
    let count: u64 = args.next().and_then(|a| a.parse().ok()).unwrap_or(10);
    let trace = args.next().is_some();
    let impossible = execution_gateway::simulation::coverage::Impossible::reviewed().unwrap();
    let mut out = std::io::stdout().lock();
    let mut all = execution_gateway::simulation::coverage::Coverage::default();
    let (mut ev, mut bad, mut minf) = (0, 0, 99);
    let mut kinds = std::collections::BTreeMap::new();
    for seed in from..from + count {
        let o = execution_gateway::simulation::run::run_seed(seed, &[], &impossible, trace).unwrap();
        for l in &o.trace { writeln!(out, "{l}").unwrap(); }
        all.add(&o.coverage);
        ev += o.events; minf = minf.min(o.fired);
        if !o.broken.is_empty() { bad += 1; 
            let b = &o.broken[0];
            let e = kinds.entry((b.invariant, b.detail.split(' ').skip(1).collect::<Vec<_>>().join(" "))).or_insert((0, vec![]));
            e.0 += 1; e.1.push(seed); }
    }
    for ((i, d), (n, s)) in kinds { writeln!(out, "{n:5} {i} {d} {:?}", &s[..s.len().min(4)]).unwrap(); }
    writeln!(out, "{}", all.table(&impossible)).unwrap();
    writeln!(out, "events {ev} bad {bad} min fired {minf}").unwrap();
}
