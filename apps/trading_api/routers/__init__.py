"""One router, one noun."""
