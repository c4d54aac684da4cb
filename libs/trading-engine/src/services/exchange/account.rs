//! Balances: what is free, what open orders lock.

use rust_common::{Currency, DomainError, Money};

const OVERFLOW: DomainError = DomainError::Overflow {
    operation: "balance",
};

/// Position of a currency in the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AssetIndex(usize);

/// Amounts at scale 8. Neither is ever negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    pub free: Money,
    pub locked: Money,
}

impl Balance {
    /// `free + locked`.
    pub fn total(self) -> Money {
        Money::from_mantissa(self.free.mantissa().saturating_add(self.locked.mantissa()))
    }
}

#[derive(Default)]
pub(super) struct Account {
    currencies: Vec<Currency>,
    balances: Vec<Balance>,
}

impl Account {
    /// The index of a currency, adding it with nothing when it is new.
    pub(super) fn asset(&mut self, currency: &Currency) -> AssetIndex {
        if let Some(position) = self.currencies.iter().position(|known| known == currency) {
            return AssetIndex(position);
        }
        self.currencies.push(currency.clone());
        self.balances.push(Balance::default());
        AssetIndex(self.currencies.len() - 1)
    }

    /// Adds to a balance; a negative amount counts as none.
    pub(super) fn deposit(&mut self, currency: &Currency, amount: Money) {
        let asset = self.asset(currency);
        if let Some(balance) = self.balances.get_mut(asset.0) {
            let sum = balance
                .free
                .mantissa()
                .saturating_add(amount.mantissa().max(0));
            balance.free = Money::from_mantissa(sum);
        }
    }

    pub(super) fn balance(&self, currency: &Currency) -> Balance {
        let position = self.currencies.iter().position(|known| known == currency);
        position
            .map(|index| self.at(AssetIndex(index)))
            .unwrap_or_default()
    }

    pub(super) fn balances(&self) -> impl Iterator<Item = (&Currency, Balance)> {
        self.currencies.iter().zip(self.balances.iter().copied())
    }

    pub(super) fn at(&self, asset: AssetIndex) -> Balance {
        self.balances.get(asset.0).copied().unwrap_or_default()
    }

    pub(super) fn currency(&self, asset: AssetIndex) -> Result<&Currency, DomainError> {
        self.currencies.get(asset.0).ok_or(OVERFLOW)
    }

    /// Moves an amount from free to locked (negative: back). Changes nothing on error.
    pub(super) fn lock(&mut self, asset: AssetIndex, amount: Money) -> Result<(), DomainError> {
        let balance = self.balances.get_mut(asset.0).ok_or(OVERFLOW)?;
        let free = balance.free.checked_sub(amount)?;
        let locked = balance.locked.checked_add(amount)?;
        if free < Money::ZERO || locked < Money::ZERO {
            return Err(OVERFLOW);
        }
        *balance = Balance { free, locked };
        Ok(())
    }

    /// Pays one asset and receives another, both free. Changes nothing on error.
    pub(super) fn swap(
        &mut self,
        paid: (AssetIndex, Money),
        received: (AssetIndex, Money),
    ) -> Result<(), DomainError> {
        let after_paying = self.at(paid.0).free.checked_sub(paid.1)?;
        let after_receiving = self.at(received.0).free.checked_add(received.1)?;
        if after_paying < Money::ZERO || received.1 < Money::ZERO {
            return Err(OVERFLOW);
        }
        self.balances.get_mut(paid.0.0).ok_or(OVERFLOW)?.free = after_paying;
        self.balances.get_mut(received.0.0).ok_or(OVERFLOW)?.free = after_receiving;
        Ok(())
    }
}
