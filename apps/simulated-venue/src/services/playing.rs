//! Time that moves by itself: free mode plays bars, market mode its feed.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::VenueError;
use crate::models::orders::Input;
use crate::services::control;
use crate::services::engine::Engine;
use crate::services::shell::Shell;

/// Feed events that one visit to the engine applies, so that requests get their turn.
const TOGETHER: usize = 64;
/// The longest sleep between two looks at the feed.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Free mode: one step per base bar, `speed` market seconds per wall second.
pub async fn play_bars(engine: Engine, speed: f64, mut stopped: watch::Receiver<bool>) {
    let mut due = Instant::now();
    loop {
        let ahead = engine
            .call(|shell| {
                let state = &shell.state;
                state
                    .next_close()
                    .map(|close| (state.step() + 1, close - state.market_time()))
            })
            .await;
        let Ok(Some((step, market_ms))) = ahead else {
            return;
        };
        let wall_s = (market_ms.max(0) as f64) / 1_000.0 / speed;
        due += Duration::try_from_secs_f64(wall_s).unwrap_or(Duration::MAX / 4);
        tokio::select! {
            () = tokio::time::sleep_until(due) => {}
            _ = stopped.changed() => return,
        }
        match engine
            .call(move |shell| control::advance(shell, step))
            .await
        {
            Ok(Ok(_)) => {}
            Ok(Err(e)) | Err(e) => {
                tracing::error!(error = %e, step, "the replay stopped");
                return;
            }
        }
    }
}

/// Market mode: the feed happens at `speed` market seconds per wall second until it ends.
pub async fn play_feed(engine: Engine, speed: f64, mut stopped: watch::Receiver<bool>) {
    let Ok(from) = engine.call(|shell| shell.state.market_time()).await else {
        return;
    };
    let began = Instant::now();
    loop {
        let passed = began.elapsed().as_secs_f64() * 1_000.0 * speed;
        let target = from.saturating_add(
            Duration::from_secs_f64(passed / 1_000.0)
                .as_millis()
                .try_into()
                .unwrap_or(i64::MAX),
        );
        let moved = engine.call(move |shell| move_to(shell, target)).await;
        match moved {
            Ok(Ok(Moved::Ended)) => {
                tracing::info!("the feed has ended");
                return;
            }
            Ok(Ok(Moved::More)) => continue,
            Ok(Ok(Moved::Waiting)) => {}
            Ok(Err(e)) | Err(e) => {
                tracing::error!(error = %e, "the feed stopped");
                return;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stopped.changed() => return,
        }
    }
}

/// How far one visit to the engine came.
enum Moved {
    /// Events are due that did not fit into the visit.
    More,
    Waiting,
    Ended,
}

fn move_to(shell: &mut Shell, target: i64) -> Result<Moved, VenueError> {
    for _ in 0..TOGETHER {
        match shell.state.next_feed_at() {
            None => return Ok(Moved::Ended),
            Some(at) if at > target => return Ok(Moved::Waiting),
            Some(_) => {}
        }
        let through = shell.state.feed_position() + 1;
        shell.apply(&Input::Feed { through }, None)?;
    }
    Ok(Moved::More)
}
