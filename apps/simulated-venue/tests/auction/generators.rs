//! Random orders, lists, changes and feed events.

use proptest::prelude::*;
use simulated_venue::models::accounts::AccountId;
use simulated_venue::models::feed::FeedEvent;
use simulated_venue::models::orders::{
    AmendTicket, CancelReplaceTicket, CancelTicket, Input, Leg, ListShape, ListTicket,
    OrderOptions, OrderTicket, ReplaceMode, SelfTradePrevention, Side, SymbolStatus, Terms,
    TimeInForce, TransferTicket, Trigger,
};

use crate::support::*;

pub(crate) fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

pub(crate) fn account() -> impl Strategy<Value = AccountId> {
    (0_usize..3).prop_map(|index| ACCOUNTS[index])
}

pub(crate) fn force() -> impl Strategy<Value = TimeInForce> {
    prop_oneof![
        4 => Just(TimeInForce::Gtc),
        1 => Just(TimeInForce::Ioc),
        1 => Just(TimeInForce::Fok),
    ]
}

pub(crate) fn mode() -> impl Strategy<Value = SelfTradePrevention> {
    prop_oneof![
        3 => Just(SelfTradePrevention::None),
        5 => (0_usize..6).prop_map(|index| SelfTradePrevention::ALL[index]),
    ]
}

pub(crate) fn plain_terms() -> impl Strategy<Value = Terms> {
    prop_oneof![
        6 => (95_i64..106, force()).prop_map(|(price, time_in_force)| Terms::Limit {
            price,
            time_in_force
        }),
        1 => Just(Terms::Market),
        1 => (95_i64..106).prop_map(|price| Terms::LimitMaker { price }),
    ]
}

pub(crate) fn trigger(side: Side) -> BoxedStrategy<Trigger> {
    let price = (90_i64..111).prop_map(|stop_price| Trigger::Price { stop_price });
    let both = (90_i64..111, 100_u32..900).prop_map(|(stop_price, trailing_delta)| {
        Trigger::TrailingFrom {
            stop_price,
            trailing_delta,
        }
    });
    let trailing = (100_u32..900).prop_map(|trailing_delta| Trigger::Trailing { trailing_delta });
    match side {
        Side::Buy => prop_oneof![price, both].boxed(),
        Side::Sell => prop_oneof![price, both, trailing].boxed(),
    }
}

pub(crate) fn any_terms(side: Side) -> impl Strategy<Value = Terms> {
    let stops = (trigger(side), 0_u8..4, 95_i64..106, force()).prop_map(
        |(trigger, kind, price, time_in_force)| match kind {
            0 => Terms::StopLoss { trigger },
            1 => Terms::TakeProfit { trigger },
            2 => Terms::StopLossLimit {
                price,
                time_in_force,
                trigger,
            },
            _ => Terms::TakeProfitLimit {
                price,
                time_in_force,
                trigger,
            },
        },
    );
    prop_oneof![3 => plain_terms(), 2 => stops]
}

pub(crate) fn options(slice: Option<i64>, mode: SelfTradePrevention) -> OrderOptions {
    OrderOptions {
        iceberg_quantity: slice,
        self_trade_prevention: mode,
        ..OrderOptions::default()
    }
}

pub(crate) fn order_of(
    terms: impl Fn(Side) -> BoxedStrategy<Terms>,
) -> impl Strategy<Value = OrderTicket> {
    let what = side().prop_flat_map(move |side| (Just(side), terms(side)));
    let slice = prop_oneof![3 => Just(None), 1 => (1_i64..10).prop_map(Some)];
    (account(), what, 10_i64..40, slice, mode(), 0_usize..4).prop_map(
        |(account, (side, terms), quantity, slice, mode, market)| OrderTicket {
            market: usize::from(market == 3),
            side,
            quantity,
            terms,
            client_order_id: None,
            account,
            options: options(slice.filter(|_| terms.limit_price().is_some()), mode),
        },
    )
}

/// Order numbers in random inputs count back from the newest order.
pub(crate) fn input() -> impl Strategy<Value = Input> {
    let back = 0_u64..30;
    let amend = (back.clone(), 1_i64..40).prop_map(|(order_id, new_quantity)| {
        Input::Amend(AmendTicket {
            account: A,
            order_id,
            new_quantity,
            new_client_order_id: None,
        })
    });
    let order = || order_of(|side| any_terms(side).boxed());
    let replace = (back.clone(), order(), prop::bool::ANY).prop_map(|(id, order, stops)| {
        Input::CancelReplace(CancelReplaceTicket {
            cancel: CancelTicket {
                order_id: id,
                cancel_id: None,
                account: order.account,
                restriction: None,
            },
            mode: if stops {
                ReplaceMode::StopOnFailure
            } else {
                ReplaceMode::AllowFailure
            },
            order,
        })
    });
    let transfer = || {
        (account(), 1_i64..1_000).prop_map(|(account, amount)| TransferTicket {
            account,
            asset: "BTC".to_owned(),
            amount,
        })
    };
    let status = (0_usize..2, 0_u8..4).prop_map(|(market, kind)| Input::SymbolStatus {
        market,
        status: match kind {
            0 => SymbolStatus::Halt,
            1 => SymbolStatus::CancelOnly,
            _ => SymbolStatus::Trading,
        },
    });
    prop_oneof![
        14 => order().prop_map(Input::Order),
        6 => list_ticket().prop_map(Input::List),
        5 => back.prop_map(|id| cancel(A, id)),
        3 => amend,
        2 => replace,
        8 => (1_u64..4).prop_map(|through| Input::Feed { through }),
        1 => transfer().prop_map(Input::Deposit),
        1 => transfer().prop_map(Input::Withdraw),
        1 => status,
        1 => (account(), 0_usize..2).prop_map(|(account, market)| Input::CancelAll {
            market,
            cancel_id: None,
            account,
        }),
        1 => prop_oneof![9 => Just(Input::Feed { through: 1 }), 1 => Just(Input::Forget)],
    ]
}

pub(crate) fn list_ticket() -> impl Strategy<Value = ListTicket> {
    let leg = |side: Side, quantity: i64, terms: Terms| Leg {
        side,
        quantity,
        terms,
        client_order_id: None,
        options: OrderOptions::default(),
    };
    let prices = (95_i64..106, 98_i64..106, 94_i64..103);
    (
        account(),
        side(),
        10_i64..40,
        prices,
        0_u8..3,
        any_terms(Side::Sell),
    )
        .prop_map(
            move |(account, side, quantity, (price, above, below), kind, pending)| {
                let limit = |price| Terms::LimitMaker { price };
                let (up, down) = match side {
                    Side::Sell => (limit(above), stop(below)),
                    Side::Buy => (stop(above), limit(below)),
                };
                let pair = (leg(side, quantity, up), leg(side, quantity, down));
                let working = leg(side.opposite(), quantity, gtc(price));
                let shape = match kind {
                    0 => ListShape::Oco {
                        above: pair.0,
                        below: pair.1,
                    },
                    1 => ListShape::Oto {
                        working,
                        pending: leg(Side::Sell, quantity, pending),
                    },
                    _ => ListShape::Otoco {
                        working,
                        above: pair.0,
                        below: pair.1,
                    },
                };
                ListTicket {
                    account,
                    market: BTC,
                    client_order_id: None,
                    shape,
                }
            },
        )
}

pub(crate) fn feed_event() -> impl Strategy<Value = FeedEvent> {
    let bids = prop::collection::vec((94_i64..100, 0_i64..40), 0..4);
    let asks = prop::collection::vec((101_i64..107, 0_i64..40), 0..4);
    let depth = (bids, asks, 0_usize..2).prop_map(|(bids, asks, market)| {
        let levels = |side: Vec<(i64, i64)>| side.into_iter().map(|(p, q)| level(p, q)).collect();
        FeedEvent::Depth {
            market,
            first_update_id: 0,
            final_update_id: 0,
            bids: levels(bids),
            asks: levels(asks),
            at: 0,
        }
    });
    let print = (94_i64..107, 1_i64..60, side(), 0_usize..2).prop_map(
        |(price, quantity, taker, market)| FeedEvent::Print {
            market,
            price,
            quantity,
            taker,
            at: 0,
            trade_id: 0,
        },
    );
    prop_oneof![depth, print]
}

pub(crate) fn timed(event: FeedEvent, n: i64) -> FeedEvent {
    let mut event = event;
    match &mut event {
        FeedEvent::Snapshot { at, .. }
        | FeedEvent::Depth { at, .. }
        | FeedEvent::Print { at, .. }
        | FeedEvent::Best { at, .. } => *at = 1_700_000_000_000 + n * 700,
    }
    event
}
