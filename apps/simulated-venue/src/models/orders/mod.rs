//! Inputs of the core and the records it keeps. Prices and quantities are mantissas at the
//! instrument's scales.

mod enums;
mod records;
mod terms;
mod tickets;

pub use enums::{
    CancelRestriction, Contingency, ExpiryReason, ListStatus, ReplaceMode, SelfTradePrevention,
    Side, Status, SymbolStatus, TimeInForce,
};
pub use records::{
    AmendRecord, FeedReply, ListRecord, OrderRecord, PreventedMatch, StepReply, TradeRecord,
};
pub use terms::{OrderOptions, Terms, Trigger};
pub use tickets::{
    AmendTicket, CancelListTicket, CancelReplaceTicket, CancelTicket, Input, Leg, ListShape,
    ListTicket, OcoTicket, OrderTicket, TransferTicket,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::accounts::AccountId;
    use serde_json::json;

    /// The log of the bar modes must stay what it was, byte for byte.
    #[test]
    fn inputs_of_the_bar_modes_keep_their_form() {
        let stop = Terms::StopLoss {
            trigger: Trigger::Price { stop_price: 7 },
        };
        let order = Input::Order(OrderTicket {
            market: 0,
            side: Side::Buy,
            quantity: 5,
            terms: stop,
            client_order_id: None,
            account: AccountId::FIRST,
            options: OrderOptions::default(),
        });
        let all = Input::CancelAll {
            market: 1,
            cancel_id: None,
            account: AccountId::FIRST,
        };
        let cancel = Input::Cancel(CancelTicket {
            order_id: 3,
            cancel_id: Some("c".into()),
            account: AccountId::FIRST,
            restriction: None,
        });
        for (input, text) in [
            (
                order,
                r#"{"kind":"order","market":0,"side":"BUY","quantity":5,"terms":{"type":"STOP_LOSS","stop_price":7},"client_order_id":null}"#,
            ),
            (all, r#"{"kind":"cancel_all","market":1,"cancel_id":null}"#),
            (cancel, r#"{"kind":"cancel","order_id":3,"cancel_id":"c"}"#),
        ] {
            assert_eq!(serde_json::to_string(&input).unwrap(), text);
            assert_eq!(serde_json::from_str::<Input>(text).unwrap(), input);
        }
    }

    #[test]
    fn every_trigger_reads_back() {
        for (body, trigger) in [
            (json!({"stop_price": 7}), Trigger::new(Some(7), None)),
            (json!({"trailing_delta": 9}), Trigger::new(None, Some(9))),
            (
                json!({"stop_price": 7, "trailing_delta": 9}),
                Trigger::new(Some(7), Some(9)),
            ),
        ] {
            let mut terms =
                json!({"type": "TAKE_PROFIT_LIMIT", "price": 5, "time_in_force": "GTC"});
            let fields = terms.as_object_mut().unwrap();
            fields.extend(body.as_object().unwrap().clone());
            let read: Terms = serde_json::from_value(terms.clone()).unwrap();
            assert_eq!(read.trigger(), trigger);
            assert_eq!(serde_json::to_value(read).unwrap(), terms);
        }
    }
}
