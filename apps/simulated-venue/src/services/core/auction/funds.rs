//! The accounts' balances. Every move is double entry: what accounts, the outside market and the fee
//! box hold together changes by deposits and withdrawals alone.

use std::collections::BTreeMap;

use rust_common::Rounding;
use rust_common::fixed::divide;

use crate::error::VenueError;
use crate::models::accounts::{AccountConfig, AccountId, Balance};
use crate::models::orders::TransferTicket;

const ONE: i128 = 100_000_000;

#[derive(Debug, Clone)]
struct Account {
    config: AccountConfig,
    balances: BTreeMap<String, Balance>,
}

/// What is locked together: a single order, or the pair of a list of which only one can execute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    Order(u64),
    Pair(u64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Lock {
    account: AccountId,
    asset: String,
    amount: i128,
}

/// All balances and what they are locked for. Amounts are at scale 8.
#[derive(Debug, Clone)]
pub struct Funds {
    accounts: Vec<Account>,
    locks: BTreeMap<Holder, Lock>,
    /// Fees taken, by asset.
    pub fees: BTreeMap<String, i128>,
    /// What the outside market gained from the accounts, by asset.
    pub outside: BTreeMap<String, i128>,
}

impl Funds {
    pub fn new(accounts: Vec<AccountConfig>) -> Self {
        let open = |config: AccountConfig| Account {
            balances: config
                .balances
                .iter()
                .map(|(asset, free)| {
                    let balance = Balance {
                        free: *free,
                        locked: 0,
                    };
                    (asset.clone(), balance)
                })
                .collect(),
            config,
        };
        Self {
            accounts: accounts.into_iter().map(open).collect(),
            locks: BTreeMap::new(),
            fees: BTreeMap::new(),
            outside: BTreeMap::new(),
        }
    }

    pub fn accounts(&self) -> impl Iterator<Item = (AccountId, &AccountConfig)> {
        (0_u16..)
            .map(AccountId)
            .zip(self.accounts.iter().map(|account| &account.config))
    }

    pub fn config(&self, account: AccountId) -> Option<&AccountConfig> {
        self.accounts
            .get(account.index())
            .map(|account| &account.config)
    }

    /// Maker and taker rate in 1e-8.
    pub fn fee_rates(&self, account: AccountId) -> (i64, i64) {
        self.config(account).map_or((0, 0), |config| {
            (config.maker_fee_rate, config.taker_fee_rate)
        })
    }

    /// Free and locked amounts by asset name.
    pub fn balances(&self, account: AccountId) -> Vec<(String, i128, i128)> {
        let account = self.accounts.get(account.index());
        let balances = account.into_iter().flat_map(|account| &account.balances);
        balances
            .map(|(asset, balance)| (asset.clone(), balance.free, balance.locked))
            .collect()
    }

    pub fn balance(&self, account: AccountId, asset: &str) -> Balance {
        self.accounts
            .get(account.index())
            .and_then(|account| account.balances.get(asset))
            .copied()
            .unwrap_or_default()
    }

    /// Whether two orders may not trade with each other (faqs/stp_faq.md, "What defines a
    /// self-trade?").
    pub fn is_self_trade(&self, one: AccountId, other: AccountId) -> bool {
        one == other
            || self
                .group(one)
                .is_some_and(|group| Some(group) == self.group(other))
    }

    pub fn group(&self, account: AccountId) -> Option<i64> {
        self.config(account).and_then(|config| config.trade_group)
    }

    /// Fee on a received amount, half-even to 8 places.
    pub fn fee(&self, account: AccountId, received: i128, is_maker: bool) -> i128 {
        let (maker, taker) = self.fee_rates(account);
        let rate = i128::from(if is_maker { maker } else { taker });
        divide(received.saturating_mul(rate), ONE, Rounding::HalfEven).unwrap_or(0)
    }

    fn entry(&mut self, account: AccountId, asset: &str) -> Result<&mut Balance, VenueError> {
        let account = self
            .accounts
            .get_mut(account.index())
            .ok_or_else(VenueError::internal)?;
        if !account.balances.contains_key(asset) {
            account
                .balances
                .insert(asset.to_owned(), Balance::default());
        }
        account
            .balances
            .get_mut(asset)
            .ok_or_else(VenueError::internal)
    }

    /// Adds to (or takes from) a free balance, which must not fall below nothing.
    pub fn add(&mut self, account: AccountId, asset: &str, amount: i128) -> Result<(), VenueError> {
        let balance = self.entry(account, asset)?;
        balance.free += amount;
        if balance.free < 0 {
            return Err(VenueError::internal());
        }
        Ok(())
    }

    /// Makes exactly `amount` of `asset` locked for `holder`; 0 sets it all free.
    pub fn lock(
        &mut self,
        holder: Holder,
        account: AccountId,
        (asset, amount): (&str, i128),
    ) -> Result<(), VenueError> {
        let held = self.locks.get(&holder).map_or(0, |lock| lock.amount);
        let more = amount - held;
        let balance = self.entry(account, asset)?;
        balance.free -= more;
        balance.locked += more;
        if balance.free < 0 || balance.locked < 0 {
            return Err(VenueError::internal());
        }
        if amount == 0 {
            self.locks.remove(&holder);
        } else {
            let asset = asset.to_owned();
            let lock = Lock {
                account,
                asset,
                amount,
            };
            self.locks.insert(holder, lock);
        }
        Ok(())
    }

    /// Sets free what `holder` has locked.
    pub fn release(&mut self, holder: Holder) -> Result<(), VenueError> {
        match self.locks.get(&holder).cloned() {
            Some(lock) => self.lock(holder, lock.account, (&lock.asset, 0)),
            None => Ok(()),
        }
    }

    /// Sets everything free.
    pub fn release_all(&mut self) -> Result<(), VenueError> {
        let holders: Vec<Holder> = self.locks.keys().copied().collect();
        holders
            .into_iter()
            .try_for_each(|holder| self.release(holder))
    }

    pub fn take_fee(&mut self, asset: &str, fee: i128) {
        *self.fees.entry(asset.to_owned()).or_default() += fee;
    }

    pub fn to_outside(&mut self, asset: &str, amount: i128) {
        *self.outside.entry(asset.to_owned()).or_default() += amount;
    }

    /// Checks a deposit or a withdrawal and says what it moves.
    pub fn check_transfer(&self, ticket: &TransferTicket, sign: i128) -> Result<i128, VenueError> {
        if self.config(ticket.account).is_none() {
            return Err(VenueError::bad_request(-1100, "No such account."));
        }
        if ticket.amount <= 0 {
            let text = format!("amount {}: must be above 0", ticket.amount);
            return Err(VenueError::bad_request(-1100, text));
        }
        let moved = sign * i128::from(ticket.amount);
        if self.balance(ticket.account, &ticket.asset).free + moved < 0 {
            let text = "Account has insufficient balance for requested action.";
            return Err(VenueError::rejected(text));
        }
        Ok(moved)
    }

    /// Everything of an asset that accounts, fee box and outside hold.
    pub fn total(&self, asset: &str) -> i128 {
        let own: i128 = self
            .accounts
            .iter()
            .filter_map(|account| account.balances.get(asset))
            .map(|balance| balance.total())
            .sum();
        let box_of = |map: &BTreeMap<String, i128>| map.get(asset).copied().unwrap_or(0);
        own + box_of(&self.fees) + box_of(&self.outside)
    }
}
