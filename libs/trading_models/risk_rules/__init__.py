"""Shelf of risk rules: one file, one `RiskRule`. Opened by `risk_management` only."""
