"""The live channel: one WebSocket, snapshots, deltas, sequence numbers."""
