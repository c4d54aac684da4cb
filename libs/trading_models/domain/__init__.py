"""Rooms of `trading_models.base`: value types, ids, orders, events, signals. Import from `base`."""
