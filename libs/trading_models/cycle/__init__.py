"""The pure decision code that backtest, paper and live share (K20)."""
