"""Shelf of storage adapters. Only the front door `trading_models.persistence` opens it."""
