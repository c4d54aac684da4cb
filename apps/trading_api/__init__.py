"""REST and WebSocket API of the trading system."""
